/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A worker that only answers a question (survey, plan, lists), and is no job. */

#include <jansson.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Inquiry Inquiry;

/*
 * `answers` has the last report of each kind under its name, and under "answer" what the reports
 * of this name come to; "result" is always there, and tells of a worker that died as well. May free
 * the inquiry.
 */
typedef void (*InquiryDone)(void *userdata, Inquiry *inquiry, const json_t *answers);

int inquiry_new(sd_event *event, const json_t *request, InquiryDone done, void *userdata,
        Inquiry **ret);
Inquiry *inquiry_free(Inquiry *inquiry);
DEFINE_CLEANUP(Inquiry *, inquiry_free)

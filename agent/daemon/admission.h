/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether what a method asks for may begin now: a job, or a question that takes a worker. */

#include "daemon/job-bus.h"
#include "daemon/manager.h"

/*
 * Begins the job, or queues it, and answers the message as its options `wait` and `if-busy` say,
 * which the worker does not get; `wait` is what holds without that option.
 */
int admission_begin(Manager *manager, sd_bus_message *message, const JobRequest *request,
        JobWait wait, sd_bus_error *reterr);

/* Has a worker find out what `request` says, which may be NULL for want of memory. */
int admission_ask(Manager *manager, sd_bus_message *message, const json_t *request,
        QuestionReply reply, sd_bus_error *reterr);

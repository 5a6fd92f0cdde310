/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The verbs of quiesced-bundle. */

#include "bundle/session.h"

/* 0, an S3Outcome, or a negative errno, with session->message. */
int run_bundle(Session *session);
int run_check(Session *session);
int run_download(Session *session);
int run_unbundle(Session *session);
int run_upload(Session *session);

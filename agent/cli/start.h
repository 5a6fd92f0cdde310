/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A job, from the call that begins it to what came of it. */

#include "base/json.h"
#include "cli/request.h"

/*
 * Begins the job (whose request has to `wait` for no more than "queued"), follows it as far as
 * --wait= says, and prints it: with --json as a document, else, unless --quiet, by `print`, which
 * also gets what has failed and may say nothing of that (0 or -ENOMEM). The failure itself is told
 * here. Returns the exit status.
 */
int start_and_show(
        const Request *request, const Arguments *arguments, int (*print)(const json_t *job));

/*
 * The same without printing it: 0 once the job has come as far as it should or has failed, and
 * *ret; or the exit status after a message. A finished job has its "details", if it has any.
 */
int start_and_follow(const Request *request, const Arguments *arguments, json_t **ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A job of the daemon's, followed to the point that the caller wants to see. */

#include <systemd/sd-bus.h>

#include "base/json.h"
#include "cli/progress.h"

typedef enum WaitUntil {
        WAIT_QUEUED,
        WAIT_SECURED, /* the point in time is taken */
        WAIT_COMPLETED,
} WaitUntil;

typedef enum FollowOutcome {
        FOLLOW_REACHED,     /* or the job has ended, well or not */
        FOLLOW_INTERRUPTED, /* SIGINT, SIGTERM or SIGHUP: the job goes on */
        FOLLOW_LOST,        /* the daemon went away, and did not come back */
        FOLLOW_FAILED,      /* a message was printed */
} FollowOutcome;

typedef struct Follow {
        const char *path;
        WaitUntil until;
        Progress *progress;
        json_t *job; /* its properties, as far as they are known; the caller's to release */
        int signal;  /* that interrupted */
} Follow;

/* The value of --wait=; NULL is the default, completed. */
WaitUntil wait_until_from_string(const char *string);

/* A FollowOutcome, or a negative errno. */
int follow_job(sd_bus *bus, Follow *follow);

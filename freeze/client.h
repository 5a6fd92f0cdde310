/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The unprivileged end of a freeze: each verb is one request to quiesced-freezer and its answer. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "freeze/protocol.h"

#define FREEZER_SOCKET "/run/quiesced/freezer.sock"

/* Outcomes beside 0 and negative errno (no freezer, connection lost, no answer in time). */
typedef enum FreezerOutcome {
        FREEZER_E_BUSY = 1, /* another freeze is running on this host */
        FREEZER_E_DENIED, /* the freezer does not serve this user */
        FREEZER_E_REFUSED, /* the freezer found the request wrong, or could not prepare */
        FREEZER_E_VANISHED, /* a mount is no longer where it was */
        FREEZER_E_FOREIGN, /* somebody else holds a file system frozen */
        FREEZER_E_FAILED, /* a file system cannot be opened, synced or frozen */
        FREEZER_E_TIMEOUT, /* the deadline (or, for sync, its limit) came first */
        FREEZER_E_BROKEN, /* thawed, but not by this request: see the report's reason and errors */
} FreezerOutcome;

typedef struct FreezerMount {
        const char *path;
        unsigned major;
        unsigned minor;
        unsigned group;
} FreezerMount;

typedef struct FreezerClient FreezerClient;

/* Connects to the socket at `path`; the object remembers one freeze. */
int freezer_client_new(const char *path, FreezerClient **ret);

/* Ends the connection, which thaws, and waits up to half a second until the freezer let go. */
FreezerClient *freezer_client_free(FreezerClient *client);
DEFINE_CLEANUP(FreezerClient *, freezer_client_free)

/* A descriptor of PID 1's /proc/1/mountinfo, which the caller closes. Only before the plan. */
int freezer_client_mountinfo(FreezerClient *client, int *ret_fd);

/* Opens and checks all. `mounts` are ordered by group; `flags` are FREEZE_PLAN_*. */
int freezer_client_plan(FreezerClient *client, const FreezerMount *mounts, size_t n_mounts,
        uint64_t budget_usec, unsigned flags);

/* syncfs in rounds until one is quick; FREEZER_E_TIMEOUT after FREEZE_SYNC_MAX_USEC. */
int freezer_client_sync(FreezerClient *client);

/* Until thaw() returns, neither of these two allocates, logs or opens a file. 0: all are frozen. */
int freezer_client_freeze(FreezerClient *client);

/* 0: all stayed frozen until now and are thawed. Anything else: it is over, too, and says why. */
int freezer_client_thaw(FreezerClient *client);

/* The connection, for poll(2): readable while frozen means that a net has thawed: call thaw(). */
int freezer_client_fd(const FreezerClient *client);

/* The newest report: times and, in the plan's order, mounts. Zeroes before the plan. */
const FreezeReport *freezer_client_report(const FreezerClient *client);

/* Why the last verb did not return 0, naming the mount: "/data is ..."; "" if it did. */
const char *freezer_client_error(FreezerClient *client);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The unprivileged end of a capture: each verb is one request to quiesced-capture and its answer.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "freeze/capture/protocol.h"

#define CAPTURE_SOCKET "/run/quiesced/capture.sock"
#define CAPTURE_FOLDER "/var/lib/quiesced-capture"

/* Outcome beside 0 and negative errno (no capture, connection lost, no answer in time). */
#define CAPTURE_E_REFUSED 1 /* capture has failed, or would not begin: capture_client_error() */

typedef struct CapturePlace {
        unsigned major; /* of the superblock, as in mountinfo */
        unsigned minor;
        const char *path;
} CapturePlace;

typedef struct CaptureOrder {
        const char *job;
        const char *folder; /* where the image is staged; NULL: CAPTURE_FOLDER */
        unsigned major;     /* of the disk, or of the device with one file system */
        unsigned minor;
        const CapturePlace *places; /* all that is mounted of it, the image's root first */
        size_t n_places;
        uint64_t delta_bytes; /* what may change in the window; 0: CAPTURE_DELTA_DEFAULT_BYTES */
} CaptureOrder;

typedef struct CaptureClient CaptureClient;

/* Connects to the socket at `path`; the object remembers one capture. */
int capture_connect(const char *path, CaptureClient **ret);

/*
 * By another thread, while a verb waits for its answer: that comes to -ECONNRESET, and the capture
 * to its end.
 */
void capture_break_off(CaptureClient *client);

/* Ends the connection: of a capture that was not kept, nothing is left. */
CaptureClient *capture_free(CaptureClient *client);
DEFINE_CLEANUP(CaptureClient *, capture_free)

/* Checks all of it, and makes the file. The report has the sizes. */
int capture_begin(CaptureClient *client, const CaptureOrder *order);

/* Reads, while all goes on, what is in use, and stages what changed since the last pass. */
int capture_pass(CaptureClient *client);

/* Passes until another one would not make the last one, in the window, quicker: at most five. */
int capture_passes(CaptureClient *client);

/*
 * While all is frozen, and neither allocates nor opens anything: what changed since the last pass
 * is kept in memory. The image is good only if all stayed frozen until this has returned 0.
 */
int capture_final(CaptureClient *client, uint64_t budget_usec);

/* `patterns` before the scrub: it stays, or goes (CaptureRuleKind). */
int capture_rule(CaptureClient *client, CaptureRuleKind kind, const char *pattern);

/* After the thaw; `flags` are CAPTURE_SCRUB_*. What was removed: capture_removals(). */
int capture_scrub(CaptureClient *client, unsigned flags);

/* Names the image, which from now on outlives the connection; *ret_fd is for reading. */
int capture_keep(CaptureClient *client, int *ret_fd);

/* Likewise, of one that an earlier connection has kept. `folder` NULL: CAPTURE_FOLDER. */
int capture_take_fd(CaptureClient *client, const char *job, const char *folder, int *ret_fd);

/* Removes it; 0 also if there is none. */
int capture_discard(CaptureClient *client, const char *job, const char *folder);

/* Of the newest verb that had one. */
const CaptureReport *capture_report(const CaptureClient *client);

/* Zeroes before the scrub. */
const CaptureRemovals *capture_removals(const CaptureClient *client);

/*
 * After a scrub whose list is longer than that: the caller's from now on, to read all of it, each
 * path with a zero behind it. -EBADF if there is none.
 */
int capture_take_list(CaptureClient *client);

/* Why the last verb did not return 0; "" if it did. */
const char *capture_client_error(CaptureClient *client);

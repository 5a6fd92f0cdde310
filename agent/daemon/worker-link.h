/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One quiesced-worker process and the stream of JSON lines to and from it. */

#include <jansson.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct WorkerLink WorkerLink;

/*
 * `report` gets each object that the worker sends, and must not free the link. `ended` comes once,
 * when the process is gone and all it said was delivered; `how` tells why, for people. It may free.
 */
typedef struct WorkerEvents {
        void (*report)(void *userdata, const json_t *report);
        void (*ended)(void *userdata, const char *how);
} WorkerEvents;

/* Starts $QUIESCED_WORKER, or the installed one, and sends it the request. */
int worker_link_new(sd_event *event, const json_t *request, const WorkerEvents *events,
        void *userdata, WorkerLink **ret);

/* A worker that still runs is killed; nothing waits for it. */
WorkerLink *worker_link_free(WorkerLink *link);
DEFINE_CLEANUP(WorkerLink *, worker_link_free)

/* Sends {"request": what}, or any object. 0, or -EAGAIN when the worker has stopped reading. */
int worker_link_request(WorkerLink *link, const char *what);
int worker_link_send(WorkerLink *link, const json_t *message);

/* SIGKILL; `ended` follows. */
void worker_link_kill(WorkerLink *link);

/*
 * From now on a worker that says nothing for so long is killed; 0: never. It counts in CLOCK_MONOTONIC,
 * since a host that is suspended does not make its workers any more silent.
 */
void worker_link_watch(WorkerLink *link, uint64_t silence_usec);

/* The worker has said its last word: should it not end within ten seconds, it is killed. */
void worker_link_expect_end(WorkerLink *link);

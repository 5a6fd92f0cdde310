/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Delay locks, as logind's: a program that wants to come to rest before a freeze holds a
 * descriptor, and closes it when it is quiet. All of them together are waited for, up to a limit.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Inhibitor Inhibitor;

/* `participants` is an array of {"who": NAME, "agreed": true or false}. */
typedef void (*InhibitorsReady)(void *userdata, const json_t *participants);

typedef struct Inhibitors {
        sd_event *event;
        Inhibitor **held;
        size_t n_held;
        size_t n_asked; /* of those, in the round under way, still to be released */
        sd_event_source *limit_source;
        json_t *participants;
        InhibitorsReady ready;
        void *userdata;
} Inhibitors;

void inhibitors_init(Inhibitors *inhibitors, sd_event *event);
void inhibitors_done(Inhibitors *inhibitors);

#define INHIBITORS_MAX 64

/* A fresh lock; the caller owns *ret_fd. -EBUSY when there are INHIBITORS_MAX. */
int inhibitors_add(Inhibitors *inhibitors, const char *who, const char *why, int *ret_fd);

/* Calls `ready` once, as soon as all that are held now were released, or after `max_usec`. */
int inhibitors_gather(Inhibitors *inhibitors, uint64_t max_usec, InhibitorsReady ready,
        void *userdata);

/* Ends a round without calling `ready`. */
void inhibitors_forget(Inhibitors *inhibitors);

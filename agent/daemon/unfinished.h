/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When jobs that could not be ended are taken up again: no timer runs while there is none. */

#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Unfinished {
        sd_event *event;
        sd_event_source *source;
        uint64_t first_usec; /* until they are taken up first */
        uint64_t delay_usec; /* until they are taken up next */
        void (*due)(void *userdata);
        void *userdata;
} Unfinished;

/* `event` outlives it. */
void unfinished_init(Unfinished *unfinished, sd_event *event, void (*due)(void *), void *userdata);
void unfinished_done(Unfinished *unfinished);

/* There is such a job: `due` comes in a while, later each time (five times, half an hour at most). */
void unfinished_note(Unfinished *unfinished);

/* There is none any more. */
void unfinished_forget(Unfinished *unfinished);

/* SPDX-License-Identifier: Apache-2.0 */
/* When jobs that could not be ended are taken up again. */

#include "daemon/unfinished.h"

#include "base/clock.h"
#include "base/log.h"

/* A network or a permission that is missing comes back in minutes or in hours. */
#define GROWTH 5
#define DELAY_USEC_MAX (1800 * USEC_PER_SEC)

void unfinished_init(Unfinished *unfinished, sd_event *event, void (*due)(void *), void *userdata)
{
        *unfinished = (Unfinished){ .event = event, .due = due, .userdata = userdata };
}

void unfinished_done(Unfinished *unfinished)
{
        unfinished->source = sd_event_source_disable_unref(unfinished->source);
}

void unfinished_forget(Unfinished *unfinished)
{
        unfinished_done(unfinished);
        unfinished->delay_usec = 0;
}

static int time_passed(sd_event_source *source, uint64_t usec, void *userdata)
{
        Unfinished *unfinished = userdata;

        unfinished_done(unfinished);
        unfinished->due(unfinished->userdata);
        return 0;
}

static uint64_t next_delay(const Unfinished *unfinished)
{
        uint64_t delay_usec = unfinished->delay_usec * GROWTH;

        if (unfinished->delay_usec == 0)
                return unfinished->first_usec;
        return delay_usec < DELAY_USEC_MAX ? delay_usec : DELAY_USEC_MAX;
}

void unfinished_note(Unfinished *unfinished)
{
        int r;

        if (unfinished->source)
                return;
        unfinished->delay_usec = next_delay(unfinished);
        r = sd_event_add_time_relative(unfinished->event, &unfinished->source, CLOCK_BOOTTIME,
                unfinished->delay_usec, 0, time_passed, unfinished);
        if (r < 0)
                (void)log_warning_errno(
                        r, "What is unfinished waits for the next start of quiesced: %m");
}

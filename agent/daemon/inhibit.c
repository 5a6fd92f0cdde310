/* SPDX-License-Identifier: Apache-2.0 */
/* Delay locks: held by a descriptor, released by closing it. */

#include "daemon/inhibit.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"

#define NOT_ASKED SIZE_MAX

/* sd-event's own 250 ms would be added to every bake with a participant that does not answer. */
#define LIMIT_ACCURACY_USEC (10 * USEC_PER_MSEC)

struct Inhibitor {
        Inhibitors *all;
        char *who;
        char *why;
        int fd;
        sd_event_source *source;
        size_t place; /* among the participants of the round under way */
};

static Inhibitor *inhibitor_free(Inhibitor *inhibitor)
{
        if (!inhibitor)
                return NULL;
        (void)sd_event_source_disable_unref(inhibitor->source);
        closep(&inhibitor->fd);
        free(inhibitor->who);
        free(inhibitor->why);
        free(inhibitor);
        return NULL;
}
DEFINE_CLEANUP(Inhibitor *, inhibitor_free)

void inhibitors_init(Inhibitors *inhibitors, sd_event *event)
{
        *inhibitors = (Inhibitors){ .event = event };
}

void inhibitors_forget(Inhibitors *inhibitors)
{
        inhibitors->limit_source = sd_event_source_disable_unref(inhibitors->limit_source);
        json_decref(inhibitors->participants);
        inhibitors->participants = NULL;
        inhibitors->ready = NULL;
        inhibitors->n_asked = 0;
        for (size_t i = 0; i < inhibitors->n_held; i++)
                inhibitors->held[i]->place = NOT_ASKED;
}

void inhibitors_done(Inhibitors *inhibitors)
{
        inhibitors_forget(inhibitors);
        for (size_t i = 0; i < inhibitors->n_held; i++)
                (void)inhibitor_free(inhibitors->held[i]);
        free(inhibitors->held);
}

static void round_end(Inhibitors *inhibitors)
{
        _cleanup_(json_decrefp) json_t *participants = json_incref(inhibitors->participants);
        InhibitorsReady ready = inhibitors->ready;

        inhibitors_forget(inhibitors);
        if (ready)
                ready(inhibitors->userdata, participants);
}

static void round_agree(Inhibitors *inhibitors, size_t place)
{
        json_t *participant = json_array_get(inhibitors->participants, place);

        (void)json_object_set_new(participant, "agreed", json_true());
        if (--inhibitors->n_asked == 0)
                round_end(inhibitors);
}

/* The pipe has no writer left: every copy of the lock's descriptor is closed. */
static int inhibitor_released(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Inhibitor *inhibitor = userdata;
        Inhibitors *all = inhibitor->all;
        size_t place = inhibitor->place;

        log_debug("'%s' released its lock (%s)", inhibitor->who, inhibitor->why);
        for (size_t i = 0; i < all->n_held; i++) {
                if (all->held[i] != inhibitor)
                        continue;
                all->held[i] = all->held[--all->n_held];
                break;
        }
        (void)inhibitor_free(inhibitor);
        if (place != NOT_ASKED)
                round_agree(all, place);
        return 0;
}

static int inhibitor_new(Inhibitors *all, const char *who, const char *why, Inhibitor **ret)
{
        _cleanup_(inhibitor_freep) Inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));

        if (!inhibitor)
                return -ENOMEM;
        *inhibitor = (Inhibitor){ .all = all, .fd = -EBADF, .place = NOT_ASKED };
        inhibitor->who = strdup(who);
        inhibitor->why = strdup(why);
        if (!inhibitor->who || !inhibitor->why)
                return -ENOMEM;
        *ret = TAKE_PTR(inhibitor);
        return 0;
}

int inhibitors_add(Inhibitors *inhibitors, const char *who, const char *why, int *ret_fd)
{
        _cleanup_(inhibitor_freep) Inhibitor *inhibitor = NULL;
        _cleanup_(closep) int theirs = -EBADF;
        Inhibitor **slot;
        int fds[2], r;

        if (inhibitors->n_held >= INHIBITORS_MAX)
                return -EBUSY;
        r = inhibitor_new(inhibitors, who, why, &inhibitor);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        inhibitor->fd = fds[0];
        theirs = fds[1];
        /* Events 0 still tells of EPOLLHUP, and whatever a holder writes wakes nobody. */
        r = sd_event_add_io(inhibitors->event, &inhibitor->source, inhibitor->fd, 0,
                inhibitor_released, inhibitor);
        if (r < 0)
                return r;
        slot = ARRAY_ADD(inhibitors->held, inhibitors->n_held);
        if (!slot)
                return -ENOMEM;
        *slot = TAKE_PTR(inhibitor);
        *ret_fd = TAKE_FD(theirs);
        return 0;
}

static int round_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        round_end(userdata);
        return 0;
}

static int round_ask(Inhibitors *inhibitors)
{
        for (size_t i = 0; i < inhibitors->n_held; i++) {
                json_t *participant =
                        json_pack("{s:s, s:b}", "who", inhibitors->held[i]->who, "agreed", 0);

                if (json_array_append_new(inhibitors->participants, participant) < 0)
                        return -ENOMEM;
                inhibitors->held[i]->place = i;
        }
        inhibitors->n_asked = inhibitors->n_held;
        return 0;
}

int inhibitors_gather(Inhibitors *inhibitors, uint64_t max_usec, InhibitorsReady ready,
        void *userdata)
{
        int r;

        inhibitors_forget(inhibitors);
        inhibitors->participants = json_array();
        if (!inhibitors->participants)
                return -ENOMEM;
        r = round_ask(inhibitors);
        if (r < 0)
                return r;
        inhibitors->ready = ready;
        inhibitors->userdata = userdata;
        if (inhibitors->n_asked == 0) {
                round_end(inhibitors);
                return 0;
        }
        return sd_event_add_time(inhibitors->event, &inhibitors->limit_source, CLOCK_BOOTTIME,
                clock_usec() + max_usec, LIMIT_ACCURACY_USEC, round_over, inhibitors);
}

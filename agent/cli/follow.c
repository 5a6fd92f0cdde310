/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a job by the signals of its object, and across a restart of the daemon. */

#include "cli/follow.h"

#include <signal.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/bus-json.h"
#include "cli/client.h"
#include "cli/job.h"

/* A service manager restarts a daemon that died within moments; longer than this is a stop. */
#define RETURN_TIMEOUT_USEC (15 * USEC_PER_SEC)

/* The loop's end and what it watches. */
typedef struct Watch {
        Follow *follow;
        sd_bus *bus;
        sd_event *event;
        sd_event_source *absence;
} Watch;

static const int quitting_signals[] = { SIGINT, SIGTERM, SIGHUP };

WaitUntil wait_until_from_string(const char *string)
{
        if (string && streq(string, "queued"))
                return WAIT_QUEUED;
        if (string && streq(string, "secured"))
                return WAIT_SECURED;
        return WAIT_COMPLETED;
}

static bool follow_is_reached(const Follow *follow)
{
        if (job_is_finished(follow->job) || follow->until == WAIT_QUEUED)
                return true;
        return follow->until == WAIT_SECURED && job_is_secured(follow->job);
}

static void watch_check(Watch *watch)
{
        progress_show(watch->follow->progress, watch->follow->job);
        if (follow_is_reached(watch->follow))
                (void)sd_event_exit(watch->event, FOLLOW_REACHED);
}

static int watch_refresh(Watch *watch)
{
        json_t *job;

        if (client_get_properties(watch->bus, watch->follow->path, CLIENT_JOB, &job) != 0)
                return FOLLOW_FAILED;
        json_decref(watch->follow->job);
        watch->follow->job = job;
        return 0;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *raw = NULL, *changed = NULL;
        Watch *watch = userdata;
        int r;

        r = sd_bus_message_skip(message, "s");
        if (r >= 0)
                r = bus_message_to_json(message, &raw);
        if (r >= 0)
                r = properties_to_json(raw, &changed);
        if (r < 0 || json_object_update(watch->follow->job, changed) < 0)
                return sd_event_exit(watch->event, r < 0 ? r : -ENOMEM);
        watch_check(watch);
        return 0;
}

static int on_absence(sd_event_source *source, uint64_t usec, void *userdata)
{
        Watch *watch = userdata;

        return sd_event_exit(watch->event, FOLLOW_LOST);
}

static int watch_owner_lost(Watch *watch)
{
        watch->absence = sd_event_source_disable_unref(watch->absence);
        return sd_event_add_time_relative(watch->event, &watch->absence, CLOCK_BOOTTIME,
                RETURN_TIMEOUT_USEC, 0, on_absence, watch);
}

/* The daemon reads its records of jobs before it takes its name, so the job is there again. */
static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Watch *watch = userdata;
        const char *name, *before, *now;
        int r;

        r = sd_bus_message_read(message, "sss", &name, &before, &now);
        if (r < 0)
                return sd_event_exit(watch->event, r);
        if (!*now)
                return watch_owner_lost(watch);
        watch->absence = sd_event_source_disable_unref(watch->absence);
        r = watch_refresh(watch);
        if (r != 0)
                return sd_event_exit(watch->event, r);
        watch_check(watch);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Watch *watch = userdata;

        watch->follow->signal = (int)info->ssi_signo;
        return sd_event_exit(watch->event, FOLLOW_INTERRUPTED);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Watch *watch = userdata;

        return sd_event_exit(watch->event, FOLLOW_LOST);
}

static int watch_signals(Watch *watch)
{
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(quitting_signals); i++)
                sigaddset(&set, quitting_signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(quitting_signals); i++) {
                int r = sd_event_add_signal(
                        watch->event, NULL, quitting_signals[i], on_signal, watch);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int watch_bus(Watch *watch)
{
        int r;

        r = sd_bus_match_signal(watch->bus, NULL, CLIENT_NAME, watch->follow->path,
                "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, watch);
        if (r < 0)
                return r;
        r = sd_bus_add_match(watch->bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" CLIENT_NAME "'",
                on_owner, watch);
        if (r < 0)
                return r;
        return sd_bus_match_signal(watch->bus, NULL, "org.freedesktop.DBus.Local",
                "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                on_disconnected, watch);
}

/* The first look comes after the matches: whatever changes later is told by a signal. */
int follow_job(sd_bus *bus, Follow *follow)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Watch watch = { .follow = follow, .bus = bus };
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return r;
        watch.event = event;
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = watch_signals(&watch);
        if (r >= 0)
                r = watch_bus(&watch);
        if (r >= 0)
                r = watch_refresh(&watch);
        if (r == 0) {
                watch_check(&watch);
                r = sd_event_loop(event);
        }
        (void)sd_event_source_disable_unref(watch.absence);
        (void)sd_bus_detach_event(bus);
        return r;
}

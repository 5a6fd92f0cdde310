/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's shutdown or sleep, put off by a delay lock of systemd-logind's. */

#include "daemon/shutdown.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"
/* logind's answer to whoever wants to delay what has begun. */
#define ERROR_IN_PROGRESS "org.freedesktop.login1.OperationInProgress"

/* For a logind that hangs. One that is well may have to start polkit first, which takes a moment. */
#define ANSWER_USEC (5 * USEC_PER_SEC)

void shutdown_init(Shutdown *shutdown, sd_bus *bus, const ShutdownEvents *events, void *userdata)
{
        *shutdown = (Shutdown){
                .bus = bus, .events = events, .userdata = userdata, .lock_fd = -EBADF
        };
}

void shutdown_release(Shutdown *shutdown)
{
        shutdown->call = sd_bus_slot_unref(shutdown->call);
        for (size_t i = 0; i < ELEMENTSOF(shutdown->signals); i++)
                shutdown->signals[i] = sd_bus_slot_unref(shutdown->signals[i]);
        closep(&shutdown->lock_fd);
        shutdown->lock_fd = -EBADF;
        free(shutdown->logind);
        shutdown->logind = NULL;
}

void shutdown_done(Shutdown *shutdown)
{
        shutdown_release(shutdown);
}

/* PrepareForShutdown and PrepareForSleep: true when it begins, false when it is over. */
static int signal_arrived(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        const char *sender = sd_bus_message_get_sender(message);
        Shutdown *shutdown = userdata;
        int begins;

        if (!shutdown->logind || !streq_ptr(shutdown->logind, sender))
                return 0;
        if (sd_bus_message_read(message, "b", &begins) >= 0 && begins)
                shutdown->events->coming(shutdown->userdata);
        return 0;
}

/* The name and a descriptor of our own: those of the message end with it. */
static int take_lock(Shutdown *shutdown, sd_bus_message *reply)
{
        const char *sender = sd_bus_message_get_sender(reply);
        int fd, r;

        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        shutdown->logind = strdup(sender ? sender : "");
        if (!shutdown->logind)
                return -ENOMEM;
        shutdown->lock_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return shutdown->lock_fd < 0 ? -errno : 0;
}

static int lock_answered(sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        Shutdown *shutdown = userdata;
        int r;

        shutdown->call = sd_bus_slot_unref(shutdown->call);
        if (sd_bus_error_has_name(error, ERROR_IN_PROGRESS)) {
                shutdown->events->coming(shutdown->userdata);
                return 0;
        }
        r = error ? -sd_bus_error_get_errno(error) : take_lock(shutdown, reply);
        if (r < 0)
                (void)log_debug_errno(r, "A shutdown is not delayed, since logind gives no lock: %m");
        shutdown->events->ready(shutdown->userdata);
        return 0;
}

/* Before the lock: what logind tells after it gave one is not missed. */
static int watch(Shutdown *shutdown)
{
        static const char *const members[] = { "PrepareForShutdown", "PrepareForSleep" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(members); i++)
                r = sd_bus_match_signal_async(shutdown->bus, &shutdown->signals[i], LOGIND,
                        LOGIND_PATH, LOGIND_MANAGER, members[i], signal_arrived,
                        /* install_callback= */ NULL, shutdown);
        return r;
}

static int ask_for_lock(Shutdown *shutdown)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                shutdown->bus, &call, LOGIND, LOGIND_PATH, LOGIND_MANAGER, "Inhibit");
        if (r >= 0) /* where it does not run, it is not started for us */
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "ssss", "shutdown:sleep", "quiesced",
                        "File systems are frozen for a moment", "delay");
        if (r < 0)
                return r;
        return sd_bus_call_async(
                shutdown->bus, &shutdown->call, call, lock_answered, shutdown, ANSWER_USEC);
}

void shutdown_delay(Shutdown *shutdown)
{
        int r;

        if (shutdown->lock_fd < 0) {
                shutdown_release(shutdown);
                r = watch(shutdown);
                if (r >= 0)
                        r = ask_for_lock(shutdown);
                if (r >= 0)
                        return;
                (void)log_debug_errno(r, "A shutdown is not delayed, since logind cannot be asked: %m");
        }
        shutdown->events->ready(shutdown->userdata);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's shutdown or sleep, put off by delay locks of systemd-logind's. */

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

/*
 * One lock of each: a lock that names both is subject to the rule for the lid switch, at least in
 * systemd 252 (tests/vm has found it), and that allows nobody without a seat.
 */
static const char *const subjects[] = { "shutdown", "sleep" };

void shutdown_init(Shutdown *shutdown, sd_bus *bus, const ShutdownEvents *events, void *userdata)
{
        *shutdown = (Shutdown){ .bus = bus, .events = events, .userdata = userdata };
        for (size_t i = 0; i < ELEMENTSOF(shutdown->locks); i++)
                shutdown->locks[i] = (ShutdownLock){ .shutdown = shutdown, .fd = -EBADF };
}

static void stop_asking(Shutdown *shutdown)
{
        for (size_t i = 0; i < ELEMENTSOF(shutdown->locks); i++)
                shutdown->locks[i].call = sd_bus_slot_unref(shutdown->locks[i].call);
}

void shutdown_release(Shutdown *shutdown)
{
        stop_asking(shutdown);
        for (size_t i = 0; i < ELEMENTSOF(shutdown->signals); i++)
                shutdown->signals[i] = sd_bus_slot_unref(shutdown->signals[i]);
        for (size_t i = 0; i < ELEMENTSOF(shutdown->locks); i++) {
                closep(&shutdown->locks[i].fd);
                shutdown->locks[i].fd = -EBADF;
        }
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
static int take_lock(ShutdownLock *lock, sd_bus_message *reply)
{
        const char *sender = sd_bus_message_get_sender(reply);
        int fd, r;

        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        r = string_replace(&lock->shutdown->logind, sender ? sender : "");
        if (r < 0)
                return r;
        lock->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return lock->fd < 0 ? -errno : 0;
}

static bool is_asking(const Shutdown *shutdown)
{
        for (size_t i = 0; i < ELEMENTSOF(shutdown->locks); i++)
                if (shutdown->locks[i].call)
                        return true;
        return false;
}

static bool is_held(const Shutdown *shutdown)
{
        for (size_t i = 0; i < ELEMENTSOF(shutdown->locks); i++)
                if (shutdown->locks[i].fd >= 0)
                        return true;
        return false;
}

static int lock_answered(sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        ShutdownLock *lock = userdata;
        Shutdown *shutdown = lock->shutdown;
        int r;

        lock->call = sd_bus_slot_unref(lock->call);
        if (sd_bus_error_has_name(error, ERROR_IN_PROGRESS)) {
                stop_asking(shutdown);
                shutdown->events->coming(shutdown->userdata);
                return 0;
        }
        r = error ? -sd_bus_error_get_errno(error) : take_lock(lock, reply);
        if (r < 0)
                (void)log_debug_errno(r, "A shutdown is not delayed, since logind gives no lock: %m");
        if (!is_asking(shutdown))
                shutdown->events->ready(shutdown->userdata);
        return 0;
}

/* Before the locks: what logind tells after it gave one is not missed. */
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

static int ask_for_lock(ShutdownLock *lock, const char *subject)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus *bus = lock->shutdown->bus;
        int r;

        r = sd_bus_message_new_method_call(
                bus, &call, LOGIND, LOGIND_PATH, LOGIND_MANAGER, "Inhibit");
        if (r >= 0) /* where it does not run, it is not started for us */
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "ssss", subject, "quiesced",
                        "File systems are frozen for a moment", "delay");
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, &lock->call, call, lock_answered, lock, ANSWER_USEC);
}

static int ask_for_locks(Shutdown *shutdown)
{
        int r = watch(shutdown);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(shutdown->locks); i++)
                r = ask_for_lock(&shutdown->locks[i], subjects[i]);
        return r;
}

void shutdown_delay(Shutdown *shutdown)
{
        if (!is_held(shutdown)) {
                int r;

                shutdown_release(shutdown);
                r = ask_for_locks(shutdown);
                if (r < 0)
                        (void)log_debug_errno(r, "Failed to ask logind to delay a shutdown: %m");
        }
        if (!is_asking(shutdown))
                shutdown->events->ready(shutdown->userdata);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze -- COMMAND: any program, run while the file systems stand still.
 *
 * Whoever calls this acts on the exit status alone, so it is the command's own only if the freeze
 * is known to have held until the command had ended. The descriptor tells at once when it did not;
 * the result of the daemon's job has the last word. A command that lost its freeze runs on, since
 * it may be about to name what its caller has to throw away.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/job.h"
#include "cli/request.h"
#include "cli/verb.h"

typedef struct Freeze {
        sd_bus *bus;
        int fd; /* closing it thaws; -EBADF afterwards */
        Command command;
        char *path;    /* of the daemon's job; NULL when it is over already */
        bool lost;     /* the file systems were thawed under the command */
        int signal;    /* that told us to give up */
        siginfo_t end; /* of the command */
} Freeze;

static void freeze_thaw(Freeze *freeze)
{
        closep(&freeze->fd);
        freeze->fd = -EBADF;
}

static void freeze_done(Freeze *freeze)
{
        freeze_thaw(freeze);
        command_done(&freeze->command);
        free(freeze->path);
        sd_bus_flush_close_unref(freeze->bus);
}

/* The copy is ours alone: one left in the reply would keep the file systems frozen. */
static int take_descriptor(sd_bus_message *reply, int *ret)
{
        int fd, r;

        r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UNIX_FD, &fd);
        if (r < 0)
                return r;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

static int freeze_begin(Freeze *freeze, const Arguments *arguments)
{
        const Request request = { .method = "Freeze" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = client_connect_to_act(&freeze->bus);
        if (r == 0)
                r = request_new(freeze->bus, &request, arguments, &call);
        if (r == 0)
                r = client_call(freeze->bus, call, &reply);
        if (r != 0)
                return r;
        r = take_descriptor(reply, &freeze->fd);
        return r < 0 ? client_report_errno(r, "cannot take over the freeze") : 0;
}

/* One job runs at a time, so the freeze that runs is ours. */
static int freeze_find_job(Freeze *freeze)
{
        _cleanup_(json_decrefp) json_t *jobs = NULL;
        const json_t *job;
        size_t i;
        int r;

        r = client_get_jobs(freeze->bus, &jobs);
        if (r != 0)
                return r;
        json_array_foreach(jobs, i, job)
                if (!freeze->path && streq(json_get_string(job, "kind", ""), "freeze") &&
                        streq(json_get_string(job, "state", ""), "running") &&
                        job_path(json_get_string(job, "id", ""), &freeze->path) < 0)
                        return client_report_errno(-ENOMEM, "cannot name the job");
        return 0;
}

static int on_thawed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Freeze *freeze = userdata;

        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        freeze->lost = true;
        fprintf(stderr,
                "quiescectl freeze: the freeze ended before the command did; "
                "what it makes is not consistent\n");
        return 0;
}

static int on_command_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Freeze *freeze = userdata;

        freeze->end = *info;
        freeze->command.pid = 0; /* reaped by the event loop */
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Freeze *freeze = userdata;

        freeze->signal = (int)info->ssi_signo;
        (void)sd_event_exit(sd_event_source_get_event(source), 0);
        return 0;
}

static int block_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCHLD);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int watch_add(sd_event *event, Freeze *freeze)
{
        int r;

        r = block_signals();
        if (r >= 0)
                r = sd_event_add_child(
                        event, NULL, freeze->command.pid, WEXITED, on_command_end, freeze);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, freeze->fd, EPOLLIN, on_thawed, freeze);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_signal, freeze);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, on_signal, freeze);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGHUP, on_signal, freeze);
}

/* Runs the command to its end, or to a signal that tells us to give up. */
static int freeze_run(Freeze *freeze)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = watch_add(event, freeze);
        if (r < 0)
                return client_report_errno(r, "cannot watch over the command");
        command_start(&freeze->command);
        r = freeze_find_job(freeze);
        if (r != 0)
                return r;
        r = sd_event_loop(event);
        return r < 0 ? client_report_errno(r, "cannot watch over the command") : 0;
}

static bool descriptor_is_closed(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

        return poll(&poll_fd, 1, 0) != 0;
}

static int report_lost(void)
{
        fprintf(stderr,
                "quiescectl freeze: do not use what the command made; "
                "make it faster, or give it a longer --budget=\n");
        return EXIT_FAILURE;
}

static int give_up(Freeze *freeze)
{
        freeze_thaw(freeze);
        if (freeze->command.pid > 0)
                (void)kill(freeze->command.pid, freeze->signal);
        fprintf(stderr, "quiescectl freeze: thawed early: %s\n", strsignal(freeze->signal));
        return EXIT_SIGNAL + freeze->signal;
}

static int status_of_command(const Freeze *freeze)
{
        if (freeze->end.si_code == CLD_EXITED)
                return freeze->end.si_status;
        return EXIT_SIGNAL + freeze->end.si_status;
}

/* Thaws, and asks the daemon whether the freeze had held until now. */
static int freeze_end(Freeze *freeze)
{
        Progress silent = { 0 };
        Follow follow = { .path = freeze->path, .until = WAIT_COMPLETED, .progress = &silent };
        int r;

        if (freeze->lost || !freeze->path || descriptor_is_closed(freeze->fd))
                return report_lost();
        freeze_thaw(freeze);
        r = follow_job(freeze->bus, &follow);
        if (r == FOLLOW_REACHED && job_succeeded(follow.job))
                r = status_of_command(freeze);
        else if (r == FOLLOW_REACHED) {
                job_report_failure(follow.job);
                r = report_lost();
        } else if (r == FOLLOW_INTERRUPTED)
                r = EXIT_SIGNAL + follow.signal;
        else
                r = report_lost();
        json_decref(follow.job);
        return r;
}

int verb_freeze(const Arguments *arguments)
{
        _cleanup_(freeze_done) Freeze freeze = { .fd = -EBADF, .command = COMMAND_INIT };
        int r;

        r = command_prepare(arguments->operands, &freeze.command);
        if (r == 0)
                r = freeze_begin(&freeze, arguments);
        if (r == 0)
                r = freeze_run(&freeze);
        if (r != 0)
                return r;
        return freeze.signal ? give_up(&freeze) : freeze_end(&freeze);
}

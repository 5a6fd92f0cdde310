/* SPDX-License-Identifier: Apache-2.0 */
/* One quiesced-worker process and the stream of JSON lines to and from it. */

#include "daemon/worker-link.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/spawn.h"
#include "base/text.h"

#define WORKER_PATH PKGLIBEXECDIR "/quiesced-worker"
#define END_GRACE_USEC (10 * USEC_PER_SEC)
#define WATCH_ACCURACY_USEC (100 * USEC_PER_MSEC)

struct WorkerLink {
        const WorkerEvents *events;
        void *userdata;
        pid_t pid; /* 0 once it was reaped */
        int fd;
        JsonStream stream;
        char *fault; /* what it did wrong before we killed it */
        sd_event *event;
        sd_event_source *io_source;
        sd_event_source *child_source;
        sd_event_source *grace_source;
        sd_event_source *watch_source;
        uint64_t silence_usec; /* 0: it may be silent for as long as it likes */
};

void worker_link_kill(WorkerLink *link)
{
        if (link->pid > 0)
                (void)kill(link->pid, SIGKILL);
}

WorkerLink *worker_link_free(WorkerLink *link)
{
        if (!link)
                return NULL;
        worker_link_kill(link);
        (void)sd_event_source_disable_unref(link->watch_source);
        (void)sd_event_source_disable_unref(link->grace_source);
        (void)sd_event_source_disable_unref(link->child_source);
        (void)sd_event_source_disable_unref(link->io_source);
        json_stream_done(&link->stream);
        closep(&link->fd);
        free(link->fault);
        free(link);
        return NULL;
}

static int link_grace_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        worker_link_kill(userdata);
        return 0;
}

void worker_link_expect_end(WorkerLink *link)
{
        if (!link->grace_source)
                (void)sd_event_add_time(link->event, &link->grace_source, CLOCK_BOOTTIME,
                        clock_usec() + END_GRACE_USEC, 0, link_grace_over, link);
}

static void link_fail(WorkerLink *link, const char *fault)
{
        (void)string_replace(&link->fault, fault);
        worker_link_kill(link);
}

static int link_silent(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(freep) char *span = NULL, *fault = NULL;
        WorkerLink *link = userdata;

        if (format_usec(link->silence_usec, &span) >= 0 &&
                string_printf(&fault, "said nothing for %s", span) >= 0)
                link_fail(link, fault);
        else
                worker_link_kill(link);
        return 0;
}

static void link_watch_again(WorkerLink *link)
{
        if (link->silence_usec == 0)
                return;
        (void)sd_event_source_set_time_relative(link->watch_source, link->silence_usec);
        (void)sd_event_source_set_enabled(link->watch_source, SD_EVENT_ONESHOT);
}

void worker_link_watch(WorkerLink *link, uint64_t silence_usec)
{
        link->silence_usec = silence_usec;
        if (silence_usec == 0)
                (void)sd_event_source_set_enabled(link->watch_source, SD_EVENT_OFF);
        link_watch_again(link);
}

/* Delivers all whole lines that have arrived. The stream buffers, so epoll would not tell again. */
static int link_drain(WorkerLink *link)
{
        for (;;) {
                _cleanup_(json_decrefp) json_t *report = NULL;
                int r = json_stream_read(&link->stream, &report);

                if (r <= 0)
                        return r == 0 ? -EPIPE : r;
                link_watch_again(link);
                link->events->report(link->userdata, report);
        }
}

static int link_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        WorkerLink *link = userdata;
        int r = link_drain(link);

        if (r == -EAGAIN)
                return 0;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (r == -EBADMSG)
                link_fail(link, "sent a line that is not a JSON object");
        else if (r == -EMSGSIZE)
                link_fail(link, "sent a line longer than 1 MiB");
        else if (r != -EPIPE && r != -ECONNRESET)
                link_fail(link, "could not be read from");
        worker_link_expect_end(link);
        return 0;
}

/* What it wrote before it ended may still be unread. */
static int link_exited(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        _cleanup_(freep) char *how = NULL;
        WorkerLink *link = userdata;
        char status[WAIT_STATUS_MAX];

        link->pid = 0;
        if (!link->fault)
                (void)link_drain(link);
        /* wait(2)'s encoding, from waitid(2)'s. */
        wait_status_format(info->si_code == CLD_EXITED ? (info->si_status & 0xff) << 8 :
                                                         info->si_status & 0x7f,
                status);
        if (string_printf(&how, "%s%s%s", link->fault ? link->fault : "", link->fault ? ", " : "",
                    status) < 0)
                link->events->ended(link->userdata, status);
        else
                link->events->ended(link->userdata, how);
        return 0;
}

static int link_spawn(WorkerLink *link)
{
        const char *chosen = getenv("QUIESCED_WORKER");
        char *argv[] = { (char *)(chosen && *chosen ? chosen : WORKER_PATH), NULL };
        _cleanup_(closep) int theirs = -EBADF;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        link->fd = fds[0];
        theirs = fds[1];
        if (fcntl(link->fd, F_SETFL, O_NONBLOCK) < 0) /* ours only: the worker's end blocks */
                return -errno;
        json_stream_init(&link->stream, link->fd);
        return spawn(argv, &theirs, 1, &link->pid);
}

static int link_watch(WorkerLink *link)
{
        int r;

        r = sd_event_add_child(
                link->event, &link->child_source, link->pid, WEXITED, link_exited, link);
        if (r < 0)
                return r;
        r = sd_event_add_time(link->event, &link->watch_source, CLOCK_MONOTONIC, /* usec= */ 0,
                WATCH_ACCURACY_USEC, link_silent, link);
        if (r < 0)
                return r;
        (void)sd_event_source_set_enabled(link->watch_source, SD_EVENT_OFF);
        return sd_event_add_io(
                link->event, &link->io_source, link->fd, EPOLLIN, link_readable, link);
}

int worker_link_new(sd_event *event, const json_t *request, const WorkerEvents *events,
        void *userdata, WorkerLink **ret)
{
        _cleanup_(worker_link_freep) WorkerLink *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;
        *link = (WorkerLink){
                .events = events, .userdata = userdata, .fd = -EBADF, .event = event
        };
        r = link_spawn(link);
        if (r < 0)
                return r;
        r = link_watch(link);
        if (r < 0)
                return r;
        /* One that is dead already is told by its end, as one that dies later is. */
        if (worker_link_send(link, request) < 0)
                link_fail(link, "did not take its request");
        *ret = TAKE_PTR(link);
        return 0;
}

/* Never waits: a full socket means a worker that has stopped reading. */
int worker_link_send(WorkerLink *link, const json_t *message)
{
        return json_stream_write(&link->stream, message);
}

int worker_link_request(WorkerLink *link, const char *what)
{
        _cleanup_(json_decrefp) json_t *message = json_pack("{s:s}", "request", what);

        if (!message)
                return -ENOMEM;
        return worker_link_send(link, message);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/crew.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "freeze/moment.h"

void crew_init(Crew *crew)
{
        memset(crew, 0, sizeof(*crew));
        for (unsigned i = 0; i < CREW_WATCH_MAX + FREEZE_MOUNTS_MAX; i++)
                crew->watch[i] = (struct pollfd){ .fd = -EBADF, .events = POLLIN };
}

static struct pollfd *keeper_watch(Crew *crew, unsigned index)
{
        return &crew->watch[CREW_WATCH_MAX + index];
}

static void keeper_lose(Crew *crew, unsigned index)
{
        struct pollfd *keeper = keeper_watch(crew, index);

        if (keeper->fd >= 0)
                (void)close(keeper->fd);
        keeper->fd = -EBADF;
        crew->pending[index] = 0;
}

void crew_done(Crew *crew)
{
        for (unsigned i = 0; i < crew->n_keepers; i++)
                keeper_lose(crew, i);
}

int crew_add(Crew *crew, const Ledger *ledger, int mount_fd, int backstop_fd)
{
        unsigned index = crew->n_keepers;
        int r = keeper_start(ledger, index, mount_fd, backstop_fd, &keeper_watch(crew, index)->fd);

        if (r < 0)
                return r;
        crew->pending[index] = 1;
        crew->n_keepers++;
        return 0;
}

void crew_order(Crew *crew, unsigned index, KeeperOrder order)
{
        int fd = keeper_watch(crew, index)->fd;

        if (fd >= 0 && send(fd, &(char){ (char)order }, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
                crew->pending[index]++;
}

bool crew_is_busy(const Crew *crew, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++)
                if (crew->pending[i] > 0)
                        return true;
        return false;
}

/* Takes the answers that have come; false if a keeper has ended instead. */
static bool answers_take(Crew *crew)
{
        bool all_live = true;

        for (unsigned i = 0; i < crew->n_keepers; i++) {
                struct pollfd *keeper = keeper_watch(crew, i);
                char answer;

                if (keeper->fd < 0 || keeper->revents == 0)
                        continue;
                if (recv(keeper->fd, &answer, 1, MSG_DONTWAIT) == 1) {
                        crew->pending[i]--;
                } else {
                        keeper_lose(crew, i);
                        all_live = false;
                }
        }
        return all_live;
}

CrewEvent crew_wait(Crew *crew, uint64_t timeout_usec)
{
        struct timespec span = moment_timespec(timeout_usec);
        int n = ppoll(crew->watch, CREW_WATCH_MAX + crew->n_keepers, &span, NULL);

        if (n <= 0)
                return n == 0 ? CREW_TIMEOUT : CREW_PROGRESS;
        if (!answers_take(crew))
                return CREW_LOST;
        for (unsigned i = 0; i < CREW_WATCH_MAX; i++)
                if (crew->watch[i].fd >= 0 && crew->watch[i].revents) {
                        if (i == CREW_LOST)
                                crew->watch[i].fd = -EBADF;
                        return (CrewEvent)i;
                }
        return CREW_PROGRESS;
}

CrewEvent crew_finish(Crew *crew, uint64_t timeout_usec)
{
        uint64_t now_usec = moment_usec(), end_usec = now_usec + timeout_usec;

        for (; crew_is_busy(crew, 0, crew->n_keepers); now_usec = moment_usec()) {
                CrewEvent event = crew_wait(crew, now_usec < end_usec ? end_usec - now_usec : 0);

                if (event != CREW_PROGRESS)
                        return event;
        }
        return CREW_DONE;
}

void crew_finish_undisturbed(Crew *crew, unsigned first, unsigned end, uint64_t timeout_usec)
{
        uint64_t now_usec = moment_usec(), end_usec = now_usec + timeout_usec;

        while (crew_is_busy(crew, first, end) && now_usec < end_usec) {
                struct timespec span = moment_timespec(end_usec - now_usec);

                if (ppoll(crew->watch + CREW_WATCH_MAX, crew->n_keepers, &span, NULL) > 0)
                        (void)answers_take(crew);
                now_usec = moment_usec();
        }
}

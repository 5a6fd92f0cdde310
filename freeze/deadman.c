/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/deadman.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "freeze/expedite.h"
#include "freeze/moment.h"
#include "freeze/offspring.h"
#include "freeze/rescue.h"

/* Keepers see the freezer's end themselves; they are given this long before they are helped. */
#define KEEPERS_USEC UINT64_C(50000)
#define LOOK_USEC UINT64_C(2000)

static void deadman_thaw(const DeadmanView *view)
{
        uint64_t end_usec = moment_usec() + KEEPERS_USEC;
        Rescue rescue;

        view->ledger->file->aborted = 1;
        expedite_end(view->expedite_fd, view->ledger->file);
        while (ledger_is_held(view->ledger) && moment_usec() < end_usec)
                moment_sleep(LOOK_USEC);
        rescue_init(&rescue, view->ledger, view->mount_fds);
        (void)rescue_all(&rescue, UINT64_MAX);
}

static void deadman_watch(const DeadmanView *view, int life_fd)
{
        struct pollfd watch[] = {
                { .fd = life_fd, .events = POLLIN },
                { .fd = view->backstop_fd, .events = POLLIN },
        };

        (void)send(life_fd, "", 1, MSG_NOSIGNAL);
        while (watch[0].revents == 0) {
                if (poll(watch, ELEMENTSOF(watch), -1) < 0 && errno != EINTR)
                        break;
                if (watch[1].revents) {
                        deadman_thaw(view);
                        watch[1].fd = -1;
                }
        }
        deadman_thaw(view);
}

int deadman_start(const DeadmanView *view, int *ret_life_fd)
{
        const Ledger *ledger = view->ledger;
        const int others[] = { ledger->fd, ledger->folder_fd, view->backstop_fd, view->expedite_fd,
                view->host_lock_fd, STDERR_FILENO /* of its rescuers */ };
        uint32_t n = ledger->file->n_mounts;
        int keep[FREEZE_MOUNTS_MAX + ELEMENTSOF(others)];
        char ready;
        pid_t pid;

        memcpy(keep, view->mount_fds, n * sizeof(int));
        memcpy(keep + n, others, sizeof(others));
        pid = offspring_fork("freezer-deadman", keep, n + ELEMENTSOF(others), ret_life_fd);
        if (pid == 0) {
                if (ledger_lock(ledger, LEDGER_DEADMAN) >= 0)
                        deadman_watch(view, *ret_life_fd);
                ledger_remove(ledger);
                _exit(0);
        }
        return pid > 0 && recv(*ret_life_fd, &ready, 1, 0) == 1 ? 0 : -ECHILD;
}

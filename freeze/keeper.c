/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/keeper.h"

#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "freeze/moment.h"
#include "freeze/offspring.h"

typedef struct Keeper {
        LedgerFile *file;
        LedgerMount *mount;
        int mount_fd;
        int socket_fd;
        int backstop_fd;
} Keeper;

/*
 * It was not frozen any more. A rescuer that was quicker has its error there until the state is
 * that of a thaw, so that the error is looked at before the state.
 */
static void stranger_note(LedgerMount *mount)
{
        int32_t none = mount->error;

        if (none == 0 && mount->state == FREEZE_STATE_THAWING)
                (void)atomic_compare_exchange_strong(&mount->error, &none, EINVAL);
}

static void keeper_thaw(const Keeper *keeper)
{
        LedgerMount *mount = keeper->mount;
        uint32_t frozen = FREEZE_STATE_FROZEN;

        /* A rescuer may have been quicker. */
        if (!atomic_compare_exchange_strong(&mount->state, &frozen, FREEZE_STATE_THAWING))
                return;
        mount->thawing_at_usec = moment_usec();
        if (ioctl(keeper->mount_fd, FITHAW, 0) < 0) {
                if (errno != EINVAL) {
                        mount->state = FREEZE_STATE_FROZEN;
                        return;
                }
                stranger_note(mount);
                mount->thawed_at_usec = moment_usec();
                mount->state = FREEZE_STATE_THAWED;
                return;
        }
        mount->thawed_at_usec = moment_usec();
        mount->state = FREEZE_STATE_THAWED;
        ledger_forgive_late(mount);
}

/*
 * The state comes before the look at the flag, and whoever sets the flag looks at the state
 * afterwards: one of the two sees the other, so that nothing freezes unseen after an abort.
 */
static void keeper_freeze(const Keeper *keeper)
{
        LedgerMount *mount = keeper->mount;

        mount->state = FREEZE_STATE_FREEZING;
        if (keeper->file->aborted) {
                mount->state = FREEZE_STATE_PLANNED;
                return;
        }
        mount->error = 0;
        mount->freezing_at_usec = moment_usec();
        if (ioctl(keeper->mount_fd, FIFREEZE, 0) < 0) {
                mount->error = errno;
                mount->state = errno == EBUSY ? FREEZE_STATE_FOREIGN : FREEZE_STATE_FAILED;
                return;
        }
        mount->frozen_at_usec = moment_usec();
        mount->state = FREEZE_STATE_FROZEN;
        if (keeper->file->aborted)
                keeper_thaw(keeper);
}

static void keeper_obey(const Keeper *keeper, char order)
{
        LedgerMount *mount = keeper->mount;

        if (order == KEEPER_SYNC)
                mount->error = syncfs(keeper->mount_fd) < 0 ? errno : 0;
        if (order == KEEPER_THAW)
                keeper_thaw(keeper);
        if (order == KEEPER_FREEZE || order == KEEPER_WARM_UP)
                keeper_freeze(keeper);
        if (order == KEEPER_WARM_UP && mount->state == FREEZE_STATE_FROZEN) {
                keeper_thaw(keeper);
                if (mount->state == FREEZE_STATE_THAWED && mount->error == 0)
                        mount->state = FREEZE_STATE_PLANNED;
        }
}

static int keeper_wait(const Keeper *keeper, bool *expired)
{
        struct pollfd watch[] = {
                { .fd = keeper->socket_fd, .events = POLLIN },
                { .fd = *expired ? -1 : keeper->backstop_fd, .events = POLLIN },
        };

        if (poll(watch, ELEMENTSOF(watch), -1) < 0)
                return errno == EINTR ? 0 : -errno;
        if (watch[1].revents) {
                *expired = true;
                keeper->file->aborted = 1;
                keeper_thaw(keeper);
        }
        return watch[0].revents != 0;
}

static void keeper_serve(const Keeper *keeper)
{
        bool expired = false;
        char order = KEEPER_READY;

        while (send(keeper->socket_fd, &order, 1, MSG_NOSIGNAL) == 1) {
                int r;

                do
                        r = keeper_wait(keeper, &expired);
                while (r == 0);
                if (r < 0 || recv(keeper->socket_fd, &order, 1, 0) != 1)
                        break;
                keeper_obey(keeper, order);
        }
        keeper->file->aborted = 1;
        keeper_thaw(keeper);
}

int keeper_start(const Ledger *ledger, unsigned index, int mount_fd, int backstop_fd,
        int *ret_socket_fd)
{
        Keeper keeper = {
                .file = ledger->file,
                .mount = &ledger->file->mounts[index],
                .mount_fd = mount_fd,
                .socket_fd = -EBADF,
                .backstop_fd = backstop_fd,
        };
        pid_t pid = offspring_fork("freezer-keeper", (int[]){ mount_fd, backstop_fd, ledger->fd },
                3, &keeper.socket_fd);

        if (pid == 0) {
                if (ledger_lock(ledger, LEDGER_KEEPERS + index) >= 0)
                        keeper_serve(&keeper);
                _exit(0);
        }
        *ret_socket_fd = keeper.socket_fd;
        return pid < 0 ? -errno : 0;
}

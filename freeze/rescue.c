/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/rescue.h"

#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "freeze/moment.h"
#include "freeze/offspring.h"

/* An idle FITHAW costs a microsecond; a file system that comes back is to be thawed at once. */
#define RETRY_USEC UINT64_C(10000)
#define LOOK_USEC UINT64_C(1000)
#define GROUP_USEC UINT64_C(250000)
#define HANG_USEC UINT64_C(1000000)

/*
 * One try. EINVAL, "is not frozen", is final only if no FIFREEZE of ours can still come true: its
 * state says that it had returned, or its keeper was dead before we asked. A keeper that was killed
 * inside FIFREEZE dies only when that returns, and leaves the file system frozen.
 * FREEZING with a dead keeper may also be a foreign freeze whose EBUSY it had no time to note. That
 * takes a kill within a microsecond, and somebody else's FIFREEZE within the milliseconds since the
 * warm-up, which has proved that it was not frozen; to leave it so would be the greater harm.
 */
static void mount_try(const Ledger *ledger, unsigned index, int mount_fd)
{
        LedgerMount *mount = &ledger->file->mounts[index];
        uint32_t state = mount->state;
        bool is_over = state != FREEZE_STATE_FREEZING ||
                !ledger_is_locked(ledger, LEDGER_KEEPERS + index);
        int error;

        if (!ledger_state_is_held(state))
                return;
        mount->thawing_at_usec = moment_usec();
        error = ioctl(mount_fd, FITHAW, 0) < 0 ? errno : 0;
        if (error != 0 && !(error == EINVAL && is_over))
                return;
        mount->thawed_at_usec = moment_usec();
        (void)atomic_compare_exchange_strong(&mount->state, &state, FREEZE_STATE_THAWED);
        if (error == 0)
                ledger_forgive_late(mount);
}

/* What could not be opened is nobody's to wait for. */
static bool mount_is_held(const Rescue *rescue, uint32_t index)
{
        return rescue->mount_fds[index] >= 0 &&
                ledger_state_is_held(rescue->ledger->file->mounts[index].state);
}

/* A journal that itself waits for what hangs must not stop us: what has no room is not said. */
static void mount_tell(const LedgerMount *mount, unsigned level, const char *what)
{
        struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
        uint64_t since_usec = moment_usec() - mount->freezing_at_usec;

        if (poll(&log, 1, 0) > 0 && (log.revents & POLLOUT))
                (void)dprintf(log.fd, "<%u>%s (device %u:%u) %s: %llu ms since its freeze began\n",
                        level, mount->path, mount->major, mount->minor, what,
                        (unsigned long long)since_usec / 1000);
}

/* FITHAW waits for the FIFREEZE that hangs, so one try may last as long as that. */
static void mount_rescue(const Ledger *ledger, unsigned index, int mount_fd)
{
        const LedgerMount *mount = &ledger->file->mounts[index];
        uint64_t hang_usec = moment_usec() + HANG_USEC;

        for (;;) {
                mount_try(ledger, index, mount_fd);
                if (!ledger_state_is_held(mount->state))
                        break;
                moment_sleep(RETRY_USEC);
        }
        if (moment_usec() >= hang_usec)
                mount_tell(mount, 5, "answers again, and is thawed");
}

static void rescue_start(Rescue *rescue, unsigned index)
{
        const Ledger *ledger = rescue->ledger;
        LedgerMount *mount = &ledger->file->mounts[index];
        int mount_fd = rescue->mount_fds[index];

        if (rescue->pids[index] > 0 || !mount_is_held(rescue, index))
                return;
        ledger_note_late(mount);
        rescue->pids[index] = offspring_fork("freezer-rescue",
                (int[]){ mount_fd, ledger->fd, STDERR_FILENO }, 3, NULL);
        if (rescue->pids[index] != 0)
                return;
        mount_rescue(ledger, index, mount_fd);
        _exit(0);
}

/* Killed rescuers are replaced. */
static void rescue_reap(Rescue *rescue)
{
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                for (unsigned i = 0; i < FREEZE_MOUNTS_MAX; i++)
                        if (rescue->pids[i] == pid)
                                rescue->pids[i] = 0;
}

void rescue_init(Rescue *rescue, const Ledger *ledger, const int *mount_fds)
{
        *rescue = (Rescue){ .ledger = ledger, .mount_fds = mount_fds };
}

static bool range_is_held(const Rescue *rescue, uint32_t first, uint32_t end)
{
        for (uint32_t i = first; i < end; i++)
                if (mount_is_held(rescue, i))
                        return true;
        return false;
}

void rescue_range(Rescue *rescue, uint32_t first, uint32_t end)
{
        uint64_t end_usec = moment_usec() + GROUP_USEC;

        for (uint32_t i = first; i < end; i++)
                rescue_start(rescue, i);
        while (range_is_held(rescue, first, end) && moment_usec() < end_usec)
                moment_sleep(LOOK_USEC);
}

static void hangs_tell(const Rescue *rescue)
{
        for (uint32_t i = 0; i < rescue->ledger->file->n_mounts; i++)
                if (mount_is_held(rescue, i))
                        mount_tell(&rescue->ledger->file->mounts[i], 3,
                                "hangs, and is thawed as soon as its device answers");
}

bool rescue_all(Rescue *rescue, uint64_t end_usec)
{
        const LedgerFile *file = rescue->ledger->file;
        uint64_t hang_usec = moment_usec() + HANG_USEC;
        uint32_t first;

        for (uint32_t end = file->n_mounts; end > 0; end = first) {
                first = ledger_group_start(file, end);
                rescue_range(rescue, first, end);
        }
        while (range_is_held(rescue, 0, file->n_mounts)) {
                if (moment_usec() >= end_usec)
                        return false;
                if (moment_usec() >= hang_usec) {
                        hangs_tell(rescue);
                        hang_usec = UINT64_MAX;
                }
                rescue_reap(rescue);
                for (uint32_t i = 0; i < file->n_mounts; i++)
                        rescue_start(rescue, i);
                moment_sleep(RETRY_USEC);
        }
        return true;
}

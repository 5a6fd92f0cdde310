/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "freeze/moment.h"

#define THAW_IS_LATE ETIME /* no call that we make on a mount fails with it */

size_t ledger_size(uint32_t n_mounts)
{
        return offsetof(LedgerFile, mounts) + n_mounts * sizeof(LedgerMount);
}

int ledger_map(Ledger *ledger, size_t size)
{
        void *memory =
                mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ledger->fd, 0);

        if (memory == MAP_FAILED)
                return -errno;
        ledger->file = memory;
        ledger->size = size;
        return 0;
}

static int ledger_fill(Ledger *ledger, uint32_t n_mounts)
{
        int r = ftruncate(ledger->fd, (off_t)ledger_size(n_mounts)) < 0 ? -errno : 0;

        if (r >= 0)
                r = ledger_map(ledger, ledger_size(n_mounts));
        if (r < 0)
                return r;
        ledger->file->n_mounts = n_mounts;
        memcpy(ledger->file->magic, LEDGER_MAGIC, sizeof(ledger->file->magic));
        return ledger_lock(ledger, LEDGER_FREEZER);
}

/* It appears under its name when it is whole and locked: nobody takes it for a leftover before. */
int ledger_create(int folder_fd, uint32_t n_mounts, Ledger *ret)
{
        _cleanup_(ledger_done) Ledger ledger = LEDGER_INIT;
        struct statfs about;
        char link[64];
        int r;

        if (fstatfs(folder_fd, &about) < 0)
                return -errno;
        if (about.f_type != TMPFS_MAGIC)
                return -ENOTSUP;
        ledger.folder_fd = folder_fd;
        ledger.fd = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (ledger.fd < 0)
                return -errno;
        r = ledger_fill(&ledger, n_mounts);
        if (r < 0)
                return r;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", ledger.fd);
        (void)snprintf(ledger.name, sizeof(ledger.name), LEDGER_PREFIX "%d-%llx", (int)getpid(),
                (unsigned long long)moment_usec());
        if (linkat(AT_FDCWD, link, folder_fd, ledger.name, AT_SYMLINK_FOLLOW) < 0)
                return -errno;
        *ret = ledger;
        ledger = LEDGER_INIT;
        return 0;
}

void ledger_done(Ledger *ledger)
{
        if (ledger->file)
                (void)munmap(ledger->file, ledger->size);
        closep(&ledger->fd);
        *ledger = LEDGER_INIT;
}

void ledger_remove(const Ledger *ledger)
{
        (void)unlinkat(ledger->folder_fd, ledger->name, 0);
}

int ledger_lock(const Ledger *ledger, unsigned byte)
{
        struct flock lock = { .l_type = F_WRLCK, .l_start = byte, .l_len = 1 };

        return fcntl(ledger->fd, F_SETLK, &lock) < 0 ? -errno : 0;
}

bool ledger_is_locked(const Ledger *ledger, unsigned byte)
{
        struct flock lock = { .l_type = F_WRLCK, .l_start = byte, .l_len = 1 };

        return fcntl(ledger->fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool ledger_state_is_held(uint32_t state)
{
        return state == FREEZE_STATE_FREEZING || state == FREEZE_STATE_FROZEN ||
                state == FREEZE_STATE_THAWING;
}

bool ledger_is_held(const Ledger *ledger)
{
        for (uint32_t i = 0; i < ledger->file->n_mounts; i++)
                if (ledger_state_is_held(ledger->file->mounts[i].state))
                        return true;
        return false;
}

void ledger_note_late(LedgerMount *mount)
{
        int32_t none = 0, late = mount->state == FREEZE_STATE_FREEZING ? ETIMEDOUT : THAW_IS_LATE;

        (void)atomic_compare_exchange_strong(&mount->error, &none, late);
}

void ledger_forgive_late(LedgerMount *mount)
{
        int32_t late = THAW_IS_LATE;

        (void)atomic_compare_exchange_strong(&mount->error, &late, 0);
}

int32_t ledger_error(const LedgerMount *mount)
{
        int32_t error = mount->error;

        return error == THAW_IS_LATE ? ETIMEDOUT : error;
}

uint32_t ledger_group_start(const LedgerFile *file, uint32_t end)
{
        uint32_t first = end - 1;

        while (first > 0 && file->mounts[first - 1].group == file->mounts[end - 1].group)
                first--;
        return first;
}

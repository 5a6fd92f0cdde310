/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static const char *mount_complaint(const LedgerMount *mount)
{
        if (mount->state >= FREEZE_STATE_MAX)
                return "has an unknown state";
        if (mount->path[0] != '/' || !memchr(mount->path, 0, sizeof(mount->path)))
                return "has a path that is none";
        return NULL;
}

const char *leftover_complaint(const void *data, size_t size)
{
        const LedgerFile *file = data;
        const char *complaint = NULL;

        if (size < sizeof(*file))
                return "is too short";
        if (memcmp(file->magic, LEDGER_MAGIC, sizeof(file->magic)) != 0)
                return "is no ledger of this version";
        if (file->n_mounts > FREEZE_MOUNTS_MAX || size != ledger_size(file->n_mounts))
                return "has the wrong size";
        for (uint32_t i = 0; !complaint && i < file->n_mounts; i++)
                complaint = mount_complaint(&file->mounts[i]);
        return complaint;
}

static const char *file_complaint(const struct stat *about)
{
        if (!S_ISREG(about->st_mode) || about->st_uid != 0)
                return "is no file of root's";
        if (about->st_size < (off_t)sizeof(LedgerFile) ||
                about->st_size > (off_t)ledger_size(FREEZE_MOUNTS_MAX))
                return "has the wrong size";
        return NULL;
}

int leftover_open(int folder_fd, const char *name, Ledger *ret, const char **reterr_reason)
{
        _cleanup_(ledger_done) Ledger ledger = LEDGER_INIT;
        const char *complaint;
        struct stat about;
        int r;

        ledger.folder_fd = folder_fd;
        (void)snprintf(ledger.name, sizeof(ledger.name), "%s", name);
        ledger.fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (ledger.fd < 0 || fstat(ledger.fd, &about) < 0)
                return -errno;
        complaint = file_complaint(&about);
        if (!complaint) {
                r = ledger_map(&ledger, (size_t)about.st_size);
                if (r < 0)
                        return r;
                complaint = leftover_complaint(ledger.file, ledger.size);
        }
        if (complaint) {
                *reterr_reason = complaint;
                return -EBADMSG;
        }
        *ret = ledger;
        ledger = LEDGER_INIT;
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* New files of a bundle in a folder, which are gone again unless all of them are there. */

#include "image/deposit.h"

#include <fcntl.h>

#include "base/files.h"

#define FILE_MODE 0644 /* what is in it is encrypted */

void deposit_done(Deposit *deposit)
{
        for (size_t i = 0; i < deposit->undo_files.count; i++)
                (void)unlinkat(deposit->fd, deposit->undo_files.items[i], 0);
        string_list_done(&deposit->undo_files);
}

int deposit_fail(const char *filename, int error, const char *verb, char **reterr_message)
{
        return string_printf(reterr_message, "The file %s cannot be %s: %s", filename, verb,
                       strerror(-error)) < 0
                ? -ENOMEM
                : error;
}

static int write_new(Deposit *deposit, const char *filename, const char *data, size_t size)
{
        _cleanup_(closep) int fd = openat(deposit->fd, filename,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        int r;

        if (fd < 0)
                return -errno;
        r = string_list_add(&deposit->undo_files, filename);
        if (r < 0) {
                (void)unlinkat(deposit->fd, filename, 0);
                return r;
        }
        r = write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

int deposit_add(Deposit *deposit, const char *filename, const char *data, size_t size,
        char **reterr_message)
{
        int r = write_new(deposit, filename, data, size);

        return r < 0 && r != -ENOMEM ? deposit_fail(filename, r, "made", reterr_message) : r;
}

int deposit_keep(
        Deposit *deposit, const char *name, const char *data, size_t size, char **reterr_message)
{
        _cleanup_(freep) char *filename = NULL;
        int r = string_printf(&filename, "%s" MANIFEST_SUFFIX, name);

        if (r >= 0)
                r = deposit_add(deposit, filename, data, size, reterr_message);
        if (r >= 0 && fsync(deposit->fd) < 0)
                r = deposit_fail(".", -errno, "synced", reterr_message);
        if (r >= 0)
                string_list_done(&deposit->undo_files);
        return r;
}

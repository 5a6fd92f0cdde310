/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, read and replaced. */

#include "base/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

int file_read_fd(int fd, size_t max_bytes, char **ret, size_t *ret_size)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        char chunk[16384];

        for (;;) {
                ssize_t n = read(fd, chunk, sizeof(chunk));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if ((size_t)n > max_bytes - text.length)
                        return -EFBIG;
                if (text_add_bytes(&text, chunk, (size_t)n) < 0)
                        return -ENOMEM;
        }
        if (!ret_size && text.data && memchr(text.data, '\0', text.length))
                return -EBADMSG;
        if (ret_size)
                *ret_size = text.length;
        return text_take(&text, ret);
}

int file_read(const char *path, size_t max_bytes, char **ret, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return file_read_fd(fd, max_bytes, ret, ret_size);
}

int write_all(int fd, const void *data, size_t size)
{
        const char *position = data;

        while (size > 0) {
                ssize_t n = write(fd, position, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                position += n;
                size -= (size_t)n;
        }
        return 0;
}

/* The folder that holds `path`, opened. */
static int open_parent(const char *path)
{
        _cleanup_(freep) char *copy = strdup(path);
        char *slash;
        int fd;

        if (!copy)
                return -ENOMEM;
        slash = strrchr(copy, '/');
        if (slash == copy)
                slash[1] = '\0';
        else if (slash)
                *slash = '\0';
        fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int file_sync_parent(const char *path)
{
        _cleanup_(closep) int folder = open_parent(path);

        if (folder < 0)
                return folder;
        return fsync(folder) < 0 ? -errno : 0;
}

static int write_synced(const char *path, const char *data, size_t size, unsigned mode)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_replace(const char *path, const char *data, size_t size, unsigned mode)
{
        _cleanup_(freep) char *temporary = NULL;
        _cleanup_(closep) int folder = -EBADF;
        int r;

        r = string_printf(&temporary, "%s.new", path);
        if (r < 0)
                return r;
        folder = open_parent(path);
        if (folder < 0)
                return folder;
        r = write_synced(temporary, data, size, mode);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary);
                return r;
        }
        return fsync(folder) < 0 ? -errno : 0;
}

int folder_make(const char *path, unsigned mode)
{
        return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

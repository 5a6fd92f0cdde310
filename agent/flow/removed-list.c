/* SPDX-License-Identifier: Apache-2.0 */
/* What a scrub removed from an image, where the job itself has no room for it: a file beside it. */

#include "flow/removed-list.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "freeze/capture/protocol.h"

#define WINDOW_BYTES (64u * 1024)
/* Longer than any that capture tells of. */
#define PATH_BYTES_MAX (2u * CAPTURE_PATH_MAX)

static int write_line(FILE *file, const char *path)
{
        _cleanup_(json_decrefp) json_t *text = json_text(path);

        if (!text)
                return -ENOMEM;
        if (json_dumpf(text, file, JSON_ENCODE_ANY) < 0 || putc('\n', file) == EOF)
                return errno ? -errno : -EIO;
        return 0;
}

/* Those that end in the window; *ret_rest bytes of the next one are left at its end. */
static int write_window(FILE *file, const char *window, size_t size, size_t *ret_rest)
{
        const char *path = window, *end;

        while ((end = memchr(path, '\0', (size_t)(window + size - path)))) {
                int r = write_line(file, path);

                if (r < 0)
                        return r;
                path = end + 1;
        }
        *ret_rest = (size_t)(window + size - path);
        return *ret_rest > PATH_BYTES_MAX ? -EBADMSG : 0;
}

static int copy_list(FILE *file, int list_fd)
{
        _cleanup_(freep) char *window = malloc(WINDOW_BYTES);
        size_t rest = 0;

        if (!window)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(list_fd, window + rest, WINDOW_BYTES - rest);
                size_t size;
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return rest == 0 ? 0 : -EBADMSG;
                size = rest + (size_t)n;
                r = write_window(file, window, size, &rest);
                if (r < 0)
                        return r;
                memmove(window, window + size - rest, rest);
        }
}

static int write_file(const char *path, int list_fd)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_(fclosep) FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
        int r;

        if (fd < 0)
                return -errno;
        if (!file) {
                (void)close(fd);
                return -ENOMEM;
        }
        r = copy_list(file, list_fd);
        if (r >= 0 && (fflush(file) != 0 || fsync(fd) < 0))
                r = -errno;
        return r < 0 ? r : file_sync_parent(path);
}

int removed_list_write(const Record *record, int list_fd, char **ret)
{
        _cleanup_(freep) char *path = NULL;
        int r = string_printf(&path, "%s/%s.removed", record->folder, record->id);

        if (r >= 0)
                r = write_file(path, list_fd);
        if (r < 0 && path)
                (void)unlink(path);
        if (r >= 0)
                *ret = TAKE_PTR(path);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is made on this host: a folder for a bundle, or the file of an image. */

#include "bundle/target.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/text.h"

static int fail(const char *path, int error, char **reterr_message)
{
        return string_printf(reterr_message, "%s cannot be made: %s%s", path, strerror(-error),
                       error == -EEXIST ? "; nothing is overwritten" : "") < 0
                ? -ENOMEM
                : error;
}

/* --- A folder --------------------------------------------------------------------------------- */

void folder_made_done(FolderMade *folder)
{
        closep(&folder->fd);
        if (folder->undo_path)
                (void)rmdir(folder->undo_path);
        *folder = (FolderMade){ .fd = -EBADF };
}

void folder_made_keep(FolderMade *folder)
{
        if (folder->undo_path)
                (void)file_sync_parent(folder->undo_path);
        folder->undo_path = NULL;
}

int folder_made_open(const char *path, FolderMade *ret, char **reterr_message)
{
        _cleanup_(folder_made_done) FolderMade folder = { .fd = -EBADF };

        if (mkdir(path, 0777) == 0)
                folder.undo_path = path;
        else if (errno != EEXIST)
                return fail(path, -errno, reterr_message);
        folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder.fd < 0)
                return fail(path, -errno, reterr_message);
        *ret = folder;
        folder = (FolderMade){ .fd = -EBADF };
        return 0;
}

/* --- A file ----------------------------------------------------------------------------------- */

void file_made_done(FileMade *file)
{
        closep(&file->fd);
        if (file->undo_path)
                (void)unlink(file->undo_path);
        free(file->undo_path);
        *file = (FileMade){ .fd = -EBADF };
}

int file_made_open(const char *path, FileMade *ret, char **reterr_message)
{
        _cleanup_(file_made_done) FileMade file = { .fd = -EBADF, .path = path };
        _cleanup_(freep) char *pattern = NULL;
        struct stat status;

        if (lstat(path, &status) == 0)
                return fail(path, -EEXIST, reterr_message);
        if (string_printf(&pattern, "%s.XXXXXX", path) < 0)
                return -ENOMEM;
        file.fd = mkostemp(pattern, O_CLOEXEC);
        if (file.fd < 0)
                return fail(path, -errno, reterr_message);
        file.undo_path = TAKE_PTR(pattern);
        *ret = file;
        file = (FileMade){ .fd = -EBADF };
        return 0;
}

/* NFS, for one, has no rename that leaves a file alone which came meanwhile. */
static int move(const char *from, const char *to)
{
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        if (link(from, to) < 0)
                return -errno;
        (void)unlink(from);
        return 0;
}

int file_made_keep(FileMade *file, char **reterr_message)
{
        int r = fsync(file->fd) < 0 ? -errno : move(file->undo_path, file->path);

        if (r < 0)
                return fail(file->path, r, reterr_message);
        free(TAKE_PTR(file->undo_path));
        r = file_sync_parent(file->path);
        return r < 0 ? fail(file->path, r, reterr_message) : 0;
}

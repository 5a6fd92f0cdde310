/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle in a folder of this host. */

#include "image/folder.h"

#include <fcntl.h>

#include "base/files.h"
#include "image/unbundle.h"

#define FILE_MODE 0644 /* what is in it is encrypted */

static int fail_file(const char *filename, int error, const char *verb, char **reterr_message)
{
        return string_printf(reterr_message, "The file %s cannot be %s: %s", filename, verb,
                       strerror(-error)) < 0
                ? -ENOMEM
                : error;
}

/* --- Writing ---------------------------------------------------------------------------------- */

typedef struct FolderSink {
        int fd;
        StringList undo_files; /* that we made */
} FolderSink;

static void folder_sink_done(FolderSink *sink)
{
        for (size_t i = 0; i < sink->undo_files.count; i++)
                (void)unlinkat(sink->fd, sink->undo_files.items[i], 0);
        string_list_done(&sink->undo_files);
}

static int write_new(FolderSink *sink, const char *filename, const char *data, size_t size)
{
        _cleanup_(closep) int fd = openat(sink->fd, filename,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        int r;

        if (fd < 0)
                return -errno;
        r = string_list_add(&sink->undo_files, filename);
        if (r < 0) {
                (void)unlinkat(sink->fd, filename, 0);
                return r;
        }
        r = write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

static int make_file(FolderSink *sink, const char *filename, const char *data, size_t size,
        char **reterr_message)
{
        int r = write_new(sink, filename, data, size);

        return r < 0 && r != -ENOMEM ? fail_file(filename, r, "made", reterr_message) : r;
}

static int take_part(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;

        return make_file(userdata, part->filename, part->data, part->size, reterr_message);
}

static int write_manifest(
        FolderSink *sink, const Manifest *manifest, RsaKey *private_key, char **reterr_message)
{
        _cleanup_(freep) char *text = NULL, *filename = NULL;
        int r = manifest_write(manifest, private_key, &text, reterr_message);

        if (r >= 0)
                r = string_printf(&filename, "%s" MANIFEST_SUFFIX, manifest->name);
        if (r >= 0)
                r = make_file(sink, filename, text, strlen(text), reterr_message);
        if (r >= 0 && fsync(sink->fd) < 0)
                r = fail_file(".", -errno, "synced", reterr_message);
        return r;
}

int folder_bundle(int fd, int image_fd, const BundleCertificates *certificates, Manifest *manifest,
        char **reterr_message)
{
        _cleanup_(folder_sink_done) FolderSink sink = { .fd = fd };
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(manifest_done) Manifest written = { 0 };
        const PartSink taker = { .take = take_part, .userdata = &sink };
        int r = bundle_keys_new(&keys);

        if (r >= 0)
                r = bundle_keys_wrap(keys, certificates->ec2, certificates->user, &manifest->keys);
        if (r >= 0)
                r = bundle_write(image_fd, manifest->name, keys, &taker, &written, reterr_message);
        if (r < 0)
                return r;
        manifest_take_parts(manifest, &written);
        r = write_manifest(&sink, manifest, certificates->private_key, reterr_message);
        if (r >= 0)
                string_list_done(&sink.undo_files);
        return r;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int open_file(int folder_fd, const char *filename, int *ret)
{
        int fd = openat(folder_fd, filename, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

/* One byte more than a part has, if there is one. */
static int read_body(int fd, Text *body)
{
        int r = text_reserve(body, PART_BYTES + 1);

        while (r >= 0 && body->length <= PART_BYTES) {
                ssize_t n = read(fd, body->data + body->length, PART_BYTES + 1 - body->length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                body->length += (size_t)n;
        }
        return r;
}

static int give_part(void *userdata, const ManifestPart *part, Text *body, char **reterr_message)
{
        const FolderBundle *bundle = userdata;
        _cleanup_(closep) int fd = -EBADF;
        int r = open_file(bundle->fd, part->filename, &fd);

        if (r >= 0)
                r = read_body(fd, body);
        return r < 0 && r != -ENOMEM ? fail_file(part->filename, r, "read", reterr_message) : r;
}

static int read_manifest(const FolderBundle *bundle, Manifest *ret, char **reterr_message)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(freep) char *filename = NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r = string_printf(&filename, "%s" MANIFEST_SUFFIX, bundle->name);

        if (r < 0)
                return r;
        r = open_file(bundle->fd, filename, &fd);
        if (r >= 0)
                r = file_read_fd(fd, MANIFEST_BYTES_MAX, &text.data, &text.length);
        if (r < 0)
                return r == -ENOMEM ? r : fail_file(filename, r, "read", reterr_message);
        return unbundle_manifest(filename, &text, bundle->user, ret, reterr_message);
}

int folder_check(const FolderBundle *bundle, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const PartSource source = { .give = give_part, .userdata = (void *)bundle };
        int r = read_manifest(bundle, &manifest, reterr_message);

        return r < 0 ? r : bundle_check_parts(&manifest, &source, reterr_message);
}

int folder_unbundle(const FolderBundle *bundle, int image_fd, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const PartSource source = { .give = give_part, .userdata = (void *)bundle };
        int r = read_manifest(bundle, &manifest, reterr_message);

        return r < 0
                ? r
                : unbundle_with(&manifest, bundle->private_key, &source, image_fd, reterr_message);
}

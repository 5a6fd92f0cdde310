/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle in a folder of this host. */

#include "image/folder.h"

#include <fcntl.h>

#include "base/files.h"
#include "image/deposit.h"
#include "image/unbundle.h"

/* --- Writing ---------------------------------------------------------------------------------- */

typedef struct FolderSink {
        Deposit deposit;
        const PartWatch *watch;
} FolderSink;

static void folder_sink_done(FolderSink *sink)
{
        deposit_done(&sink->deposit);
}

static int take_part(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;
        FolderSink *sink = userdata;
        int r = deposit_add(&sink->deposit, part->filename, part->data, part->size, reterr_message);

        return r < 0 ? r : part_watch_tell(sink->watch, part->size);
}

static int write_manifest(
        FolderSink *sink, const Manifest *manifest, RsaKey *private_key, char **reterr_message)
{
        _cleanup_(freep) char *text = NULL;
        int r = manifest_write(manifest, private_key, &text, reterr_message);

        return r < 0
                ? r
                : deposit_keep(&sink->deposit, manifest->name, text, strlen(text), reterr_message);
}

int folder_bundle(const FolderTarget *target, int image_fd, const BundleCertificates *certificates,
        Manifest *manifest, char **reterr_message)
{
        _cleanup_(folder_sink_done) FolderSink sink = {
                .deposit = { .fd = target->fd },
                .watch = target->watch,
        };
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
        return write_manifest(&sink, manifest, certificates->private_key, reterr_message);
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
        return r < 0 && r != -ENOMEM ? deposit_fail(part->filename, r, "read", reterr_message) : r;
}

int folder_read_manifest(
        const FolderBundle *bundle, Manifest *ret, Text *ret_text, char **reterr_message)
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
                return r == -ENOMEM ? r : deposit_fail(filename, r, "read", reterr_message);
        r = unbundle_manifest(filename, &text, bundle->user, ret, reterr_message);
        if (r >= 0) {
                *ret_text = text;
                text = TEXT_INIT;
        }
        return r;
}

PartSource folder_parts(const FolderBundle *bundle)
{
        return (PartSource){
                .give = give_part,
                .userdata = (void *)(uintptr_t)bundle,
                .watch = bundle->watch,
        };
}

static int read_bundle(const FolderBundle *bundle, bool decrypts, int image_fd, Manifest *ret,
        char **reterr_message)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const PartSource source = folder_parts(bundle);
        int r = folder_read_manifest(bundle, &manifest, &text, reterr_message);

        if (r >= 0)
                r = decrypts ? unbundle_with(&manifest, bundle->private_key, &source, image_fd,
                                       reterr_message)
                             : bundle_check_parts(&manifest, &source, reterr_message);
        if (r >= 0)
                manifest_move(&manifest, ret);
        return r;
}

int folder_check(const FolderBundle *bundle, Manifest *ret, char **reterr_message)
{
        return read_bundle(bundle, /* decrypts= */ false, -EBADF, ret, reterr_message);
}

int folder_unbundle(const FolderBundle *bundle, int image_fd, Manifest *ret, char **reterr_message)
{
        return read_bundle(bundle, /* decrypts= */ true, image_fd, ret, reterr_message);
}

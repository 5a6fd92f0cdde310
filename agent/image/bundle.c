/* SPDX-License-Identifier: Apache-2.0 */
/* An image as a bundle for an instance-store AMI, made as it is read. */

#include "image/bundle.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "image/archive.h"
#include "image/press.h"
#include "image/split.h"

/* Of the archive, each compressed on its own: shorter ones cost time for what lies before them. */
#define PIECE_BYTES (512u * 1024)

typedef struct Chain {
        Archive archive;
        Channel *archived;
        Channel *compressed;
        Press *press;
        Split split;

        pthread_t thread; /* of the archive, and how it went there */
        bool undo_thread;
        char digest[SHA1_HEX_SIZE];
        char *message;
} Chain;

int bundle_check_name(const char *name, char **reterr_message)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789._-";
        size_t length = strlen(name);

        if (length > 0 && length <= TAR_NAME_MAX && name[strspn(name, allowed)] == '\0' &&
                name[0] != '.' && name[0] != '-')
                return 0;
        return string_printf(reterr_message,
                       "\"%s\" is no name for a bundle: it takes 1 to %d letters, digits, dots, "
                       "dashes and underscores, of which neither a dot nor a dash comes first",
                       name, TAR_NAME_MAX) < 0
                ? -ENOMEM
                : -EINVAL;
}

int bundle_check_size(uint64_t image_bytes, char **reterr_message)
{
        if (image_bytes > 0 && image_bytes <= IMAGE_BYTES_MAX)
                return 0;
        if (string_printf(reterr_message,
                    "The image has %" PRIu64 " bytes: an instance-store image has at least one, "
                    "and at most 10 GiB (%" PRIu64 ")",
                    image_bytes, IMAGE_BYTES_MAX) < 0)
                return -ENOMEM;
        return image_bytes > 0 ? -EFBIG : -EINVAL;
}

/* --- The chain -------------------------------------------------------------------------------- */

static void *archive_main(void *userdata)
{
        Chain *chain = userdata;
        int r = archive_send(&chain->archive, chain->archived, chain->digest, &chain->message);

        channel_end(chain->archived, r);
        return NULL;
}

/* From the end to the beginning: each thread is told by the one behind it that it may stop. */
static void chain_join(Chain *chain)
{
        chain->press = press_free(chain->press);
        if (!chain->undo_thread)
                return;
        channel_cancel(chain->archived);
        (void)pthread_join(chain->thread, NULL);
        chain->undo_thread = false;
}

static void chain_done(Chain *chain)
{
        chain_join(chain);
        free(chain->message);
        chain->compressed = channel_free(chain->compressed);
        chain->archived = channel_free(chain->archived);
        split_done(&chain->split);
        archive_done(&chain->archive);
}

static int chain_start(Chain *chain)
{
        int r = channel_new(PIECE_BYTES, &chain->archived);

        if (r >= 0)
                r = channel_new(press_room(PIECE_BYTES), &chain->compressed);
        if (r >= 0)
                r = thread_start(&chain->thread, archive_main, chain);
        if (r < 0)
                return r;
        chain->undo_thread = true;
        return press_start(chain->archived, chain->compressed, press_thread_count(), &chain->press);
}

static int chain_run(Chain *chain, char **reterr_message)
{
        int r;

        do {
                const char *data;
                size_t size;

                r = channel_take_filled(chain->compressed, &data, &size);
                if (r <= 0)
                        break;
                r = split_add(&chain->split, data, size, reterr_message);
                channel_give_empty(chain->compressed, data);
        } while (r >= 0);
        return r < 0 ? r : split_end(&chain->split, reterr_message);
}

/* What the archive had to say, where nothing worse has come in between. */
static void chain_explain(Chain *chain, char **reterr_message)
{
        chain_join(chain);
        if (!*reterr_message)
                *reterr_message = TAKE_PTR(chain->message);
}

static int write_parts(Chain *chain, int image_fd, const BundleKeys *keys, const PartSink *sink,
        Manifest *manifest, char **reterr_message)
{
        int r = archive_init(&chain->archive, image_fd, manifest->name, reterr_message);

        if (r >= 0)
                r = split_init(&chain->split, keys, sink, manifest);
        if (r >= 0)
                r = chain_start(chain);
        if (r >= 0)
                r = chain_run(chain, reterr_message);
        if (r < 0) {
                chain_explain(chain, reterr_message);
                return r;
        }
        chain_join(chain);
        manifest->size_bytes = chain->archive.member.size_bytes;
        memcpy(manifest->digest, chain->digest, sizeof(manifest->digest));
        return 0;
}

static int check_image(int fd, const char *name, char **reterr_message)
{
        struct stat status;
        int r = bundle_check_name(name, reterr_message);

        if (r < 0)
                return r;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return string_replace(reterr_message, "The image is no regular file") < 0 ? -ENOMEM
                                                                                          : -EINVAL;
        return bundle_check_size((uint64_t)status.st_size, reterr_message);
}

/* What libcrypto and the compressor refuse, they refuse without words. */
static int explain(int error, char **reterr_message)
{
        if (error == -ENOMEM || *reterr_message)
                return error;
        return string_printf(reterr_message, "The image cannot be bundled: %s", strerror(-error)) <
                        0
                ? -ENOMEM
                : error;
}

int bundle_write(int image_fd, const char *name, const BundleKeys *keys, const PartSink *sink,
        Manifest *ret, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(chain_done) Chain chain = { 0 };
        int r = check_image(image_fd, name, reterr_message);

        if (r >= 0)
                r = string_replace(&manifest.name, name);
        if (r >= 0)
                r = write_parts(&chain, image_fd, keys, sink, &manifest, reterr_message);
        if (r < 0)
                return explain(r, reterr_message);
        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An image as a bundle for an instance-store AMI, made as it is read. */

#include "image/bundle.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "image/archive.h"
#include "image/gzip.h"
#include "image/split.h"

#define BUFFER_BYTES (1024u * 1024)

/* What has its own thread, and how it went there. */
typedef struct Stage {
        int (*run)(struct Stage *stage);
        const Archive *archive; /* of the first */
        Channel *from;          /* of the second */
        Channel *to;
        char digest[SHA1_HEX_SIZE];
        char *message;
        pthread_t thread;
        bool undo_thread;
} Stage;

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

/* --- Stages ----------------------------------------------------------------------------------- */

static int run_archive(Stage *stage)
{
        return archive_send(stage->archive, stage->to, stage->digest, &stage->message);
}

/* The output of one buffer of input, or of the end; `step` keeps the buffer that is not full. */
static int compress_buffer(Stage *stage, Gzip *gzip, GzipStep *step)
{
        size_t bytes = channel_buffer_bytes(stage->to);
        int r;

        do {
                if (!step->output) {
                        r = channel_take_empty(stage->to, &step->output);
                        if (r < 0)
                                return r;
                        step->output_bytes = bytes;
                }
                r = gzip_compress(gzip, step);
                if (r < 0)
                        return r;
                if (step->output_bytes == 0 || r == GZIP_E_END) {
                        channel_give_filled(stage->to, bytes - step->output_bytes);
                        step->output = NULL;
                }
        } while (r != GZIP_E_END && (step->input_bytes > 0 || !step->output || step->is_last));
        return 0;
}

static int run_gzip(Stage *stage)
{
        _cleanup_(gzip_freep) Gzip *gzip = NULL;
        GzipStep step = { 0 };
        int r = gzip_new(&gzip);

        while (r >= 0 && !step.is_last) {
                r = channel_take_filled(stage->from, &step.input, &step.input_bytes);
                if (r < 0)
                        break;
                step.is_last = r == 0;
                r = compress_buffer(stage, gzip, &step);
                if (!step.is_last)
                        channel_give_empty(stage->from);
        }
        if (r < 0)
                channel_cancel(stage->from);
        return r;
}

static void *stage_main(void *userdata)
{
        Stage *stage = userdata;

        channel_end(stage->to, stage->run(stage));
        return NULL;
}

/* Signals are for the thread that was there before. */
static int stage_start(Stage *stage)
{
        sigset_t all, before;
        int r;

        (void)sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(&stage->thread, NULL, stage_main, stage);
                (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        stage->undo_thread = r == 0;
        return -r;
}

static void stage_join(Stage *stage)
{
        if (!stage->undo_thread)
                return;
        channel_cancel(stage->to);
        (void)pthread_join(stage->thread, NULL);
        stage->undo_thread = false;
}

/* --- The chain -------------------------------------------------------------------------------- */

typedef struct Chain {
        Archive archive;
        Channel *archived;
        Channel *compressed;
        Stage archiving;
        Stage compressing;
        Split split;
} Chain;

/* From the end to the beginning: each thread is told by the one behind it that it may stop. */
static void chain_done(Chain *chain)
{
        stage_join(&chain->compressing);
        stage_join(&chain->archiving);
        free(chain->compressing.message);
        free(chain->archiving.message);
        chain->compressed = channel_free(chain->compressed);
        chain->archived = channel_free(chain->archived);
        split_done(&chain->split);
        archive_done(&chain->archive);
}

static int chain_start(Chain *chain)
{
        int r = channel_new(BUFFER_BYTES, &chain->archived);

        if (r >= 0)
                r = channel_new(BUFFER_BYTES, &chain->compressed);
        if (r < 0)
                return r;
        chain->archiving = (Stage){
                .run = run_archive,
                .archive = &chain->archive,
                .to = chain->archived,
        };
        chain->compressing = (Stage){
                .run = run_gzip,
                .from = chain->archived,
                .to = chain->compressed,
        };
        r = stage_start(&chain->archiving);
        return r < 0 ? r : stage_start(&chain->compressing);
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
                channel_give_empty(chain->compressed);
        } while (r >= 0);
        return r < 0 ? r : split_end(&chain->split, reterr_message);
}

/* What a thread had to say, where nothing worse has come in between. */
static void chain_explain(Chain *chain, char **reterr_message)
{
        stage_join(&chain->compressing);
        stage_join(&chain->archiving);
        if (!*reterr_message)
                *reterr_message = TAKE_PTR(chain->archiving.message);
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
        stage_join(&chain->archiving);
        manifest->size_bytes = chain->archive.member.size_bytes;
        memcpy(manifest->digest, chain->archiving.digest, sizeof(manifest->digest));
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

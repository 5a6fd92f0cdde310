/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What making a bundle takes: `bench-bundle bundle IMAGE` makes all parts and drops them, and
 * `bench-bundle gzip IMAGE` only compresses, with the same library. Each prints the bytes it made.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "image/bundle.h"
#include "image/gzip.h"

#define BUFFER_BYTES (1024u * 1024)

static int drop_part(void *userdata, BundlePart *part, char **reterr_message)
{
        (void)bundle_part_free(part);
        return 0;
}

static int run_bundle(int fd, uint64_t *ret_bytes, char **reterr_message)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const PartSink sink = { .take = drop_part };
        int r = bundle_keys_new(&keys);

        if (r >= 0)
                r = bundle_write(fd, "image", keys, &sink, &manifest, reterr_message);
        *ret_bytes = manifest.bundled_bytes;
        return r;
}

static int compress(Gzip *gzip, GzipStep *step, char *output, uint64_t *bytes)
{
        int r;

        do {
                step->output = output;
                step->output_bytes = BUFFER_BYTES;
                r = gzip_compress(gzip, step);
                *bytes += BUFFER_BYTES - step->output_bytes;
        } while (r == 0 && (step->input_bytes > 0 || step->output_bytes == 0 || step->is_last));
        return r;
}

static int run_gzip(int fd, uint64_t *ret_bytes, char **reterr_message)
{
        static char input[BUFFER_BYTES], output[BUFFER_BYTES];
        _cleanup_(gzip_freep) Gzip *gzip = NULL;
        GzipStep step = { 0 };
        int r = gzip_new(&gzip);

        while (r == 0) {
                ssize_t n = read(fd, input, sizeof(input));

                if (n < 0)
                        return -errno;
                step.input = input;
                step.input_bytes = (size_t)n;
                step.is_last = n == 0;
                r = compress(gzip, &step, output, ret_bytes);
        }
        return r < 0 ? r : 0;
}

int main(int argc, char *argv[])
{
        _cleanup_(closep) int fd = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -EBADF;
        _cleanup_(freep) char *message = NULL;
        uint64_t bytes = 0;
        int r;

        if (fd < 0)
                return 2;
        r = streq(argv[1], "gzip") ? run_gzip(fd, &bytes, &message)
                                   : run_bundle(fd, &bytes, &message);
        if (r < 0)
                fprintf(stderr, "bench-bundle: %s\n", message ? message : strerror(-r));
        printf("%" PRIu64 "\n", bytes);
        return r < 0;
}

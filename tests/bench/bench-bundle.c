/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What making a bundle takes: `bench-bundle IMAGE` makes all parts, drops them, and prints how many
 * bytes they had.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "image/bundle.h"

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

int main(int argc, char *argv[])
{
        _cleanup_(closep) int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -EBADF;
        _cleanup_(freep) char *message = NULL;
        uint64_t bytes = 0;
        int r;

        if (fd < 0)
                return 2;
        r = run_bundle(fd, &bytes, &message);
        if (r < 0)
                fprintf(stderr, "bench-bundle: %s\n", message ? message : strerror(-r));
        printf("%" PRIu64 "\n", bytes);
        return r < 0;
}

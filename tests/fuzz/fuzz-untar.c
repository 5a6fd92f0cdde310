/* SPDX-License-Identifier: Apache-2.0 */
/* An archive out of a bundle, in pieces of any size: what it says never reaches beyond the image.
 */

#include <stdlib.h>

#include "image/untar.h"
#include "tests/fuzz/fuzz.h"

#define SIZE_BYTES 10000

static void check(const Untar *untar)
{
        uint64_t end = 0, stored = 0;

        for (size_t i = 0; i < untar->extents.count; i++) {
                const Extent *extent = &untar->extents.items[i];

                if (extent->offset < end || extent->length > SIZE_BYTES ||
                        extent->offset > SIZE_BYTES - extent->length)
                        abort();
                end = extent->offset + extent->length;
                stored += extent->length;
        }
        if (stored != untar->extents.stored_bytes || stored != untar->header.stored_bytes)
                abort();
}

static int run(Untar *untar, const uint8_t *data, size_t size, size_t step, char **reterr_message)
{
        int r = 0;

        for (size_t at = 0; at < size && r >= 0; at += step)
                r = untar_add(untar, (const char *)data + at, size - at < step ? size - at : step,
                        reterr_message);
        return r < 0 ? r : untar_end(untar, reterr_message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const size_t steps[] = { 1, 700, 65536 };
        int results[3];

        for (size_t i = 0; i < 3; i++) {
                char *message = NULL;
                Untar untar;

                untar_init(&untar, -EBADF, SIZE_BYTES);
                results[i] = run(&untar, data, size, steps[i], &message);
                if (results[i] == 0)
                        check(&untar);
                else if (results[i] != -EBADMSG || !message)
                        abort();
                free(message);
                untar_done(&untar);
        }
        if (results[0] != results[1] || results[0] != results[2])
                abort();
        return 0;
}

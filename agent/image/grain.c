/* SPDX-License-Identifier: Apache-2.0 */
/* What a block of a disk is like, so that it is compressed by what suits it. */

#include "image/grain.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Found by trying on root file systems of Debian: see the compressors for what it brings. */
#define ZEROS_PERCENT 40
#define THREES_PERCENT 5
#define FOURS_PERCENT 15
#define PERCENT(part, whole) ((part)*100 / (whole))

/* What is looked at, and how far it is to the next: fewer than a byte can count. */
#define STRIPE_BYTES 128u
#define STRIDE_BYTES 1024u
/* A compressor that takes over needs to know what comes before: not for a page of zeros. */
#define ZEROS_BYTES (2 * GRAIN_BYTES)

/* Of a table, the address stands at the same place of each row. */
#define ROW_BYTES 8
static const size_t other_rows[] = { 4, 12, 16, 24 };

static bool has_zeros(const uint8_t *block)
{
        unsigned count = 0;

        for (size_t at = 0; at < ZEROS_BYTES; at += STRIDE_BYTES) {
                uint8_t some = 0;

                for (size_t i = 0; i < STRIPE_BYTES; i++)
                        some = (uint8_t)(some + (block[at + i] == 0));
                count += some;
        }
        return PERCENT(count, ZEROS_BYTES / STRIDE_BYTES * STRIPE_BYTES) >= ZEROS_PERCENT;
}

#define COMPARED_BYTES (GRAIN_BYTES / STRIDE_BYTES * STRIPE_BYTES)

/* In percent: where three bytes are as in the row before and the fourth is not, and all four are.
 */
static void count_repeats(
        const uint8_t *block, size_t row_bytes, unsigned *ret_threes, unsigned *ret_fours)
{
        unsigned threes = 0, fours = 0;

        for (size_t at = STRIPE_BYTES; at < GRAIN_BYTES; at += STRIDE_BYTES) {
                const uint8_t *one = block + at, *other = one - row_bytes;
                uint8_t is_same[STRIPE_BYTES + 4], some_threes = 0, some_fours = 0;

                for (size_t i = 0; i < sizeof(is_same); i++)
                        is_same[i] = one[i] == other[i];
                for (size_t i = 0; i < STRIPE_BYTES; i++) {
                        uint8_t three = is_same[i] & is_same[i + 1] & is_same[i + 2];

                        some_fours = (uint8_t)(some_fours + (three & is_same[i + 3]));
                        some_threes = (uint8_t)(some_threes + (three & (is_same[i + 3] ^ 1)));
                }
                threes += some_threes;
                fours += some_fours;
        }
        *ret_threes = PERCENT(threes, COMPARED_BYTES);
        *ret_fours = PERCENT(fours, COMPARED_BYTES);
}

static bool is_table(const uint8_t *block)
{
        unsigned threes, fours;

        count_repeats(block, ROW_BYTES, &threes, &fours);
        if (threes < THREES_PERCENT || fours >= FOURS_PERCENT)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(other_rows); i++) {
                count_repeats(block, other_rows[i], &threes, &fours);
                if (fours >= FOURS_PERCENT)
                        return false;
        }
        return true;
}

Grain grain_at(const char *data, size_t size, size_t at)
{
        size_t around = at - at % ZEROS_BYTES;

        if (around + ZEROS_BYTES <= size && has_zeros((const uint8_t *)data + around))
                return GRAIN_ZEROS;
        if (at + GRAIN_BYTES > size)
                return GRAIN_MIXED;
        return is_table((const uint8_t *)data + at) ? GRAIN_TABLE : GRAIN_MIXED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a bundle: one object of S3. */

#include "image/part.h"

/* The count, whose digits the classic tools take, is not known before the end; no image has more.
 */
#define INDEX_DIGITS 4

int bundle_part_new(const char *name, size_t index, BundlePart **ret)
{
        _cleanup_(bundle_part_freep) BundlePart *part = calloc(1, sizeof(BundlePart));

        if (!part)
                return -ENOMEM;
        part->index = index;
        part->data = malloc(PART_BYTES);
        if (!part->data ||
                string_printf(&part->filename, "%s.part.%0*zu", name, INDEX_DIGITS, index) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(part);
        return 0;
}

BundlePart *bundle_part_free(BundlePart *part)
{
        if (!part)
                return NULL;
        free(part->filename);
        free(part->data);
        free(part);
        return NULL;
}

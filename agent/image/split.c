/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the chain: encrypts a stream, cuts it into parts, and hands them to a sink. */

#include "image/split.h"

#include <assert.h>

#include "base/list.h"

static_assert(PART_BYTES % CIPHER_BLOCK_BYTES == 0, "a full part ends with a block");

int split_init(Split *split, const BundleKeys *keys, const PartSink *sink, Manifest *manifest)
{
        *split = (Split){ .name = manifest->name, .sink = sink, .manifest = manifest };
        return cipher_new(keys, /* encrypts= */ true, &split->cipher);
}

void split_done(Split *split)
{
        split->cipher = cipher_free(split->cipher);
        split->sha1 = sha1_free(split->sha1);
        split->part = bundle_part_free(split->part);
}

static int note_part(Manifest *manifest, const BundlePart *part)
{
        ManifestPart *noted = ARRAY_ADD(manifest->parts, manifest->n_parts);

        if (!noted)
                return -ENOMEM;
        memcpy(noted->digest, part->digest, sizeof(noted->digest));
        manifest->bundled_bytes += part->size;
        return string_replace(&noted->filename, part->filename);
}

static int hand_over(Split *split, char **reterr_message)
{
        BundlePart *part = split->part;
        int r = sha1_end_hex(split->sha1, part->digest);

        split->sha1 = sha1_free(split->sha1);
        if (r >= 0)
                r = note_part(split->manifest, part);
        if (r < 0)
                return r;
        split->part = NULL;
        return split->sink->take(split->sink->userdata, part, reterr_message);
}

/* A part that is not full. */
static int make_part(Split *split, char **reterr_message)
{
        int r = 0;

        if (split->part && split->part->size == PART_BYTES)
                r = hand_over(split, reterr_message);
        if (r < 0 || split->part)
                return r;
        r = sha1_new(&split->sha1);
        return r < 0 ? r : bundle_part_new(split->name, split->manifest->n_parts, &split->part);
}

/* What was encrypted behind the end of the part, while it is still in the processor's cache. */
static int extend_part(Split *split, size_t written)
{
        BundlePart *part = split->part;
        int r = sha1_add(split->sha1, part->data + part->size, written);

        if (r >= 0)
                part->size += written;
        return r;
}

int split_add(Split *split, const char *data, size_t size, char **reterr_message)
{
        while (size > 0) {
                size_t length, written;
                BundlePart *part;
                int r = make_part(split, reterr_message);

                if (r < 0)
                        return r;
                part = split->part;
                /* Both are whole blocks: with what is held back, less than one, it still fits. */
                length = size < PART_BYTES - part->size ? size : PART_BYTES - part->size;
                r = cipher_add(split->cipher, data, length, part->data + part->size, &written);
                if (r >= 0)
                        r = extend_part(split, written);
                if (r < 0)
                        return r;
                data += length;
                size -= length;
        }
        return 0;
}

int split_end(Split *split, char **reterr_message)
{
        size_t written;
        int r = make_part(split, reterr_message);

        if (r >= 0)
                r = cipher_end(split->cipher, split->part->data + split->part->size, &written);
        if (r >= 0)
                r = extend_part(split, written);
        return r < 0 ? r : hand_over(split, reterr_message);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a stream compressed by zlib. */

#include "image/deflater.h"

#include <zlib.h>

#define RAW_WINDOW_BITS (-15) /* deflate without a frame (zlib.h) */
#define MEMORY_LEVEL 9

struct Deflater {
        z_stream stream;
};

int deflater_new(int level, Deflater **ret)
{
        Deflater *made = calloc(1, sizeof(Deflater));

        if (!made ||
                deflateInit2(&made->stream, level, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
                        Z_DEFAULT_STRATEGY) != Z_OK) {
                free(made);
                return -ENOMEM;
        }
        *ret = made;
        return 0;
}

Deflater *deflater_free(Deflater *deflater)
{
        if (deflater)
                (void)deflateEnd(&deflater->stream);
        free(deflater);
        return NULL;
}

int deflater_compress(
        Deflater *deflater, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size)
{
        z_stream *stream = &deflater->stream;
        int r = deflateReset(stream);

        if (r == Z_OK && piece->before_bytes > 0)
                r = deflateSetDictionary(
                        stream, (const Bytef *)piece->before, (uInt)piece->before_bytes);
        stream->next_in = (z_const Bytef *)(uintptr_t)piece->data;
        stream->avail_in = (uInt)piece->size;
        stream->next_out = (Bytef *)ret;
        stream->avail_out = (uInt)room;
        if (r == Z_OK)
                r = deflate(stream, Z_SYNC_FLUSH);
        if (r != Z_OK && r != Z_BUF_ERROR)
                return -EIO;
        /* Of what filled the room to the brim, there may be more. */
        if (stream->avail_in > 0 || stream->avail_out == 0)
                return GZIP_E_FULL;
        *ret_size = room - stream->avail_out;
        return 0;
}

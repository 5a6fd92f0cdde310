/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, where there is no ISA-L. */

#include <zlib.h>

#include "image/gzip.h"

/* Half as fast as level 1 costs a tenth of the bytes; level 9 is a fifth as fast, and saves
 * nothing. */
#define LEVEL 6
#define RAW_WINDOW_BITS (-15) /* deflate without a frame (zlib.h) */
#define WINDOW_BITS (15 + 16) /* with that of gzip */
#define MEMORY_LEVEL 9

struct Gzip {
        z_stream stream;
};

struct Gunzip {
        z_stream stream;
};

int gzip_new(Gzip **ret)
{
        Gzip *gzip = calloc(1, sizeof(Gzip));

        if (!gzip ||
                deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
                        Z_DEFAULT_STRATEGY) != Z_OK) {
                free(gzip);
                return -ENOMEM;
        }
        *ret = gzip;
        return 0;
}

Gzip *gzip_free(Gzip *gzip)
{
        if (gzip)
                (void)deflateEnd(&gzip->stream);
        free(gzip);
        return NULL;
}

int gzip_compress(Gzip *gzip, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size)
{
        z_stream *stream = &gzip->stream;
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

uint32_t gzip_checksum(uint32_t sum, const char *data, size_t size)
{
        return (uint32_t)crc32(sum, (const Bytef *)data, (uInt)size);
}

int gunzip_new(Gunzip **ret)
{
        Gunzip *gunzip = calloc(1, sizeof(Gunzip));

        if (!gunzip || inflateInit2(&gunzip->stream, WINDOW_BITS) != Z_OK) {
                free(gunzip);
                return -ENOMEM;
        }
        *ret = gunzip;
        return 0;
}

Gunzip *gunzip_free(Gunzip *gunzip)
{
        if (gunzip)
                (void)inflateEnd(&gunzip->stream);
        free(gunzip);
        return NULL;
}

int gunzip_expand(Gunzip *gunzip, GzipStep *step)
{
        z_stream *stream = &gunzip->stream;
        int r;

        stream->next_in = (z_const Bytef *)(uintptr_t)step->input;
        stream->avail_in = (uInt)step->input_bytes;
        stream->next_out = (Bytef *)step->output;
        stream->avail_out = (uInt)step->output_bytes;
        r = inflate(stream, Z_NO_FLUSH);
        /* No progress is none of our errors: the caller comes back with input or with room. */
        if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
                return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
        step->input = (const char *)stream->next_in;
        step->input_bytes = stream->avail_in;
        step->output = (char *)stream->next_out;
        step->output_bytes = stream->avail_out;
        return r == Z_STREAM_END ? GZIP_E_END : 0;
}

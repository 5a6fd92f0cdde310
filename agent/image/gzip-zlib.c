/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, where there is no ISA-L. */

#include <zlib.h>

#include "image/deflater.h"

/* Half as fast as level 1 costs a tenth of the bytes; level 9 is a fifth as fast, and saves
 * nothing. */
#define LEVEL 6
#define WINDOW_BITS (15 + 16) /* + 16: gzip's frame (zlib.h) */

struct Gzip {
        Deflater *deflater;
};

struct Gunzip {
        z_stream stream;
};

int gzip_new(Gzip **ret)
{
        _cleanup_(gzip_freep) Gzip *gzip = calloc(1, sizeof(Gzip));
        int r = gzip ? deflater_new(LEVEL, &gzip->deflater) : -ENOMEM;

        if (r >= 0)
                *ret = TAKE_PTR(gzip);
        return r;
}

Gzip *gzip_free(Gzip *gzip)
{
        if (gzip)
                (void)deflater_free(gzip->deflater);
        free(gzip);
        return NULL;
}

int gzip_compress(Gzip *gzip, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size)
{
        return deflater_compress(gzip->deflater, piece, ret, room, ret_size);
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

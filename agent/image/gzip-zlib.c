/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, where there is no ISA-L. */

#include <zlib.h>

#include "image/gzip.h"

/* Half as fast as level 1 costs a tenth of the bytes; level 9 is a fifth as fast, and saves
 * nothing. */
#define LEVEL 6
#define WINDOW_BITS (15 + 16) /* + 16: gzip's frame (zlib.h) */
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
                deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
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

static void begin_step(z_stream *stream, const GzipStep *step)
{
        stream->next_in = (Bytef *)step->input;
        stream->avail_in = (uInt)step->input_bytes;
        stream->next_out = (Bytef *)step->output;
        stream->avail_out = (uInt)step->output_bytes;
}

/* No progress is none of our errors: the caller comes back with input or with room. */
static int end_step(const z_stream *stream, GzipStep *step, int result, int error)
{
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
                return result == Z_MEM_ERROR ? -ENOMEM : error;
        step->input = (const char *)stream->next_in;
        step->input_bytes = stream->avail_in;
        step->output = (char *)stream->next_out;
        step->output_bytes = stream->avail_out;
        return result == Z_STREAM_END ? GZIP_E_END : 0;
}

int gzip_compress(Gzip *gzip, GzipStep *step)
{
        begin_step(&gzip->stream, step);
        return end_step(&gzip->stream, step,
                deflate(&gzip->stream, step->is_last ? Z_FINISH : Z_NO_FLUSH), -EIO);
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
        begin_step(&gunzip->stream, step);
        return end_step(&gunzip->stream, step, inflate(&gunzip->stream, Z_NO_FLUSH), -EBADMSG);
}

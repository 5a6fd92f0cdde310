/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by ISA-L. */

#include <isa-l/igzip_lib.h>
#include <stdint.h>

#include "image/gzip.h"

/* Level 1 is a quarter faster, and passes what gzip -9 makes of a root file system by over 10 %. */
#define LEVEL 3
/* Shorter blocks, whose codes fit better: as fast as the default, and 1 % smaller. */
#define LEVEL_BUFFER_BYTES ISAL_DEF_LVL3_SMALL

struct Gzip {
        struct isal_zstream stream;
        uint8_t level_buffer[LEVEL_BUFFER_BYTES];
};

struct Gunzip {
        struct inflate_state state;
};

int gzip_new(Gzip **ret)
{
        Gzip *gzip = calloc(1, sizeof(Gzip));

        if (!gzip)
                return -ENOMEM;
        isal_deflate_init(&gzip->stream);
        gzip->stream.level = LEVEL;
        gzip->stream.level_buf = gzip->level_buffer;
        gzip->stream.level_buf_size = sizeof(gzip->level_buffer);
        gzip->stream.gzip_flag = IGZIP_GZIP;
        *ret = gzip;
        return 0;
}

Gzip *gzip_free(Gzip *gzip)
{
        free(gzip);
        return NULL;
}

int gzip_compress(Gzip *gzip, GzipStep *step)
{
        struct isal_zstream *stream = &gzip->stream;

        stream->next_in = (uint8_t *)step->input;
        stream->avail_in = (uint32_t)step->input_bytes;
        stream->next_out = (uint8_t *)step->output;
        stream->avail_out = (uint32_t)step->output_bytes;
        stream->end_of_stream = step->is_last;
        if (isal_deflate(stream) != COMP_OK)
                return -EIO;
        step->input = (const char *)stream->next_in;
        step->input_bytes = stream->avail_in;
        step->output = (char *)stream->next_out;
        step->output_bytes = stream->avail_out;
        return stream->internal_state.state == ZSTATE_END ? GZIP_E_END : 0;
}

int gunzip_new(Gunzip **ret)
{
        Gunzip *gunzip = calloc(1, sizeof(Gunzip));

        if (!gunzip)
                return -ENOMEM;
        isal_inflate_init(&gunzip->state);
        gunzip->state.crc_flag = ISAL_GZIP;
        *ret = gunzip;
        return 0;
}

Gunzip *gunzip_free(Gunzip *gunzip)
{
        free(gunzip);
        return NULL;
}

int gunzip_expand(Gunzip *gunzip, GzipStep *step)
{
        struct inflate_state *state = &gunzip->state;

        state->next_in = (uint8_t *)step->input;
        state->avail_in = (uint32_t)step->input_bytes;
        state->next_out = (uint8_t *)step->output;
        state->avail_out = (uint32_t)step->output_bytes;
        if (isal_inflate(state) < 0)
                return -EBADMSG;
        step->input = (const char *)state->next_in;
        step->input_bytes = state->avail_in;
        step->output = (char *)state->next_out;
        step->output_bytes = state->avail_out;
        return state->block_state == ISAL_BLOCK_FINISH ? GZIP_E_END : 0;
}

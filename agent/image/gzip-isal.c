/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by ISA-L. */

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

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
        *ret = calloc(1, sizeof(Gzip));
        return *ret ? 0 : -ENOMEM;
}

Gzip *gzip_free(Gzip *gzip)
{
        free(gzip);
        return NULL;
}

int gzip_compress(Gzip *gzip, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size)
{
        struct isal_zstream *stream = &gzip->stream;

        isal_deflate_init(stream);
        stream->level = LEVEL;
        stream->level_buf = gzip->level_buffer;
        stream->level_buf_size = sizeof(gzip->level_buffer);
        stream->flush = SYNC_FLUSH;
        if (piece->before_bytes > 0 &&
                isal_deflate_set_dict(stream, (uint8_t *)(uintptr_t)piece->before,
                        (uint32_t)piece->before_bytes) != COMP_OK)
                return -EIO;
        stream->next_in = (uint8_t *)(uintptr_t)piece->data;
        stream->avail_in = (uint32_t)piece->size;
        stream->next_out = (uint8_t *)ret;
        stream->avail_out = (uint32_t)room;
        if (isal_deflate(stream) != COMP_OK)
                return -EIO;
        /* Of what filled the room to the brim, there may be more. */
        if (stream->avail_in > 0 || stream->avail_out == 0)
                return GZIP_E_FULL;
        *ret_size = room - stream->avail_out;
        return 0;
}

uint32_t gzip_checksum(uint32_t sum, const char *data, size_t size)
{
        return crc32_gzip_refl(sum, (const unsigned char *)data, size);
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

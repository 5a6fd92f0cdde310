/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by ISA-L. */

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "image/deflater.h"
#include "image/grain.h"

/*
 * Of a full root file system of 1 GiB, against level 3 for all of it: blocks of many zeros by level
 * 2 take half the time, and become no larger. ISA-L finds no match of three bytes, which tables of
 * addresses consist of: those, 1 % of the image, by zlib make all of it 0.7 % smaller. With shorter
 * blocks that is 1 % in the same time. Level 2 for the rest would be twice as fast, and 1 % larger.
 */
#define LEVEL 3
#define ZEROS_LEVEL 2
#define TABLE_LEVEL 1 /* of zlib */
/* Shorter blocks than ISA-L's default, whose codes fit better: 1 % smaller. */
#define LEVEL_BUFFER_BYTES (ISAL_DEF_LVL3_REQ + ISAL_DEF_LVL3_TOKEN_SIZE * 12 * IGZIP_K)
#define ZEROS_LEVEL_BUFFER_BYTES ISAL_DEF_LVL2_SMALL

struct Gzip {
        struct isal_zstream stream;
        uint8_t level_buffer[LEVEL_BUFFER_BYTES];
        uint8_t zeros_level_buffer[ZEROS_LEVEL_BUFFER_BYTES];
        Deflater *deflater;
};

struct Gunzip {
        struct inflate_state state;
};

int gzip_new(Gzip **ret)
{
        _cleanup_(gzip_freep) Gzip *gzip = calloc(1, sizeof(Gzip));
        int r = gzip ? deflater_new(TABLE_LEVEL, &gzip->deflater) : -ENOMEM;

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

/* --- Runs of one grain ------------------------------------------------------------------------ */

static void begin_stream(Gzip *gzip, Grain grain)
{
        struct isal_zstream *stream = &gzip->stream;
        bool is_zeros = grain == GRAIN_ZEROS;

        isal_deflate_init(stream);
        stream->level = is_zeros ? ZEROS_LEVEL : LEVEL;
        stream->level_buf = is_zeros ? gzip->zeros_level_buffer : gzip->level_buffer;
        stream->level_buf_size = is_zeros ? ZEROS_LEVEL_BUFFER_BYTES : LEVEL_BUFFER_BYTES;
        stream->flush = SYNC_FLUSH;
}

static int compress_run(
        Gzip *gzip, Grain grain, const GzipPiece *run, char *ret, size_t room, size_t *ret_size)
{
        struct isal_zstream *stream = &gzip->stream;

        if (grain == GRAIN_TABLE)
                return deflater_compress(gzip->deflater, run, ret, room, ret_size);
        begin_stream(gzip, grain);
        if (run->before_bytes > 0 &&
                isal_deflate_set_dict(stream, (uint8_t *)(uintptr_t)run->before,
                        (uint32_t)run->before_bytes) != COMP_OK)
                return -EIO;
        stream->next_in = (uint8_t *)(uintptr_t)run->data;
        stream->avail_in = (uint32_t)run->size;
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

/* The run that begins at `start`, with what comes before it. */
static Grain find_run(const GzipPiece *piece, size_t start, GzipPiece *ret)
{
        Grain grain = grain_at(piece->data, piece->size, start);
        size_t end = start + GRAIN_BYTES;

        while (end < piece->size && grain_at(piece->data, piece->size, end) == grain)
                end += GRAIN_BYTES;
        if (end > piece->size)
                end = piece->size;
        *ret = *piece;
        ret->data = piece->data + start;
        ret->size = end - start;
        if (start > 0) {
                ret->before_bytes = start < GZIP_WINDOW_BYTES ? start : GZIP_WINDOW_BYTES;
                ret->before = ret->data - ret->before_bytes;
        }
        return grain;
}

int gzip_compress(Gzip *gzip, const GzipPiece *piece, char *ret, size_t room, size_t *ret_size)
{
        size_t done = 0, filled = 0;

        while (done < piece->size) {
                GzipPiece run;
                Grain grain = find_run(piece, done, &run);
                size_t size;
                int r = compress_run(gzip, grain, &run, ret + filled, room - filled, &size);

                if (r != 0)
                        return r;
                filled += size;
                done += run.size;
        }
        *ret_size = filled;
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

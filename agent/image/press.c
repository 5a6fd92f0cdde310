/* SPDX-License-Identifier: Apache-2.0 */
/* A stream compressed by several threads into one member of gzip. */

#include "image/press.h"

#include <sched.h>
#include <string.h>

#include "base/thread.h"
#include "image/gzip.h"

/* RFC 1952: deflate, no name, no time, an unknown system. */
#define HEADER "\x1f\x8b\x08\0\0\0\0\0\0\xff"
#define HEADER_BYTES (sizeof(HEADER) - 1)
/* An empty block, which is the last, the checksum, and the length. */
#define LAST_BLOCK "\x03\0"
#define TRAILER_BYTES 10u
/* RFC 1951: what is not compressed, in blocks of as much as 16 bits tell. */
#define STORED_HEADER_BYTES 5u
#define STORED_BYTES_MAX 65535u

typedef struct Plate {
        Press *press;
        Gzip *gzip;
        char before[GZIP_WINDOW_BYTES];
        pthread_t thread;
} Plate;

struct Press {
        Channel *from;
        Channel *to;
        Plate plates[PRESS_THREADS_MAX];
        unsigned undo_threads;

        pthread_mutex_t mutex; /* of all that follows: pieces are taken one after the other */
        char tail[GZIP_WINDOW_BYTES];
        size_t tail_bytes;
        uint64_t n_taken;
        uint32_t checksum;
        bool is_over;
};

/* What a thread has in hand. */
typedef struct Sheet {
        GzipPiece piece;
        char *output;
        size_t filled;
} Sheet;

unsigned press_thread_count(void)
{
        cpu_set_t allowed;
        unsigned count;

        if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
                return PRESS_THREADS_MAX; /* more processors than the set has bits for */
        count = (unsigned)CPU_COUNT(&allowed) + 1;
        return count < PRESS_THREADS_MAX ? count : PRESS_THREADS_MAX;
}

static size_t stored_bytes(size_t piece_bytes)
{
        size_t n_blocks = (piece_bytes + STORED_BYTES_MAX - 1) / STORED_BYTES_MAX;

        return piece_bytes + n_blocks * STORED_HEADER_BYTES;
}

size_t press_room(size_t piece_bytes)
{
        return HEADER_BYTES + stored_bytes(piece_bytes) + TRAILER_BYTES;
}

/* --- Taking ----------------------------------------------------------------------------------- */

static char *put_little_endian(char *to, uint32_t value, size_t n_bytes)
{
        for (; n_bytes > 0; n_bytes--, value >>= 8)
                *to++ = (char)(value & 0xff);
        return to;
}

static void put_header(const Press *press, Sheet *sheet)
{
        if (press->n_taken > 0)
                return;
        memcpy(sheet->output, HEADER, HEADER_BYTES);
        sheet->filled = HEADER_BYTES;
}

static void put_trailer(const Press *press, Sheet *sheet)
{
        char *at = sheet->output + sheet->filled;

        memcpy(at, LAST_BLOCK, sizeof(LAST_BLOCK) - 1);
        at = put_little_endian(at + sizeof(LAST_BLOCK) - 1, press->checksum, 4);
        at = put_little_endian(at, (uint32_t)press->n_taken, 4);
        sheet->filled = (size_t)(at - sheet->output);
}

/* What comes before this piece, and what does before the next. */
static void pass_tail(Press *press, Plate *plate, GzipPiece *piece)
{
        size_t bytes = piece->size < GZIP_WINDOW_BYTES ? piece->size : GZIP_WINDOW_BYTES;

        memcpy(plate->before, press->tail, press->tail_bytes);
        piece->before = plate->before;
        piece->before_bytes = press->tail_bytes;
        memcpy(press->tail, piece->data + piece->size - bytes, bytes);
        press->tail_bytes = bytes;
}

/* Under the mutex. 1 with a piece, 0 where the end was taken, which is given at once. */
static int take_next(Press *press, Plate *plate, Sheet *sheet)
{
        int has_piece = channel_take_filled(press->from, &sheet->piece.data, &sheet->piece.size);
        int r = has_piece < 0 ? has_piece : channel_take_empty(press->to, &sheet->output);

        if (r < 0)
                return r;
        put_header(press, sheet);
        if (!has_piece) {
                put_trailer(press, sheet);
                channel_give_filled(press->to, sheet->output, sheet->filled);
                channel_end(press->to, 0);
                press->is_over = true;
                return 0;
        }
        pass_tail(press, plate, &sheet->piece);
        press->checksum = gzip_checksum(press->checksum, sheet->piece.data, sheet->piece.size);
        press->n_taken += sheet->piece.size;
        return 1;
}

static int take_sheet(Plate *plate, Sheet *ret)
{
        Press *press = plate->press;
        int r = 0;

        *ret = (Sheet){ 0 };
        (void)pthread_mutex_lock(&press->mutex);
        if (!press->is_over)
                r = take_next(press, plate, ret);
        (void)pthread_mutex_unlock(&press->mutex);
        return r;
}

/* --- Compressing ------------------------------------------------------------------------------ */

static void store(const GzipPiece *piece, char *to)
{
        size_t done = 0;

        while (done < piece->size) {
                size_t rest = piece->size - done;
                uint32_t size = rest < STORED_BYTES_MAX ? (uint32_t)rest : STORED_BYTES_MAX;

                *to++ = 0; /* not the last block, and stored */
                to = put_little_endian(to, size, 2);
                to = put_little_endian(to, ~size, 2);
                memcpy(to, piece->data + done, size);
                to += size;
                done += size;
        }
}

/* What would not become shorter is stored. */
static int fill_sheet(Plate *plate, Sheet *sheet)
{
        size_t stored = stored_bytes(sheet->piece.size), size;
        int r = gzip_compress(
                plate->gzip, &sheet->piece, sheet->output + sheet->filled, stored, &size);

        if (r < 0)
                return r;
        if (r == GZIP_E_FULL) {
                store(&sheet->piece, sheet->output + sheet->filled);
                size = stored;
        }
        sheet->filled += size;
        return 0;
}

static int run_plate(Plate *plate)
{
        Press *press = plate->press;
        Sheet sheet;
        int r;

        while ((r = take_sheet(plate, &sheet)) > 0) {
                r = fill_sheet(plate, &sheet);
                channel_give_empty(press->from, sheet.piece.data);
                if (r < 0)
                        return r;
                channel_give_filled(press->to, sheet.output, sheet.filled);
        }
        return r;
}

static void press_cancel(Press *press)
{
        channel_cancel(press->to);
        channel_cancel(press->from);
}

static void *plate_main(void *userdata)
{
        Plate *plate = userdata;
        int r = run_plate(plate);

        if (r < 0) {
                channel_end(plate->press->to, r);
                press_cancel(plate->press);
        }
        return NULL;
}

/* --- Lifetime --------------------------------------------------------------------------------- */

Press *press_free(Press *press)
{
        if (!press)
                return NULL;
        press_cancel(press);
        for (unsigned i = 0; i < press->undo_threads; i++)
                (void)pthread_join(press->plates[i].thread, NULL);
        for (unsigned i = 0; i < PRESS_THREADS_MAX; i++)
                (void)gzip_free(press->plates[i].gzip);
        (void)pthread_mutex_destroy(&press->mutex);
        free(press);
        return NULL;
}

static int add_plate(Press *press)
{
        Plate *plate = &press->plates[press->undo_threads];
        int r;

        plate->press = press;
        r = gzip_new(&plate->gzip);
        if (r >= 0)
                r = thread_start(&plate->thread, plate_main, plate);
        if (r >= 0)
                press->undo_threads++;
        return r;
}

int press_start(Channel *from, Channel *to, unsigned n_threads, Press **ret)
{
        _cleanup_(press_freep) Press *press = calloc(1, sizeof(Press));
        int r = 0;

        if (!press)
                return -ENOMEM;
        press->from = from;
        press->to = to;
        (void)pthread_mutex_init(&press->mutex, NULL);
        while (r >= 0 && press->undo_threads < n_threads && press->undo_threads < PRESS_THREADS_MAX)
                r = add_plate(press);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(press);
        return 0;
}

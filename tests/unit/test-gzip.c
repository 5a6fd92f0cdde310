/* SPDX-License-Identifier: Apache-2.0 */
/* Linked twice: with what the build compresses by, and with zlib. */
#include "image/gzip.h"

#include <pthread.h>

#include "image/press.h"

#include "tests/unit/unit.h"

#define CONTENT_BYTES (3u * 1024 * 1024)
#define ROOM_BYTES (CONTENT_BYTES + CONTENT_BYTES / 64 + 1024)

/* Runs of text, of noise, and of zeros. */
static char *make_content(void)
{
        char *content = calloc(1, CONTENT_BYTES);
        unsigned noise = 1;

        assert_non_null(content);
        for (size_t i = 0; i < CONTENT_BYTES; i++) {
                noise = noise * 1103515245u + 12345u;
                if (i / 100000 % 3 == 0)
                        content[i] = "to freeze and to thaw "[i % 22];
                else if (i / 100000 % 3 == 1)
                        content[i] = (char)(noise >> 16);
        }
        return content;
}

/* What goes in piece by piece, and what its writer says at the end, and is told. */
typedef struct Feed {
        Channel *channel;
        const char *content;
        size_t size;
        int result;
        int seen;
} Feed;

static void *feed_main(void *userdata)
{
        Feed *feed = userdata;
        size_t at = 0;

        while (at < feed->size) {
                size_t bytes = channel_buffer_bytes(feed->channel), rest = feed->size - at;
                char *buffer;

                feed->seen = channel_take_empty(feed->channel, &buffer);
                if (feed->seen < 0)
                        break;
                if (rest < bytes)
                        bytes = rest;
                memcpy(buffer, feed->content + at, bytes);
                channel_give_filled(feed->channel, buffer, bytes);
                at += bytes;
        }
        channel_end(feed->channel, feed->seen < 0 ? feed->seen : feed->result);
        return NULL;
}

/* Into `ret`, which has ROOM_BYTES; up to `n_max` buffers. */
static int drain(Channel *channel, size_t n_max, char *ret, size_t *ret_size)
{
        int r = 1;

        for (*ret_size = 0; r > 0 && n_max > 0; n_max--) {
                const char *data;
                size_t size;

                r = channel_take_filled(channel, &data, &size);
                if (r <= 0)
                        break;
                assert_in_range(*ret_size + size, 0, ROOM_BYTES);
                memcpy(ret + *ret_size, data, size);
                *ret_size += size;
                channel_give_empty(channel, data);
        }
        return r;
}

static int press_all(Feed *feed, size_t piece_bytes, unsigned n_threads, size_t n_max, char *ret,
        size_t *ret_size)
{
        _cleanup_(channel_freep) Channel *from = NULL, *to = NULL;
        Press *press = NULL;
        pthread_t thread;
        int r;

        assert_int_equal(channel_new(piece_bytes, &from), 0);
        assert_int_equal(channel_new(press_room(piece_bytes), &to), 0);
        feed->channel = from;
        assert_int_equal(pthread_create(&thread, NULL, feed_main, feed), 0);
        assert_int_equal(press_start(from, to, n_threads, &press), 0);
        r = drain(to, n_max, ret, ret_size);
        (void)press_free(press);
        assert_int_equal(pthread_join(thread, NULL), 0);
        return r;
}

static size_t compress_by(
        unsigned n_threads, const char *content, size_t size, size_t piece_bytes, char *ret)
{
        Feed feed = { .content = content, .size = size };
        size_t made;

        assert_int_equal(press_all(&feed, piece_bytes, n_threads, SIZE_MAX, ret, &made), 0);
        assert_int_equal(feed.seen, 0);
        return made;
}

static size_t compress_all(const char *content, size_t size, size_t piece_bytes, char *ret)
{
        return compress_by(2, content, size, piece_bytes, ret);
}

/* `ret` has room for one byte more than the content; the number of bytes, or an error. */
static int expand_all(const char *data, size_t size, size_t step_bytes, char *ret, size_t *ret_left)
{
        _cleanup_(gunzip_freep) Gunzip *gunzip = NULL;
        GzipStep step = { .output = ret };
        int r = 0;

        assert_int_equal(gunzip_new(&gunzip), 0);
        for (size_t at = 0; r == 0 && at < size; at += step_bytes) {
                step.input = data + at;
                step.input_bytes = size - at < step_bytes ? size - at : step_bytes;
                do {
                        size_t room = CONTENT_BYTES + 1 - (size_t)(step.output - ret);

                        step.output_bytes = room < step_bytes ? room : step_bytes;
                        r = gunzip_expand(gunzip, &step);
                } while (r == 0 && (step.input_bytes > 0 || step.output_bytes == 0));
                *ret_left = size - (size_t)(step.input - data);
        }
        return r < 0 ? r : r == GZIP_E_END ? (int)(step.output - ret) : -EAGAIN;
}

static void content_comes_back(void **state)
{
        static const size_t steps[] = { 9973, 65536, CONTENT_BYTES };
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES),
                              *back = malloc(CONTENT_BYTES + 1);

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                size_t size = compress_all(content, CONTENT_BYTES, steps[i], data), left;

                assert_in_range(size, 1, CONTENT_BYTES / 2);
                assert_int_equal(expand_all(data, size, steps[i], back, &left), CONTENT_BYTES);
                assert_int_equal(left, 0);
                assert_memory_equal(content, back, CONTENT_BYTES);
        }
}

static void nothing_comes_back(void **state)
{
        char data[64], back[1];
        size_t left;

        (void)state;
        assert_int_equal(expand_all(data, compress_all("", 0, 64, data), 1, back, &left), 0);
}

static void the_number_of_threads_changes_nothing(void **state)
{
        static const unsigned counts[] = { 1, 2, 3, PRESS_THREADS_MAX, 2 };
        _cleanup_(freep) char *content = make_content(), *one = malloc(ROOM_BYTES),
                              *other = malloc(ROOM_BYTES);
        size_t size;

        (void)state;
        size = compress_by(1, content, CONTENT_BYTES, 65536, one);
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                assert_int_equal(
                        compress_by(counts[i], content, CONTENT_BYTES, 65536, other), size);
                assert_memory_equal(one, other, size);
        }
}

static void matches_reach_into_the_piece_before(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES),
                              *noise = malloc(16 * 16384);

        (void)state;
        for (size_t i = 0; i < 16; i++)
                memcpy(noise + i * 16384, content + 100000, 16384);
        assert_in_range(compress_all(noise, sizeof(char[16 * 16384]), 16384, data), 16384, 20000);
}

static void noise_is_stored(void **state)
{
        static const size_t steps[] = { 1000, 65535, 65536, 200000 };
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES),
                              *back = malloc(CONTENT_BYTES + 1);
        unsigned noise = 1;

        (void)state;
        for (size_t i = 0; i < 200000; i++) {
                noise = noise * 1103515245u + 12345u;
                content[i] = (char)(noise >> 16 ^ noise >> 23);
        }
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                size_t size = compress_all(content, 200000, steps[i], data), left;

                assert_in_range(size, 200000, 200000 + 20 + (200000 / steps[i] + 4) * 6);
                assert_int_equal(expand_all(data, size, 65536, back, &left), 200000);
                assert_memory_equal(content, back, 200000);
        }
}

static void an_error_of_the_writer_comes_through(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES);
        Feed feed = { .content = content, .size = CONTENT_BYTES, .result = -EIO };
        size_t size;

        (void)state;
        assert_int_equal(press_all(&feed, 65536, 2, SIZE_MAX, data, &size), -EIO);
}

static void a_reader_that_gives_up_stops_all(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES);
        Feed feed = { .content = content, .size = CONTENT_BYTES };
        size_t size;

        (void)state;
        assert_int_equal(press_all(&feed, 16384, 2, 3, data, &size), 1);
        assert_int_equal(feed.seen, -ECANCELED);
}

static void what_is_behind_the_member_is_left(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES),
                              *back = malloc(CONTENT_BYTES + 1);
        size_t size, left;

        (void)state;
        size = compress_all(content, CONTENT_BYTES, 65536, data);
        memset(data + size, 'z', 100);
        assert_int_equal(expand_all(data, size + 100, CONTENT_BYTES, back, &left), CONTENT_BYTES);
        assert_int_equal(left, 100);
}

static void damage_is_found(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(ROOM_BYTES),
                              *back = malloc(CONTENT_BYTES + 1);
        size_t size, left;

        (void)state;
        size = compress_all(content, CONTENT_BYTES, 65536, data);
        /* The magic, the method, the checksum, the length. */
        for (size_t i = 0; i < 7; i++) {
                size_t at = i < 3 ? i : size - (i - 2);

                data[at] ^= 1;
                assert_int_equal(expand_all(data, size, 65536, back, &left), -EBADMSG);
                data[at] ^= 1;
        }
        assert_int_equal(expand_all(data, size - 1, 65536, back, &left), -EAGAIN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(content_comes_back),
                cmocka_unit_test(nothing_comes_back),
                cmocka_unit_test(the_number_of_threads_changes_nothing),
                cmocka_unit_test(matches_reach_into_the_piece_before),
                cmocka_unit_test(noise_is_stored),
                cmocka_unit_test(an_error_of_the_writer_comes_through),
                cmocka_unit_test(a_reader_that_gives_up_stops_all),
                cmocka_unit_test(what_is_behind_the_member_is_left),
                cmocka_unit_test(damage_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

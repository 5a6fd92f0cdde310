/* SPDX-License-Identifier: Apache-2.0 */
/* Linked twice: with what the build compresses by, and with zlib. */
#include "image/gzip.h"

#include "tests/unit/unit.h"

#define CONTENT_BYTES (3u * 1024 * 1024)
#define ROOM_BYTES (CONTENT_BYTES + CONTENT_BYTES / 8 + 1024)

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

static size_t compress_all(const char *content, size_t size, size_t step_bytes, char *ret)
{
        _cleanup_(gzip_freep) Gzip *gzip = NULL;
        GzipStep step = { .output = ret };
        size_t at = 0;
        int r = 0;

        assert_int_equal(gzip_new(&gzip), 0);
        while (r != GZIP_E_END) {
                if (step.input_bytes == 0) {
                        step.input = content + at;
                        step.input_bytes = size - at < step_bytes ? size - at : step_bytes;
                        at += step.input_bytes;
                        step.is_last = at == size;
                }
                step.output_bytes = step_bytes;
                r = gzip_compress(gzip, &step);
                assert_true(r == 0 || r == GZIP_E_END);
                assert_true((size_t)(step.output - ret) <= ROOM_BYTES);
        }
        return (size_t)(step.output - ret);
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
        static const size_t steps[] = { 997, 65536, CONTENT_BYTES };
        _cleanup_(freep) char *content = make_content(), *data = malloc(2 * ROOM_BYTES),
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

static void the_same_makes_the_same(void **state)
{
        _cleanup_(freep) char *content = make_content(), *one = malloc(2 * ROOM_BYTES),
                              *other = malloc(2 * ROOM_BYTES);
        size_t size;

        (void)state;
        size = compress_all(content, CONTENT_BYTES, 65536, one);
        assert_int_equal(compress_all(content, CONTENT_BYTES, 65536, other), size);
        assert_memory_equal(one, other, size);
}

static void what_is_behind_the_member_is_left(void **state)
{
        _cleanup_(freep) char *content = make_content(), *data = malloc(2 * ROOM_BYTES),
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
        _cleanup_(freep) char *content = make_content(), *data = malloc(2 * ROOM_BYTES),
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
                cmocka_unit_test(the_same_makes_the_same),
                cmocka_unit_test(what_is_behind_the_member_is_left),
                cmocka_unit_test(damage_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

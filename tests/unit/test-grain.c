/* SPDX-License-Identifier: Apache-2.0 */
#include "image/grain.h"

#include "tests/unit/unit.h"

#define ROOM_BYTES (8u * GRAIN_BYTES)

static void fill_noise(char *data, size_t size)
{
        unsigned noise = 1;

        for (size_t i = 0; i < size; i++) {
                noise = noise * 1103515245u + 12345u;
                data[i] = (char)(noise >> 16 ^ noise >> 23);
        }
}

/* As at the end of a program: rising addresses of four bytes, two in a row. */
static void fill_addresses(char *data, size_t size)
{
        for (size_t i = 0; i + 8 <= size; i += 8) {
                unsigned code = 0xfc200000u + (unsigned)i * 7,
                         frame = 0xffd00000u + (unsigned)i * 5;

                memcpy(data + i, &code, 4);
                memcpy(data + i + 4, &frame, 4);
        }
}

static void addresses_are_a_table(void **state)
{
        char data[ROOM_BYTES];

        (void)state;
        fill_noise(data, sizeof(data));
        fill_addresses(data + GRAIN_BYTES, GRAIN_BYTES);
        assert_int_equal(grain_at(data, sizeof(data), 0), GRAIN_MIXED);
        assert_int_equal(grain_at(data, sizeof(data), GRAIN_BYTES), GRAIN_TABLE);
        assert_int_equal(grain_at(data, sizeof(data), 2 * GRAIN_BYTES), GRAIN_MIXED);
}

static void zeros_are_seen_where_there_are_enough(void **state)
{
        char data[ROOM_BYTES] = { 0 };

        (void)state;
        assert_int_equal(grain_at(data, sizeof(data), 0), GRAIN_ZEROS);
        for (size_t i = 0; i < sizeof(data); i += 2)
                data[i] = 'x';
        assert_int_equal(grain_at(data, sizeof(data), GRAIN_BYTES), GRAIN_ZEROS);
        for (size_t i = 0; i < sizeof(data); i++)
                if (i % 10 > 0)
                        data[i] = "to freeze"[i % 9];
        assert_int_equal(grain_at(data, sizeof(data), GRAIN_BYTES), GRAIN_MIXED);
}

static void what_repeats_as_a_whole_is_no_table(void **state)
{
        char data[ROOM_BYTES];

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = "01234567"[i % 8];
        assert_int_equal(grain_at(data, sizeof(data), 0), GRAIN_MIXED);
}

static void what_is_short_is_mixed(void **state)
{
        char *data = calloc(1, GRAIN_BYTES - 1);

        (void)state;
        assert_non_null(data);
        assert_int_equal(grain_at(data, GRAIN_BYTES - 1, 0), GRAIN_MIXED);
        assert_int_equal(grain_at(data, 1, 0), GRAIN_MIXED);
        free(data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_a_table),
                cmocka_unit_test(zeros_are_seen_where_there_are_enough),
                cmocka_unit_test(what_repeats_as_a_whole_is_no_table),
                cmocka_unit_test(what_is_short_is_mixed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/digest.h"

#include "tests/unit/unit.h"

static int digest_setup(void **state)
{
        *state = malloc(sizeof(Digest));
        return *state ? digest_init(*state) : -1;
}

static int digest_teardown(void **state)
{
        free(*state);
        return 0;
}

static void zeroes_are_0(void **state)
{
        static const uint64_t block[BLOCK_WORDS];

        assert_true(digest_block(*state, block) == 0);
}

static void every_bit_counts(void **state)
{
        uint64_t block[BLOCK_WORDS] = { 0 }, before = 0;

        for (size_t i = 0; i < BLOCK_WORDS; i++)
                for (unsigned bit = 0; bit < 64; bit += 7) {
                        uint64_t number;

                        block[i] ^= UINT64_C(1) << bit;
                        number = digest_block(*state, block);
                        assert_true(number != before && number != 0);
                        before = number;
                }
}

static void words_that_change_places_are_another_block(void **state)
{
        uint64_t block[BLOCK_WORDS] = { 0 }, number;

        block[10] = 1;
        number = digest_block(*state, block);
        block[10] = 0;
        for (size_t i = 0; i < BLOCK_WORDS; i++) {
                block[i] = 1;
                assert_true(i == 10 || digest_block(*state, block) != number);
                block[i] = 0;
        }
}

static void two_processes_have_other_numbers(void **state)
{
        uint64_t block[BLOCK_WORDS] = { 1, 2, 3 };
        Digest other;

        assert_int_equal(digest_init(&other), 0);
        assert_true(digest_block(&other, block) != digest_block(*state, block));
        assert_true(digest_block(*state, block) == digest_block(*state, block));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(zeroes_are_0),
                cmocka_unit_test(every_bit_counts),
                cmocka_unit_test(words_that_change_places_are_another_block),
                cmocka_unit_test(two_processes_have_other_numbers),
        };

        return cmocka_run_group_tests(tests, digest_setup, digest_teardown);
}

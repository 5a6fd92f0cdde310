/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tar.h"

#include "base/text.h"
#include "image/untar.h"
#include "tests/unit/unit.h"

#define GIB (UINT64_C(1) << 30)

static TarMember member_of(const Extents *extents, uint64_t size_bytes)
{
        return (TarMember){
                .name = "image", .mode = 0644, .size_bytes = size_bytes, .extents = extents
        };
}

static void the_known_header(void **state)
{
        static const struct {
                size_t offset;
                const char *text;
        } fields[] = {
                { 0, "image" },
                { 100, "0000644" },
                { 108, "0000000" },
                { 116, "0000000" },
                { 124, "00000020000" },
                { 136, "00000000000" },
                { 148, "017751" },
                { 156, "S" },
                { 257, "ustar  " },
                { 265, "root" },
                { 297, "root" },
                { 386, "00000000000" },
                { 398, "00000010000" },
                { 410, "00002000000" },
                { 422, "00000010000" },
                { 434, "00004000000" },
                { 446, "00000000000" },
                { 458, "" },
                { 483, "00004000000" },
        };
        _cleanup_(extents_done) Extents extents = { .is_sparse = true };
        const TarMember member = member_of(&extents, 1 << 20);
        char block[TAR_BLOCK_BYTES];

        (void)state;
        assert_int_equal(extents_add(&extents, 0, 4096), 0);
        assert_int_equal(extents_add(&extents, 524288, 4096), 0);
        assert_int_equal(extents_add(&extents, 1048576, 0), 0);
        tar_encode_header(&member, block);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                assert_string_equal(block + fields[i].offset, fields[i].text);
        assert_int_equal(block[155], ' ');
        assert_int_equal(block[482], 0);
        assert_int_equal(tar_archive_bytes(&member), TAR_RECORD_BYTES);
        assert_int_equal(tar_extension_count(&extents), 0);
}

/* Sizes that eleven octal digits do not hold. */
static void from_8_gib_up_a_size_is_binary(void **state)
{
        static const struct {
                uint64_t size;
                char field[12];
        } cases[] = {
                { 8 * GIB - 1, "77777777777" },
                { 8 * GIB, "\x80\0\0\0\0\0\0\2\0\0\0\0" },
                { 10 * GIB, "\x80\0\0\0\0\0\0\2\x80\0\0\0" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(extents_done) Extents extents = { 0 }, found = { 0 };
                const TarMember member = member_of(&extents, cases[i].size);
                _cleanup_(freep) char *message = NULL;
                char block[TAR_BLOCK_BYTES];
                TarHeader header;

                assert_int_equal(extents_add(&extents, 0, cases[i].size), 0);
                tar_encode_header(&member, block);
                assert_memory_equal(block + 124, cases[i].field, 12);
                assert_int_equal(tar_decode_header(block, &header, &found, &message), 0);
                assert_int_equal(header.size_bytes, cases[i].size);
                assert_int_equal(header.stored_bytes, cases[i].size);
                assert_false(header.is_sparse);
        }
}

/* As many as fit, one more, and those that fill extensions. */
static void extents_come_back(void **state)
{
        static const size_t counts[] = { 1, 4, 5, 25, 26, 46, 1000 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                _cleanup_(extents_done) Extents extents = { .is_sparse = true }, found = { 0 };
                const TarMember member = member_of(&extents, 10 * GIB);
                _cleanup_(freep) char *message = NULL;
                char block[TAR_BLOCK_BYTES];
                TarHeader header;

                for (size_t j = 0; j < counts[i]; j++)
                        assert_int_equal(extents_add(&extents, j * 9000000, 512 * (j + 1)), 0);
                tar_encode_header(&member, block);
                assert_int_equal(tar_decode_header(block, &header, &found, &message), 0);
                for (size_t j = 0; j < tar_extension_count(&extents); j++) {
                        assert_true(header.has_extension);
                        tar_encode_extension(&extents, j, block);
                        assert_int_equal(tar_decode_extension(block, &header, &found, &message), 0);
                }
                assert_false(header.has_extension);
                assert_int_equal(found.count, counts[i]);
                assert_int_equal(found.stored_bytes, extents.stored_bytes);
                assert_memory_equal(found.items, extents.items, counts[i] * sizeof(Extent));
        }
}

static void a_list_of_extents_has_an_end(void **state)
{
        _cleanup_(extents_done) Extents extents = { 0 };

        (void)state;
        for (size_t i = 0; i < EXTENTS_MAX; i++)
                if (extents_add(&extents, i, 1) != 0)
                        fail_msg("extent %zu", i);
        assert_int_equal(extents_add(&extents, EXTENTS_MAX, 1), -E2BIG);
        assert_int_equal(extents.count, EXTENTS_MAX);
}

/* --- The way back ----------------------------------------------------------------------------- */

/* 700 bytes at 4096 of 10000. */
static size_t make_archive(char archive[TAR_RECORD_BYTES])
{
        _cleanup_(extents_done) Extents extents = { .is_sparse = true };
        const TarMember member = member_of(&extents, 10000);

        assert_int_equal(extents_add(&extents, 4096, 700), 0);
        assert_int_equal(extents_add(&extents, 10000, 0), 0);
        memset(archive, 0, TAR_RECORD_BYTES);
        tar_encode_header(&member, archive);
        memset(archive + TAR_BLOCK_BYTES, 'x', 700);
        return tar_archive_bytes(&member);
}

static void pieces_of_any_size_are_taken(void **state)
{
        static const size_t sizes[] = { 1, 7, 511, 512, 513, 699, 700, 2048, TAR_RECORD_BYTES };
        char archive[TAR_RECORD_BYTES];
        size_t total = make_archive(archive);

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(untar_done) Untar untar;
                _cleanup_(freep) char *message = NULL;
                _cleanup_(fclosep) FILE *file = tmpfile();
                char content[10001], expected[10000] = { 0 };

                assert_non_null(file);
                untar_init(&untar, fileno(file), 10000);
                for (size_t at = 0; at < total; at += sizes[i])
                        assert_int_equal(
                                untar_add(&untar, archive + at,
                                        total - at < sizes[i] ? total - at : sizes[i], &message),
                                0);
                assert_int_equal(untar_end(&untar, &message), 0);
                memset(expected + 4096, 'x', 700);
                assert_int_equal(pread(fileno(file), content, sizeof(content), 0), 10000);
                assert_memory_equal(content, expected, 10000);
        }
}

static void every_truncation_is_cut_off(void **state)
{
        char archive[TAR_RECORD_BYTES];
        size_t needed = 3 * TAR_BLOCK_BYTES + 2 * TAR_BLOCK_BYTES;

        (void)make_archive(archive);
        for (size_t size = 0; size <= needed; size++) {
                _cleanup_(untar_done) Untar untar;
                _cleanup_(freep) char *message = NULL;

                untar_init(&untar, -EBADF, 10000);
                assert_int_equal(untar_add(&untar, archive, size, &message), 0);
                assert_int_equal(untar_end(&untar, &message), size < needed ? -EBADMSG : 0);
                if (size < needed)
                        assert_string_equal(message, "The archive in the bundle is cut off");
        }
}

static void any_other_byte_of_a_header_is_found(void **state)
{
        char archive[TAR_RECORD_BYTES];

        (void)make_archive(archive);
        for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
                _cleanup_(extents_done) Extents extents = { 0 };
                _cleanup_(freep) char *message = NULL;
                TarHeader header;

                archive[i] ^= 1;
                /* But for the blank that ends the checksum. */
                assert_int_equal(tar_decode_header(archive, &header, &extents, &message),
                        i == 155 ? 0 : -EBADMSG);
                archive[i] ^= 1;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_known_header),
                cmocka_unit_test(from_8_gib_up_a_size_is_binary),
                cmocka_unit_test(extents_come_back),
                cmocka_unit_test(a_list_of_extents_has_an_end),
                cmocka_unit_test(pieces_of_any_size_are_taken),
                cmocka_unit_test(every_truncation_is_cut_off),
                cmocka_unit_test(any_other_byte_of_a_header_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

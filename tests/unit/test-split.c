/* SPDX-License-Identifier: Apache-2.0 */
#include "image/split.h"

#include "tests/unit/unit.h"

/* Of which one is refused. */
typedef struct Taken {
        size_t sizes[4];
        size_t count;
        size_t refused;
        Text body;
} Taken;

static int take(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;
        Taken *taken = userdata;

        assert_int_equal(part->index, taken->count);
        if (part->index == taken->refused)
                return string_replace(reterr_message, "no more") < 0 ? -ENOMEM : -ENOSPC;
        taken->sizes[taken->count++] = part->size;
        return text_add_bytes(&taken->body, part->data, part->size);
}

/* A message of `size` bytes, in steps that are no multiple of anything. */
static int split_all(const BundleKeys *keys, size_t size, Taken *taken, Manifest *manifest,
        char **reterr_message)
{
        static const char content[99991];
        const PartSink sink = { .take = take, .userdata = taken };
        _cleanup_(split_done) Split split;
        int r;

        assert_int_equal(string_replace(&manifest->name, "web"), 0);
        assert_int_equal(split_init(&split, keys, &sink, manifest), 0);
        for (size_t at = 0; at < size; at += sizeof(content)) {
                size_t left = size - at;

                r = split_add(&split, content, left < sizeof(content) ? left : sizeof(content),
                        reterr_message);
                if (r < 0)
                        return r;
        }
        return split_end(&split, reterr_message);
}

/* PKCS#7 always adds something, and what it adds may be all of the last part. */
static void parts_are_full_but_the_last(void **state)
{
        static const struct {
                size_t message;
                size_t sizes[3];
        } cases[] = {
                { 0, { 16 } },
                { 15, { 16 } },
                { 16, { 32 } },
                { PART_BYTES - 17, { PART_BYTES - 16 } },
                { PART_BYTES - 1, { PART_BYTES } },
                { PART_BYTES, { PART_BYTES, 16 } },
                { PART_BYTES + 1, { PART_BYTES, 16 } },
                { 2 * PART_BYTES - 1, { PART_BYTES, PART_BYTES } },
                { 2 * PART_BYTES, { PART_BYTES, PART_BYTES, 16 } },
        };
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;

        (void)state;
        assert_int_equal(bundle_keys_new(&keys), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(manifest_done) Manifest manifest = { 0 };
                Taken taken = { .refused = SIZE_MAX };
                char *message = NULL;
                size_t total = 0;

                assert_int_equal(split_all(keys, cases[i].message, &taken, &manifest, &message), 0);
                for (size_t j = 0; j < 3; j++) {
                        assert_int_equal(taken.sizes[j], cases[i].sizes[j]);
                        total += taken.sizes[j];
                }
                assert_int_equal(manifest.n_parts, taken.count);
                assert_int_equal(manifest.bundled_bytes, total);
                text_done(&taken.body);
        }
}

static void one_message_is_one_however_it_was_cut(void **state)
{
        const size_t size = 2 * PART_BYTES + 12345;
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(cipher_freep) Cipher *cipher = NULL;
        Taken taken = { .refused = SIZE_MAX };
        char *message = NULL, digest[SHA1_HEX_SIZE];
        size_t written, last;

        (void)state;
        assert_int_equal(bundle_keys_new(&keys), 0);
        assert_int_equal(split_all(keys, size, &taken, &manifest, &message), 0);
        assert_string_equal(manifest.parts[1].filename, "web.part.0001");
        assert_int_equal(sha1_hex(taken.body.data + PART_BYTES, PART_BYTES, digest), 0);
        assert_string_equal(manifest.parts[1].digest, digest);
        assert_int_equal(cipher_new(keys, /* encrypts= */ false, &cipher), 0);
        assert_int_equal(
                cipher_add(cipher, taken.body.data, taken.body.length, taken.body.data, &written),
                0);
        assert_int_equal(cipher_end(cipher, taken.body.data + written, &last), 0);
        assert_int_equal(written + last, size);
        for (size_t i = 0; i < size; i++)
                if (taken.body.data[i] != 0)
                        fail_msg("byte %zu", i);
        text_done(&taken.body);
}

static void what_the_sink_says_ends_it(void **state)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(freep) char *message = NULL;
        Taken taken = { .refused = 1 };

        (void)state;
        assert_int_equal(bundle_keys_new(&keys), 0);
        assert_int_equal(split_all(keys, 3 * PART_BYTES, &taken, &manifest, &message), -ENOSPC);
        assert_string_equal(message, "no more");
        assert_int_equal(taken.count, 1);
        text_done(&taken.body);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_are_full_but_the_last),
                cmocka_unit_test(one_message_is_one_however_it_was_cut),
                cmocka_unit_test(what_the_sink_says_ends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

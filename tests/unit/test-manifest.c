/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include "base/text.h"
#include "tests/unit/unit.h"

#define DIGEST "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define BEFORE                                                                                     \
        "<?xml version='1.0'?><manifest><version>2007-10-10</version><bundler><name>b</name>"      \
        "</bundler><machine_configuration><architecture>x86_64</architecture>"                     \
        "</machine_configuration><image><name>web</name><user>123456789012</user>"                 \
        "<type>machine</type><digest algorithm='SHA1'>" DIGEST "</digest><size>1048576</size>"     \
        "<bundled_size>300</bundled_size>"
#define AFTER "</image><signature>00</signature></manifest>"
#define PART(index, filename)                                                                      \
        "<part index='" index "'><filename>" filename                                              \
        "</filename><digest algorithm='SHA1'>" DIGEST "</digest></part>"
#define PARTS                                                                                      \
        "<parts count='3'>" PART("0", "web.part.0") PART("1", "web.part.1")                        \
                PART("2", "web.part.2") "</parts>"
#define GOOD BEFORE PARTS AFTER

static void a_manifest_names_its_parts_in_order(void **state)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        char *message = NULL;

        (void)state;
        assert_int_equal(manifest_parse(GOOD, strlen(GOOD), &manifest, &message), 0);
        assert_string_equal(manifest.name, "web");
        assert_string_equal(manifest.user, "123456789012");
        assert_string_equal(manifest.architecture, "x86_64");
        assert_string_equal(manifest.digest, DIGEST);
        assert_int_equal(manifest.size_bytes, 1048576);
        assert_int_equal(manifest.bundled_bytes, 300);
        assert_int_equal(manifest.n_parts, 3);
        assert_string_equal(manifest.parts[2].filename, "web.part.2");
        assert_string_equal(manifest.parts[2].digest, DIGEST);
}

static void assert_bad(const char *text, const char *word)
{
        _cleanup_(freep) char *message = NULL;
        Manifest manifest = { 0 };

        assert_int_equal(manifest_parse(text, strlen(text), &manifest, &message), -EBADMSG);
        assert_non_null(message);
        if (!strstr(message, word))
                assert_string_equal(message, word);
        assert_null(manifest.name);
        assert_int_equal(manifest.n_parts, 0);
}

static void what_is_wrong_is_named(void **state)
{
        static const char *const cases[][2] = {
                { "", "cut off" },
                { "<html></html>", "another element" },
                { "<!DOCTYPE m [<!ENTITY a 'a'>]><manifest/>", "DOCTYPE" },
                { "<manifest><version>2003-10-10</version></manifest>", "<version>" },
                { BEFORE AFTER, "lacks <parts>" },
                { BEFORE PARTS PARTS AFTER, "more than one <parts>" },
                { BEFORE "<name>x</name>" PARTS AFTER, "more than one <name>" },
                { BEFORE "<parts count='0'></parts>" AFTER, "as many parts" },
                { BEFORE "<parts count='2'>" PART("0", "a") "</parts>" AFTER, "as many parts" },
                { BEFORE "<parts>" PART("0", "a") "</parts>" AFTER, "as many parts" },
                { BEFORE "<parts count='2'>" PART("0", "a") PART("0", "b") "</parts>" AFTER,
                        "twice, or out of order (part 0)" },
                { BEFORE "<parts count='2'>" PART("1", "a") PART("0", "b") "</parts>" AFTER,
                        "lacks a part, or has it out of order (part 0)" },
                { BEFORE "<parts count='2'>" PART("0", "a") PART("2", "b") "</parts>" AFTER,
                        "out of order (part 1)" },
                { BEFORE "<parts count='2'>" PART("0", "a") PART("1", "a") "</parts>" AFTER,
                        "the file a twice" },
                { BEFORE "<parts count='1'>" PART("x", "a") "</parts>" AFTER, "index (part 0)" },
                { BEFORE "<parts count='1'>" PART("0", "../a") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "a/b") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "/") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "..") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "a\\b") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "a&#10;b") "</parts>" AFTER, "a path" },
                { BEFORE "<parts count='1'>" PART("0", "") "</parts>" AFTER, "empty <filename>" },
                { BEFORE "<parts count='1'><other/></parts>" AFTER, "<other>" },
                { BEFORE "<parts count='1'><part "
                         "index='0'><filename>a</filename></part></parts>" AFTER,
                        "lacks <digest>" },
                { BEFORE "<parts count='1'><part index='0'><filename>a</filename><digest "
                         "algorithm='MD5'>" DIGEST "</digest></part></parts>" AFTER,
                        "no SHA-1" },
                { BEFORE "<parts count='1'><part index='0'><filename>a</filename><digest "
                         "algorithm='SHA1'>0</digest></part></parts>" AFTER,
                        "no SHA-1" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_bad(cases[i][0], cases[i][1]);
}

static void every_truncation_is_cut_off(void **state)
{
        static const char good[] = GOOD;

        (void)state;
        for (size_t size = 0; size < sizeof(good) - 1; size++) {
                _cleanup_(freep) char *message = NULL;
                Manifest manifest = { 0 };

                assert_int_equal(manifest_parse(good, size, &manifest, &message), -EBADMSG);
                assert_non_null(strstr(message, "cut off"));
        }
}

static void a_long_one_is_not_read(void **state)
{
        const size_t size = MANIFEST_BYTES_MAX + 1;
        _cleanup_(freep) char *data = malloc(size);
        _cleanup_(freep) char *message = NULL;
        Manifest manifest = { 0 };

        (void)state;
        assert_non_null(data);
        memset(data, ' ', size);
        assert_int_equal(manifest_parse(data, size, &manifest, &message), -EBADMSG);
        assert_non_null(strstr(message, "4 MiB"));
}

static void parts_have_a_limit(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        unsigned count = MANIFEST_PARTS_MAX;

        (void)state;
        for (unsigned more = 0; more <= 1; more++) {
                _cleanup_(manifest_done) Manifest manifest = { 0 };
                _cleanup_(freep) char *message = NULL;

                text.length = 0;
                assert_int_equal(text_addf(&text, BEFORE "<parts count='%u'>", count + more), 0);
                for (unsigned i = 0; i < count + more; i++)
                        assert_int_equal(text_addf(&text, PART("%u", "web.part.%05u"), i, i), 0);
                assert_int_equal(text_add(&text, "</parts>" AFTER), 0);
                assert_int_equal(manifest_parse(text.data, text.length, &manifest, &message),
                        more ? -EBADMSG : 0);
        }
}

static void names_of_parts(void **state)
{
        static const char *const good[] = { "web.part.0", "web.part.007", "web.part.1234567890" };
        static const char *const bad[] = { "web.part.", "web.part.0x", "web.part.-1", "web.part0",
                "Web.part.0", "web.part.12345678901", "web.manifest.xml", "web", "xweb.part.0" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(manifest_is_part_name("web", good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(manifest_is_part_name("web", bad[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_manifest_names_its_parts_in_order),
                cmocka_unit_test(what_is_wrong_is_named),
                cmocka_unit_test(every_truncation_is_cut_off),
                cmocka_unit_test(a_long_one_is_not_read),
                cmocka_unit_test(parts_have_a_limit),
                cmocka_unit_test(names_of_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

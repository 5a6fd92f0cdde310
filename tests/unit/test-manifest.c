/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

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

/* --- Writing ---------------------------------------------------------------------------------- */

static int make_key(void **state)
{
        *state = EVP_RSA_gen(1024);
        return *state ? 0 : -1;
}

static int free_key(void **state)
{
        (void)rsa_key_free(*state);
        return 0;
}

static void add_mapping(Manifest *manifest, const char *virtual_name, const char *device)
{
        ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);

        assert_non_null(mapping);
        *mapping = (ManifestMapping){ strdup(virtual_name), strdup(device) };
}

static void add_part(Manifest *manifest, const char *filename)
{
        ManifestPart *part = ARRAY_ADD(manifest->parts, manifest->n_parts);

        assert_non_null(part);
        *part = (ManifestPart){ .filename = strdup(filename), .digest = DIGEST };
}

static Manifest a_manifest(void)
{
        Manifest manifest = {
                .name = strdup("web"),
                .user = strdup("123456789012"),
                .architecture = strdup("x86_64"),
                .digest = DIGEST,
                .size_bytes = 10737418240,
                .bundled_bytes = 12345678,
                .kernel_id = strdup("aki-1"),
                .ramdisk_id = strdup("ari-1"),
                .keys = { strdup("aa"), strdup("bb"), strdup("cc"), strdup("dd") },
        };

        assert_int_equal(string_list_add(&manifest.product_codes, "774F4FF8"), 0);
        assert_int_equal(string_list_add(&manifest.ancestry, "ami-1"), 0);
        assert_int_equal(string_list_add(&manifest.ancestry, "ami-2"), 0);
        add_mapping(&manifest, "root", "/dev/sda1");
        add_mapping(&manifest, "ami", "sda1");
        add_mapping(&manifest, "ephemeral0", "sdb");
        add_part(&manifest, "web.part.0000");
        add_part(&manifest, "web.part.0001");
        return manifest;
}

static void its_bytes_are_these(void **state)
{
        static const char expected[] =
                "<machine_configuration><architecture>x86_64</architecture><block_device_mapping>"
                "<mapping><virtual>ami</virtual><device>sda1</device></mapping>"
                "<mapping><virtual>ephemeral0</virtual><device>sdb</device></mapping>"
                "<mapping><virtual>root</virtual><device>/dev/sda1</device></mapping>"
                "</block_device_mapping><kernel_id>aki-1</kernel_id><ramdisk_id>ari-1</ramdisk_id>"
                "<product_codes><product_code>774F4FF8</product_code></product_codes>"
                "</machine_configuration><image><name>web</name><user>123456789012</user>"
                "<type>machine</type><ancestry><ancestor_ami_id>ami-1</ancestor_ami_id>"
                "<ancestor_ami_id>ami-2</ancestor_ami_id></ancestry><digest algorithm='SHA1'>" DIGEST
                "</digest><size>10737418240</size><bundled_size>12345678</bundled_size>"
                "<ec2_encrypted_key algorithm='AES-128-CBC'>aa</ec2_encrypted_key>"
                "<user_encrypted_key algorithm='AES-128-CBC'>bb</user_encrypted_key>"
                "<ec2_encrypted_iv>cc</ec2_encrypted_iv><user_encrypted_iv>dd</user_encrypted_iv>"
                "<parts count='2'>" PART("0", "web.part.0000") PART("1", "web.part.0001")
                "</parts></image><signature>";
        _cleanup_(manifest_done) Manifest manifest = a_manifest();
        _cleanup_(freep) char *text = NULL, *message = NULL;
        const char *signed_part;

        assert_int_equal(manifest_write(&manifest, *state, &text, &message), 0);
        assert_ptr_equal(startswith(text, "<?xml version='1.0'?><manifest><version>2007-10-10"
                                          "</version><bundler><name>quiesced</name><version>"),
                strstr(text, PACKAGE_VERSION));
        signed_part = strstr(text, "</bundler>") + strlen("</bundler>");
        assert_memory_equal(signed_part, expected, strlen(expected));
        assert_non_null(endswith(text, "</signature></manifest>"));
        /* 1024 bits. */
        assert_int_equal(strlen(signed_part), strlen(expected) + 256 + 23);
}

static void what_is_written_is_read_and_verified(void **state)
{
        _cleanup_(manifest_done) Manifest manifest = a_manifest();
        _cleanup_(manifest_done) Manifest back = { 0 };
        _cleanup_(freep) char *text = NULL, *message = NULL;
        _cleanup_(rsa_key_freep) RsaKey *other = EVP_RSA_gen(1024);

        assert_int_equal(manifest_write(&manifest, *state, &text, &message), 0);
        assert_int_equal(manifest_parse(text, strlen(text), &back, &message), 0);
        assert_int_equal(manifest_verify(&back, *state, &message), 0);
        assert_string_equal(back.kernel_id, "aki-1");
        assert_string_equal(back.ramdisk_id, "ari-1");
        assert_string_equal(back.product_codes.items[0], "774F4FF8");
        assert_int_equal(back.ancestry.count, 2);
        assert_string_equal(back.ancestry.items[1], "ami-2");
        assert_int_equal(back.n_mappings, 3);
        assert_string_equal(back.mappings[2].device, "/dev/sda1");
        assert_string_equal(back.keys.ec2_key, "aa");
        assert_string_equal(back.keys.user_key, "bb");
        assert_string_equal(back.keys.ec2_iv, "cc");
        assert_string_equal(back.keys.user_iv, "dd");
        assert_int_equal(back.size_bytes, manifest.size_bytes);
        assert_int_equal(manifest_verify(&back, other, &message), -EBADMSG);
        assert_non_null(strstr(message, "is not signed by the key"));
}

/* Any byte between the first signed tag and the last one; outside of them it is not signed. */
static void a_changed_byte_is_found(void **state)
{
        _cleanup_(manifest_done) Manifest manifest = a_manifest();
        _cleanup_(freep) char *text = NULL, *message = NULL;
        size_t begin, end, n_read = 0;

        assert_int_equal(manifest_write(&manifest, *state, &text, &message), 0);
        begin = (size_t)(strstr(text, "<machine_configuration>") - text);
        end = (size_t)(strstr(text, "<signature>") - text);
        for (size_t i = begin; i < end; i++) {
                _cleanup_(manifest_done) Manifest back = { 0 };
                _cleanup_(freep) char *problem = NULL;

                text[i] ^= 1;
                if (manifest_parse(text, strlen(text), &back, &problem) == 0) {
                        n_read++;
                        assert_int_equal(manifest_verify(&back, *state, &problem), -EBADMSG);
                }
                text[i] ^= 1;
        }
        assert_in_range(n_read, 50, end - begin);
}

static void what_no_registry_takes_is_not_written(void **state)
{
        static const char *const bad[] = { "", "a b", "a<b", "a&b", "a'b", "a\"b", "\n", "\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(freep) char *text = NULL, *message = NULL;
                _cleanup_(manifest_done) Manifest manifest = a_manifest();

                assert_int_equal(string_replace(&manifest.kernel_id, bad[i]), 0);
                assert_int_equal(manifest_write(&manifest, *state, &text, &message), -EINVAL);
                assert_non_null(strstr(message, "as its kernel_id"));
                assert_null(text);
        }
}

static void a_user_is_digits(void **state)
{
        static const char *const bad[] = { "", "1234-5678-9012", "arn", "123456789012345678901" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(freep) char *text = NULL, *message = NULL;
                _cleanup_(manifest_done) Manifest manifest = a_manifest();

                assert_int_equal(string_replace(&manifest.user, bad[i]), 0);
                assert_int_equal(manifest_write(&manifest, *state, &text, &message), -EINVAL);
                assert_non_null(strstr(message, "account in digits"));
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
                cmocka_unit_test(its_bytes_are_these),
                cmocka_unit_test(what_is_written_is_read_and_verified),
                cmocka_unit_test(a_changed_byte_is_found),
                cmocka_unit_test(what_no_registry_takes_is_not_written),
                cmocka_unit_test(a_user_is_digits),
                cmocka_unit_test(names_of_parts),
        };

        return cmocka_run_group_tests(tests, make_key, free_key);
}

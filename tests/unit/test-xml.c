/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml.h"

#include "base/text.h"
#include "tests/unit/unit.h"

static int parse(const char *text, Xml **ret)
{
        return xml_parse(text, strlen(text), ret);
}

static void elements_are_found_by_a_path(void **state)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        const XmlNode *root, *item;

        assert_int_equal(parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<r xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><set>\n"
                               " <item><id>one</id></item>\n <item><id>t&lt;o</id></item>\n"
                               "</set><empty/><n>12</n><yes>true</yes></r>",
                                 &xml),
                0);
        root = xml_root(xml);
        assert_string_equal(xml_name(root), "r");
        assert_string_equal(xml_text(root, "set/item/id"), "one");
        item = xml_next(xml_first(xml_find(root, "set")));
        assert_string_equal(xml_text(item, "id"), "t<o");
        assert_null(xml_next(item));
        assert_null(xml_text(root, "empty"));
        assert_null(xml_text(root, "set"));
        assert_null(xml_text(root, "set/item/nothing/at/all"));
        assert_null(xml_find(root, "se"));
        assert_null(xml_first(NULL));
        assert_int_equal(xml_u64(root, "n", 7), 12);
        assert_int_equal(xml_u64(root, "yes", 7), 7);
        assert_true(xml_bool(root, "yes", false));
        assert_true(xml_bool(root, "n", true));
}

static void attributes_are_found_by_name(void **state)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        const XmlNode *root;

        assert_int_equal(parse("<r><p index='0' kind=\"a&amp;b\"/><p/></r>", &xml), 0);
        root = xml_root(xml);
        assert_string_equal(xml_attribute(xml_first(root), "index"), "0");
        assert_string_equal(xml_attribute(xml_first(root), "kind"), "a&b");
        assert_null(xml_attribute(xml_first(root), "ind"));
        assert_null(xml_attribute(xml_next(xml_first(root)), "index"));
        assert_null(xml_attribute(NULL, "index"));
}

static void the_first_of_doubled_elements_counts(void **state)
{
        _cleanup_(xml_freep) Xml *xml = NULL;

        assert_int_equal(parse("<r><id>a</id><id>b</id></r>", &xml), 0);
        assert_string_equal(xml_text(xml_root(xml), "id"), "a");
}

static void text_beside_children_is_no_text(void **state)
{
        _cleanup_(xml_freep) Xml *xml = NULL;

        assert_int_equal(parse("<r>before<a>x<![CDATA[<&>]]>y</a>after</r>", &xml), 0);
        assert_null(xml_text(xml_root(xml), ""));
        assert_string_equal(xml_text(xml_root(xml), "a"), "x<&>y");
}

static void what_is_not_well_formed_is_told_from_what_is_refused(void **state)
{
        static const struct {
                const char *text;
                int outcome;
        } cases[] = {
                { "", XML_E_MALFORMED },
                { " ", XML_E_MALFORMED },
                { "<r>", XML_E_MALFORMED },
                { "<r><a></r>", XML_E_MALFORMED },
                { "<r/><r/>", XML_E_MALFORMED },
                { "<r>&lol;</r>", XML_E_MALFORMED },
                { "<r a=1/>", XML_E_MALFORMED },
                { "<r>\xff\xfe</r>", XML_E_MALFORMED },
                { "{\"not\": \"xml\"}", XML_E_MALFORMED },
                { "<html><body><p>502<br></body></html>", XML_E_MALFORMED },
                { "<!DOCTYPE r><r/>", XML_E_REFUSED },
                { "<!DOCTYPE r [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>",
                        XML_E_REFUSED },
                { "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>", XML_E_REFUSED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Xml *xml = NULL;
                int r = parse(cases[i].text, &xml);

                if (r != cases[i].outcome)
                        fail_msg("\"%s\" gives %d", cases[i].text, r);
                assert_null(xml);
        }
}

static void every_truncation_of_a_reply_is_malformed(void **state)
{
        static const char reply[] = "<r><set><item><id>snap-1</id></item></set></r>";
        Xml *xml = NULL;

        for (size_t size = 0; size < strlen(reply); size++)
                assert_int_equal(xml_parse(reply, size, &xml), XML_E_MALFORMED);
}

static void a_nul_byte_is_malformed(void **state)
{
        Xml *xml = NULL;

        assert_int_equal(xml_parse("<r>a\0b</r>", 10, &xml), XML_E_MALFORMED);
}

static void nest(Text *text, size_t depth)
{
        for (size_t i = 0; i < depth; i++)
                assert_return_code(text_add(text, "<a>"), 0);
        for (size_t i = 0; i < depth; i++)
                assert_return_code(text_add(text, "</a>"), 0);
}

static void depth_has_a_limit(void **state)
{
        _cleanup_(text_done) Text allowed = TEXT_INIT, deep = TEXT_INIT;
        _cleanup_(xml_freep) Xml *xml = NULL;
        Xml *none = NULL;

        nest(&allowed, XML_DEPTH_MAX);
        assert_int_equal(parse(allowed.data, &xml), 0);
        nest(&deep, XML_DEPTH_MAX + 1);
        assert_int_equal(parse(deep.data, &none), XML_E_REFUSED);
}

static void the_number_of_elements_has_a_limit(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        Xml *none = NULL;

        assert_return_code(text_add(&text, "<r>"), 0);
        for (size_t i = 0; i < XML_NODES_MAX; i++)
                assert_return_code(text_add_bytes(&text, "<a/>", 4), 0);
        assert_return_code(text_add(&text, "</r>"), 0);
        assert_int_equal(parse(text.data, &none), XML_E_REFUSED);
}

static void the_size_has_a_limit(void **state)
{
        _cleanup_(freep) char *huge = malloc(XML_BYTES_MAX + 1);
        Xml *none = NULL;

        assert_non_null(huge);
        memset(huge, ' ', XML_BYTES_MAX + 1);
        assert_int_equal(xml_parse(huge, XML_BYTES_MAX + 1, &none), XML_E_REFUSED);
}

static void a_thousand_snapshots_are_read_in_order(void **state)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        _cleanup_(xml_freep) Xml *xml = NULL;
        const XmlNode *item;
        unsigned n = 0;

        assert_return_code(text_add(&text, "<r><snapshotSet>"), 0);
        for (unsigned i = 0; i < 1000; i++)
                assert_return_code(
                        text_addf(&text, "<item><n>%u</n><status>pending</status></item>", i), 0);
        assert_return_code(text_add(&text, "</snapshotSet></r>"), 0);
        assert_int_equal(parse(text.data, &xml), 0);
        for (item = xml_first(xml_find(xml_root(xml), "snapshotSet")); item; item = xml_next(item))
                assert_int_equal(xml_u64(item, "n", 5000), n++);
        assert_int_equal(n, 1000);
}

/* What a signature is over, with all that stands in it. */
static void an_element_has_its_place_in_the_bytes(void **state)
{
        static const char text[] = "<?xml version='1.0'?>\n<a><!-- <b>c</b> --><b x='1'>\n <c/>&amp;"
                                   "\xc3\xa4</b ><d/></a>";
        static const char expected[] = "<b x='1'>\n <c/>&amp;\xc3\xa4</b >";
        _cleanup_(xml_freep) Xml *xml = NULL;
        size_t begin, size;

        (void)state;
        assert_int_equal(xml_parse(text, strlen(text), &xml), 0);
        begin = xml_span(xml_find(xml_root(xml), "b"), &size);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(text + begin, expected, size);
        begin = xml_span(xml_root(xml), &size);
        assert_int_equal(begin, strlen("<?xml version='1.0'?>\n"));
        assert_int_equal(begin + size, strlen(text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(elements_are_found_by_a_path),
                cmocka_unit_test(attributes_are_found_by_name),
                cmocka_unit_test(the_first_of_doubled_elements_counts),
                cmocka_unit_test(text_beside_children_is_no_text),
                cmocka_unit_test(what_is_not_well_formed_is_told_from_what_is_refused),
                cmocka_unit_test(every_truncation_of_a_reply_is_malformed),
                cmocka_unit_test(a_nul_byte_is_malformed),
                cmocka_unit_test(depth_has_a_limit),
                cmocka_unit_test(the_number_of_elements_has_a_limit),
                cmocka_unit_test(the_size_has_a_limit),
                cmocka_unit_test(a_thousand_snapshots_are_read_in_order),
                cmocka_unit_test(an_element_has_its_place_in_the_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

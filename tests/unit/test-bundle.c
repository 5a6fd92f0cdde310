/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/bundle.h"

#include "base/text.h"
#include "tests/unit/unit.h"

static void a_place_is_a_bucket_a_folder_and_a_name(void **state)
{
        static const struct {
                const char *location, *bucket, *manifest, *folder, *name;
        } cases[] = {
                { "bundles/nightly/web.manifest.xml", "bundles", "nightly/web.manifest.xml",
                        "nightly/", "web" },
                { "bundles/web.manifest.xml", "bundles", "web.manifest.xml", "", "web" },
                { "a.b.c//a/../web.manifest.xml", "a.b.c", "/a/../web.manifest.xml", "/a/../",
                        "web" },
                { "bundles/nightly/web.xml", "bundles", "nightly/web.xml", "nightly/", NULL },
                { "bundles/nightly/.manifest.xml", "bundles", "nightly/.manifest.xml", "nightly/",
                        NULL },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(bundle_place_done) BundlePlace place = { 0 };

                assert_int_equal(bundle_place_parse(cases[i].location, &place), 0);
                assert_string_equal(place.bucket, cases[i].bucket);
                assert_string_equal(place.manifest, cases[i].manifest);
                assert_string_equal(place.folder, cases[i].folder);
                assert_true(streq_ptr(place.name, cases[i].name));
        }
}

static void what_is_no_place_is_refused(void **state)
{
        static const char *const cases[] = { "", "bundles", "bundles/", "/bundles/web.manifest.xml",
                "Bundles/web.manifest.xml", "b/web.manifest.xml", "bundles/folder/",
                "https://bundles/web.manifest.xml", "bundles@host/web.manifest.xml" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BundlePlace place = { 0 };

                assert_int_equal(bundle_place_parse(cases[i], &place), -EINVAL);
                assert_null(place.bucket);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_place_is_a_bucket_a_folder_and_a_name),
                cmocka_unit_test(what_is_no_place_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

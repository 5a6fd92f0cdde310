/* SPDX-License-Identifier: Apache-2.0 */
#include "host/identity.h"

#include <errno.h>

#include "base/json.h"
#include "base/text.h"
#include "tests/unit/unit.h"

/* The example of "Instance identity documents" in the EC2 user guide, with codes. */
static const char document[] =
        "{\n"
        "  \"devpayProductCodes\" : null,\n"
        "  \"marketplaceProductCodes\" : [ \"1abc2defghijklm3nopqrs4tu\" ],\n"
        "  \"availabilityZone\" : \"us-west-2b\",\n"
        "  \"privateIp\" : \"10.158.112.84\",\n"
        "  \"version\" : \"2017-09-30\",\n"
        "  \"instanceId\" : \"i-1234567890abcdef0\",\n"
        "  \"billingProducts\" : [ \"bp-6ba54002\", \"bp-63a5400a\" ],\n"
        "  \"instanceType\" : \"t2.micro\",\n"
        "  \"accountId\" : \"123456789012\",\n"
        "  \"imageId\" : \"ami-5fb8c835\",\n"
        "  \"pendingTime\" : \"2016-11-19T16:32:11Z\",\n"
        "  \"architecture\" : \"x86_64\",\n"
        "  \"kernelId\" : null,\n"
        "  \"ramdiskId\" : null,\n"
        "  \"region\" : \"us-west-2\"\n"
        "}";

typedef struct Page {
        const char *path;
        const char *content; /* NULL: `error` is returned */
        int error;
} Page;

static int fetch_from_table(void *userdata, const char *path, char **ret)
{
        for (const Page *page = userdata; page->path; page++) {
                if (!streq(page->path, path))
                        continue;
                if (!page->content)
                        return page->error;
                *ret = strdup(page->content);
                return *ret ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

static void the_document_and_the_services_make_the_identity(void **state)
{
        Page pages[] = {
                { "dynamic/instance-identity/document", document, 0 },
                { "meta-data/services/domain", "amazonaws.com.cn\n", 0 },
                { "meta-data/services/partition", "aws-cn", 0 },
                { 0 },
        };
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        _cleanup_(freep) char *message = NULL;

        assert_return_code(identity_read(fetch_from_table, pages, &identity, &message), 0);
        assert_string_equal(identity.instance_id, "i-1234567890abcdef0");
        assert_string_equal(identity.region, "us-west-2");
        assert_string_equal(identity.zone, "us-west-2b");
        assert_string_equal(identity.account_id, "123456789012");
        assert_string_equal(identity.architecture, "x86_64");
        assert_string_equal(identity.instance_type, "t2.micro");
        assert_string_equal(identity.image_id, "ami-5fb8c835");
        assert_string_equal(identity.domain, "amazonaws.com.cn");
        assert_string_equal(identity.partition, "aws-cn");
        assert_null(identity.kernel_id);
        assert_null(identity.ramdisk_id);
        assert_int_equal(identity.billing_products.count, 2);
        assert_string_equal(identity.marketplace_product_codes.items[0],
                "1abc2defghijklm3nopqrs4tu");
        assert_true(identity_has_billing_codes(&identity));
}

static void absent_services_fall_back_to_the_standard_partition(void **state)
{
        Page pages[] = {
                { "dynamic/instance-identity/document",
                        "{\"instanceId\": \"i-1\", \"region\": \"eu-central-1\"}", 0 },
                { 0 },
        };
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        _cleanup_(freep) char *message = NULL;

        assert_return_code(identity_read(fetch_from_table, pages, &identity, &message), 0);
        assert_string_equal(identity.domain, "amazonaws.com");
        assert_string_equal(identity.partition, "aws");
        assert_null(identity.zone);
        assert_false(identity_has_billing_codes(&identity));
}

static void an_error_of_the_service_is_forwarded_and_names_the_page(void **state)
{
        Page pages[] = {
                { "dynamic/instance-identity/document", document, 0 },
                { "meta-data/services/domain", NULL, -ETIMEDOUT },
                { 0 },
        };
        Page nothing[] = { { "dynamic/instance-identity/document", NULL, -ENOENT }, { 0 } };
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        _cleanup_(freep) char *message = NULL, *second = NULL;

        assert_int_equal(identity_read(fetch_from_table, pages, &identity, &message), -ETIMEDOUT);
        assert_non_null(strstr(message, "meta-data/services/domain"));
        assert_int_equal(identity_read(fetch_from_table, nothing, &identity, &second), -ENOENT);
        assert_non_null(strstr(second, "dynamic/instance-identity/document"));
        assert_null(identity.instance_id);
}

static void what_is_no_identity_document_is_refused_by_name(void **state)
{
        static const struct {
                const char *json, *complaint;
        } cases[] = {
                { "", "no JSON" },
                { "<html>", "no JSON" },
                { "[]", "no JSON object" },
                { "{\"region\": \"a\"}", "lacks instanceId" },
                { "{\"instanceId\": \"i-1\"}", "lacks region" },
                { "{\"instanceId\": \"i-1\", \"region\": null}", "lacks region" },
                { "{\"instanceId\": 1, \"region\": \"a\"}", "not a plain text: instanceId" },
                { "{\"instanceId\": \"i-1\\nX: y\", \"region\": \"a\"}", "plain text: instanceId" },
                { "{\"instanceId\": \"i-1\", \"region\": \"\"}", "plain text: region" },
                { "{\"instanceId\": \"i-1\", \"region\": \"\xc3\xa4\"}", "plain text: region" },
                { "{\"instanceId\": \"i-1\", \"region\": \"a\", \"region\": \"b\"}", "no JSON" },
                { "{\"instanceId\": \"i-1\", \"region\": \"a\", \"billingProducts\": \"x\"}",
                        "list of codes: billingProducts" },
                { "{\"instanceId\": \"i-1\", \"region\": \"a\", \"marketplaceProductCodes\": [1]}",
                        "list of codes: marketplaceProductCodes" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
                _cleanup_(freep) char *message = NULL;

                assert_int_equal(identity_parse_document(&identity, cases[i].json, &message),
                        -EBADMSG);
                assert_non_null(message);
                if (!strstr(message, cases[i].complaint))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].json, message,
                                cases[i].complaint);
        }
}

static void a_document_past_the_limits_is_refused(void **state)
{
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        _cleanup_(text_done) Text json = TEXT_INIT;
        _cleanup_(freep) char *message = NULL;

        for (size_t i = 0; i < 100 * 1024; i++)
                assert_return_code(text_add(&json, " "), 0);
        assert_return_code(text_add(&json, document), 0);
        assert_int_equal(identity_parse_document(&identity, json.data, &message), -EBADMSG);
        assert_non_null(strstr(message, "too long"));
}

static void the_report_has_what_is_known_and_no_more(void **state)
{
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        _cleanup_(json_decrefp) json_t *report = NULL;
        _cleanup_(freep) char *message = NULL;

        assert_return_code(identity_parse_document(&identity,
                                   "{\"instanceId\": \"i-1\", \"region\": \"a\"}", &message),
                0);
        assert_return_code(identity_to_json(&identity, &report), 0);
        assert_string_equal(json_get_string(report, "instance-id", ""), "i-1");
        assert_string_equal(json_get_string(report, "region", ""), "a");
        assert_int_equal(json_object_size(report), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_document_and_the_services_make_the_identity),
                cmocka_unit_test(absent_services_fall_back_to_the_standard_partition),
                cmocka_unit_test(an_error_of_the_service_is_forwarded_and_names_the_page),
                cmocka_unit_test(what_is_no_identity_document_is_refused_by_name),
                cmocka_unit_test(a_document_past_the_limits_is_refused),
                cmocka_unit_test(the_report_has_what_is_known_and_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

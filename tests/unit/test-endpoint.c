/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include "tests/unit/unit.h"

static int clear_environment(void **state)
{
        unsetenv("AWS_ENDPOINT_URL");
        return unsetenv("AWS_ENDPOINT_URL_EC2");
}

static void a_region_gives_the_host_of_its_partition(void **state)
{
        static const char *const cases[][3] = {
                { "eu-west-1", NULL, "https://ec2.eu-west-1.amazonaws.com" },
                { "cn-north-1", NULL, "https://ec2.cn-north-1.amazonaws.com.cn" },
                { "us-gov-west-1", NULL, "https://ec2.us-gov-west-1.amazonaws.com" },
                { "us-iso-east-1", NULL, "https://ec2.us-iso-east-1.c2s.ic.gov" },
                { "us-isob-east-1", NULL, "https://ec2.us-isob-east-1.sc2s.sgov.gov" },
                { "eu-west-1", "cloud.example", "https://ec2.eu-west-1.cloud.example" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(endpoint_done) Endpoint endpoint = { 0 };
                char *message = NULL;

                assert_int_equal(
                        endpoint_resolve("ec2", cases[i][0], cases[i][1], &endpoint, &message), 0);
                assert_string_equal(endpoint.base, cases[i][2]);
                assert_string_equal(endpoint.host, cases[i][2] + strlen("https://"));
                assert_string_equal(endpoint.path, "/");
                assert_true(endpoint.is_tls);
        }
}

static void the_variables_of_the_sdks_come_first(void **state)
{
        _cleanup_(endpoint_done) Endpoint endpoint = { 0 };
        char *message = NULL;

        setenv("AWS_ENDPOINT_URL", "http://all.example:8773/services/Cloud", 1);
        assert_int_equal(endpoint_resolve("ec2", "eu-west-1", NULL, &endpoint, &message), 0);
        assert_string_equal(endpoint.base, "http://all.example:8773");
        assert_string_equal(endpoint.path, "/services/Cloud");
        assert_false(endpoint.is_tls);
        endpoint_done(&endpoint);
        setenv("AWS_ENDPOINT_URL_EC2", "https://[::1]:443/a%20b", 1);
        assert_int_equal(endpoint_resolve("ec2", "eu-west-1", NULL, &endpoint, &message), 0);
        assert_string_equal(endpoint.host, "[::1]");
        assert_string_equal(endpoint.path, "/a b");
        endpoint_done(&endpoint);
        assert_int_equal(endpoint_resolve("s3", "eu-west-1", NULL, &endpoint, &message), 0);
        assert_string_equal(endpoint.host, "all.example:8773");
}

static void a_blank_in_a_services_id_is_an_underscore(void **state)
{
        _cleanup_(endpoint_done) Endpoint endpoint = { 0 };
        char *message = NULL;

        assert_int_equal(endpoint_resolve("autoscaling", "eu-west-1", NULL, &endpoint, &message), 0);
        assert_string_equal(endpoint.host, "autoscaling.eu-west-1.amazonaws.com");
        endpoint_done(&endpoint);
        setenv("AWS_ENDPOINT_URL_AUTO_SCALING", "https://127.0.0.1:8443/", 1);
        assert_int_equal(endpoint_resolve("autoscaling", "eu-west-1", NULL, &endpoint, &message), 0);
        assert_string_equal(endpoint.host, "127.0.0.1:8443");
        unsetenv("AWS_ENDPOINT_URL_AUTO_SCALING");
}

static void what_is_no_region_domain_or_url_is_named(void **state)
{
        static const struct {
                const char *region, *domain, *url, *message;
        } cases[] = {
                { "", NULL, NULL, "\"\" is no region: set AWS_REGION to one like eu-west-1" },
                { "eu-west-1/..", NULL, NULL,
                        "\"eu-west-1/..\" is no region: set AWS_REGION to one like eu-west-1" },
                { "eu-west-1", "a b", NULL,
                        "\"a b\" is no domain, though the metadata service gives it" },
                { "eu-west-1", NULL, "example",
                        "AWS_ENDPOINT_URL_EC2 is no http:// or https:// URL without user and "
                        "query" },
                { "eu-west-1", NULL, "file:///etc/passwd",
                        "AWS_ENDPOINT_URL_EC2 is no http:// or https:// URL without user and "
                        "query" },
                { "eu-west-1", NULL, "https://key:secret@h/",
                        "AWS_ENDPOINT_URL_EC2 is no http:// or https:// URL without user and "
                        "query" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *message = NULL;
                Endpoint endpoint = { 0 };

                clear_environment(NULL);
                if (cases[i].url)
                        setenv("AWS_ENDPOINT_URL_EC2", cases[i].url, 1);
                assert_int_equal(endpoint_resolve("ec2", cases[i].region, cases[i].domain,
                                         &endpoint, &message),
                        -EINVAL);
                assert_string_equal(message, cases[i].message);
                assert_null(endpoint.base);
        }
}

static void a_label_stands_before_a_name_and_not_before_an_address(void **state)
{
        static const struct {
                const char *url, *base, *host;
                bool is_address;
        } cases[] = {
                { "https://s3.eu-west-1.amazonaws.com/", "https://b.s3.eu-west-1.amazonaws.com",
                        "b.s3.eu-west-1.amazonaws.com", false },
                { "http://localhost:8080", "http://b.localhost:8080", "b.localhost:8080", false },
                { "https://127.0.0.1:443", "https://b.127.0.0.1", "b.127.0.0.1", true },
                { "http://10.0.0.1:9000/", "http://b.10.0.0.1:9000", "b.10.0.0.1:9000", true },
                { "http://[::1]:9000/", "http://b.[::1]:9000", "b.[::1]:9000", true },
                { "http://1.2.3.4.example", "http://b.1.2.3.4.example", "b.1.2.3.4.example", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(endpoint_done) Endpoint endpoint = { 0 };

                assert_int_equal(endpoint_parse(cases[i].url, &endpoint), 0);
                assert_int_equal(endpoint_is_address(&endpoint), cases[i].is_address);
                assert_int_equal(endpoint_add_label(&endpoint, "b"), 0);
                assert_string_equal(endpoint.base, cases[i].base);
                assert_string_equal(endpoint.host, cases[i].host);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_region_gives_the_host_of_its_partition, clear_environment),
                cmocka_unit_test_setup(the_variables_of_the_sdks_come_first, clear_environment),
                cmocka_unit_test_setup(
                        a_blank_in_a_services_id_is_an_underscore, clear_environment),
                cmocka_unit_test(a_label_stands_before_a_name_and_not_before_an_address),
                cmocka_unit_test_setup(what_is_no_region_domain_or_url_is_named, clear_environment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

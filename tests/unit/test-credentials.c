/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define ROLE_REPLY(code, id, secret, token, expiration)                                            \
        "{\"Code\": \"" code                                                                       \
        "\", \"LastUpdated\": \"2026-11-23T10:44:00Z\", \"Type\": \"AWS-HMAC\", "                  \
        "\"AccessKeyId\": " id ", \"SecretAccessKey\": " secret ", \"Token\": " token              \
        ", \"Expiration\": " expiration "}"

static int setup(void **state)
{
        unsetenv("AWS_ACCESS_KEY_ID");
        unsetenv("AWS_SECRET_ACCESS_KEY");
        unsetenv("AWS_SESSION_TOKEN");
        unsetenv("CREDENTIALS_DIRECTORY");
        return scratch_setup(state);
}

static void write_secret(const char *folder, const char *name, const char *value)
{
        _cleanup_(freep) char *path = NULL;

        assert_return_code(string_printf(&path, "%s/%s", folder, name), 0);
        assert_return_code(file_replace(path, value, strlen(value), 0600), 0);
}

static void keys_come_from_the_environment(void **state)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *provider = NULL;
        const Credentials *keys;
        char *message = NULL;

        setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
        assert_return_code(credentials_provider_new(NULL, &provider), 0);
        assert_int_equal(credentials_provider_get(provider, &keys, &message), 0);
        assert_string_equal(keys->access_key_id, "AKID");
        assert_string_equal(keys->secret_access_key, "secret");
        assert_null(keys->session_token);
        assert_true(keys->expiration_usec == USEC_INFINITY);
        setenv("AWS_SESSION_TOKEN", "token", 1);
        credentials_provider_refresh(provider);
        assert_int_equal(credentials_provider_get(provider, &keys, &message), 0);
        assert_string_equal(keys->session_token, "token");
}

static void half_a_pair_of_keys_is_refused(void **state)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *provider = NULL;
        _cleanup_(freep) char *message = NULL;
        const Credentials *keys;

        setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "", 1);
        assert_return_code(credentials_provider_new(NULL, &provider), 0);
        assert_int_equal(
                credentials_provider_get(provider, &keys, &message), CREDENTIALS_E_INVALID);
        assert_string_equal(message, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
}

static void systemd_credentials_are_read_without_their_line_break(void **state)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *provider = NULL;
        const Credentials *keys;
        char *message = NULL;

        setenv("CREDENTIALS_DIRECTORY", *state, 1);
        write_secret(*state, "aws-access-key-id", "AKID\n");
        write_secret(*state, "aws-secret-access-key", "sec/ret+\r\n");
        assert_return_code(credentials_provider_new(NULL, &provider), 0);
        assert_int_equal(credentials_provider_get(provider, &keys, &message), 0);
        assert_string_equal(keys->access_key_id, "AKID");
        assert_string_equal(keys->secret_access_key, "sec/ret+");
        assert_null(keys->session_token);
}

static void a_systemd_credential_without_its_other_half_is_refused(void **state)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *provider = NULL;
        _cleanup_(freep) char *message = NULL;
        const Credentials *keys;

        setenv("CREDENTIALS_DIRECTORY", *state, 1);
        write_secret(*state, "aws-access-key-id", "AKID\n");
        assert_return_code(credentials_provider_new(NULL, &provider), 0);
        assert_int_equal(
                credentials_provider_get(provider, &keys, &message), CREDENTIALS_E_INVALID);
        assert_non_null(strstr(message, "aws-secret-access-key"));
}

static void without_any_source_the_message_says_what_to_set(void **state)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *provider = NULL;
        _cleanup_(freep) char *message = NULL;
        const Credentials *keys;

        setenv("CREDENTIALS_DIRECTORY", *state, 1);
        assert_return_code(credentials_provider_new(NULL, &provider), 0);
        assert_int_equal(credentials_provider_get(provider, &keys, &message), CREDENTIALS_E_NONE);
        assert_non_null(strstr(message, "AWS_ACCESS_KEY_ID"));
}

static void a_roles_keys_are_parsed(void **state)
{
        _cleanup_(credentials_done) Credentials keys = { 0 };
        uint64_t expected;
        char *message = NULL;

        assert_int_equal(credentials_parse_role(ROLE_REPLY("Success", "\"ASIA\"", "\"s\"", "\"t\"",
                                                        "\"2026-11-23T16:44:00Z\""),
                                 &keys, &message),
                0);
        assert_string_equal(keys.access_key_id, "ASIA");
        assert_string_equal(keys.session_token, "t");
        assert_return_code(timestamp_parse("2026-11-23T16:44:00Z", &expected), 0);
        assert_true(keys.expiration_usec == expected);
}

static void a_roles_reply_that_is_none_is_refused_with_its_reason(void **state)
{
        static const char *const cases[][2] = {
                { "", "what the metadata service sent is no JSON" },
                { "[]", "what the metadata service sent is no JSON" },
                { "{\"Code\": \"AssumeRoleUnauthorizedAccess\"}", "AssumeRoleUnauthorizedAccess" },
                { "{}", "a key or the token is missing" },
                { ROLE_REPLY("Success", "5", "\"s\"", "\"t\"", "\"2026-11-23T16:44:00Z\""),
                        "a key or the token is missing" },
                { ROLE_REPLY("Success", "\"A\"", "\"s\"", "\"t\"", "\"tomorrow\""),
                        "Expiration is no time" },
                { ROLE_REPLY("Success", "\"A\"", "\"s\"", "\"t\"", "null"),
                        "Expiration is no time" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *message = NULL;
                Credentials keys = { 0 };

                assert_int_equal(credentials_parse_role(cases[i][0], &keys, &message), -EBADMSG);
                assert_string_equal(message, cases[i][1]);
                assert_null(keys.access_key_id);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(keys_come_from_the_environment, setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(half_a_pair_of_keys_is_refused, setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        systemd_credentials_are_read_without_their_line_break, setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_systemd_credential_without_its_other_half_is_refused, setup,
                        scratch_teardown),
                cmocka_unit_test_setup_teardown(without_any_source_the_message_says_what_to_set,
                        setup, scratch_teardown),
                cmocka_unit_test(a_roles_keys_are_parsed),
                cmocka_unit_test(a_roles_reply_that_is_none_is_refused_with_its_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

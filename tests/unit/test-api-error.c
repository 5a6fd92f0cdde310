/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/api-error.h"

#include "base/cleanup.h"
#include "tests/unit/unit.h"

static void codes_fall_into_classes(void **state)
{
        static const struct {
                const char *code;
                int status;
                ApiErrorClass class;
        } cases[] = {
                { "DryRunOperation", 412, API_ERROR_ALLOWED },
                { "UnauthorizedOperation", 403, API_ERROR_FINAL },
                { "InvalidParameterValue", 400, API_ERROR_FINAL },
                { "InvalidSnapshot.InUse", 400, API_ERROR_FINAL },
                { "InvalidSnapshot.NotFound", 400, API_ERROR_NOT_FOUND },
                { "InvalidAMIID.NotFound", 400, API_ERROR_NOT_FOUND },
                { "NotFound", 400, API_ERROR_FINAL },
                { "InsufficientInstanceCapacity", 500, API_ERROR_FINAL },
                { "RequestLimitExceeded", 503, API_ERROR_THROTTLED },
                { "Throttling", 400, API_ERROR_THROTTLED },
                { "ThrottlingException", 400, API_ERROR_THROTTLED },
                { "ThrottledException", 400, API_ERROR_THROTTLED },
                { "SnapshotCreationPerVolumeRateExceeded", 400, API_ERROR_VOLUME_RATE },
                { "ConcurrentSnapshotLimitExceeded", 400, API_ERROR_VOLUME_RATE },
                { "InternalError", 500, API_ERROR_TRANSIENT },
                { "Unavailable", 503, API_ERROR_TRANSIENT },
                { "SomethingNew", 503, API_ERROR_TRANSIENT },
                { "AuthFailure", 401, API_ERROR_STALE },
                { "RequestExpired", 400, API_ERROR_STALE },
                { "RequestTimeTooSkewed", 403, API_ERROR_STALE },
                { "UnrecognizedClientException", 400, API_ERROR_STALE },
                { "SignatureDoesNotMatch", 403, API_ERROR_STALE },
                { "InvalidSignatureException", 400, API_ERROR_STALE },
                { "AccessDeniedException", 400, API_ERROR_FINAL },
                { "ParameterNotFound", 400, API_ERROR_NOT_FOUND },
                { "ParameterVersionNotFound", 400, API_ERROR_NOT_FOUND },
                { "TooManyUpdates", 400, API_ERROR_THROTTLED },
                { NULL, 500, API_ERROR_TRANSIENT },
                { NULL, 502, API_ERROR_TRANSIENT },
                { NULL, 504, API_ERROR_TRANSIENT },
                { NULL, 501, API_ERROR_FINAL },
                { NULL, 429, API_ERROR_THROTTLED },
                { NULL, 404, API_ERROR_FINAL },
                { NULL, 0, API_ERROR_FINAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ApiError error = { .code = (char *)cases[i].code, .http_status = cases[i].status };

                if (api_error_classify(&error) != cases[i].class)
                        fail_msg("%s (%d) is of class %d",
                                cases[i].code ? cases[i].code : "no code", cases[i].status,
                                (int)api_error_classify(&error));
        }
}

static void an_error_reads_with_what_is_known(void **state)
{
        static const struct {
                ApiError error;
                const char *text;
        } cases[] = {
                { { .code = (char *)"AuthFailure",
                          .message = (char *)"AWS was not able",
                          .request_id = (char *)"r-1",
                          .http_status = 401 },
                        "AuthFailure: AWS was not able (request r-1)" },
                { { .code = (char *)"Busy" }, "Busy" },
                { { .message = (char *)"connection reset", .http_status = 200 },
                        "connection reset" },
                { { .http_status = 503 }, "HTTP status 503" },
                { { 0 }, "no reason given" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = NULL;

                assert_return_code(api_error_format(&cases[i].error, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void setting_replaces_code_and_message(void **state)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;

        assert_return_code(api_error_set(&error, "One", "first"), 0);
        assert_return_code(api_error_set(&error, NULL, "second"), 0);
        assert_null(error.code);
        assert_string_equal(error.message, "second");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(codes_fall_into_classes),
                cmocka_unit_test(an_error_reads_with_what_is_known),
                cmocka_unit_test(setting_replaces_code_and_message),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

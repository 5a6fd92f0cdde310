/* SPDX-License-Identifier: Apache-2.0 */
/* What a service, or the way to it, said when a call did not work out; and what that means. */

#include "aws/api-error.h"

#include "base/text.h"

void api_error_done(ApiError *error)
{
        free(error->code);
        free(error->message);
        free(error->request_id);
        *error = API_ERROR_INIT;
}

int api_error_set(ApiError *error, const char *code, const char *message)
{
        _cleanup_(freep) char *new_code = code ? strdup(code) : NULL;
        _cleanup_(freep) char *new_message = message ? strdup(message) : NULL;

        if ((code && !new_code) || (message && !new_message))
                return -ENOMEM;
        free(error->code);
        error->code = TAKE_PTR(new_code);
        free(error->message);
        error->message = TAKE_PTR(new_message);
        return 0;
}

int api_error_format(const ApiError *error, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = 0;

        if (error->code)
                r = text_add(&text, error->code);
        else if (error->http_status > 0 && !error->message)
                r = text_addf(&text, "HTTP status %d", error->http_status);
        if (r >= 0 && error->message)
                r = text_addf(&text, "%s%s", text.length > 0 ? ": " : "", error->message);
        if (r >= 0 && text.length == 0)
                r = text_add(&text, "no reason given");
        if (r >= 0 && error->request_id)
                r = text_addf(&text, " (request %s)", error->request_id);
        return r < 0 ? r : text_take(&text, ret);
}

typedef struct CodeClass {
        const char *code; /* ".Suffix", "Prefix*", or the whole */
        ApiErrorClass class;
} CodeClass;

/* The EC2 API reference's errors-overview.html, SSM's, and the retry tables of the SDKs. */
static const CodeClass classes[] = {
        { "DryRunOperation", API_ERROR_ALLOWED },
        { "RequestLimitExceeded", API_ERROR_THROTTLED },
        { "Throttl*", API_ERROR_THROTTLED },
        { "RequestThrottled*", API_ERROR_THROTTLED },
        { "TooManyRequestsException", API_ERROR_THROTTLED },
        { "SlowDown", API_ERROR_THROTTLED },
        { "BandwidthLimitExceeded", API_ERROR_THROTTLED },
        { "EC2ThrottledException", API_ERROR_THROTTLED },
        { "TooManyUpdates", API_ERROR_THROTTLED }, /* SSM: another update is under way */
        { "SnapshotCreationPerVolumeRateExceeded", API_ERROR_VOLUME_RATE },
        { "ConcurrentSnapshotLimitExceeded", API_ERROR_VOLUME_RATE },
        { "InternalError", API_ERROR_TRANSIENT },
        { "InternalFailure", API_ERROR_TRANSIENT },
        { "InternalServerError", API_ERROR_TRANSIENT },
        { "Unavailable", API_ERROR_TRANSIENT },
        { "ServiceUnavailable", API_ERROR_TRANSIENT },
        { "RequestTimeout", API_ERROR_TRANSIENT },
        { "RequestTimeoutException", API_ERROR_TRANSIENT },
        { "OperationAborted", API_ERROR_TRANSIENT }, /* S3: another one is under way */
        { "BadDigest", API_ERROR_TRANSIENT }, /* S3: it was changed on the way */
        { "XAmzContentSHA256Mismatch", API_ERROR_TRANSIENT },
        { "AuthFailure", API_ERROR_STALE },
        { "RequestExpired", API_ERROR_STALE },
        { "RequestTimeTooSkewed", API_ERROR_STALE },
        { "ExpiredToken", API_ERROR_STALE },
        { "ExpiredTokenException", API_ERROR_STALE },
        { "InvalidClientTokenId", API_ERROR_STALE },
        { "InvalidAccessKeyId", API_ERROR_STALE },
        { "UnrecognizedClientException", API_ERROR_STALE },
        /* Outside EC2 a clock that is wrong is told by these two. */
        { "SignatureDoesNotMatch", API_ERROR_STALE },
        { "InvalidSignatureException", API_ERROR_STALE },
        { ".NotFound", API_ERROR_NOT_FOUND },
        { ".NotFoundException", API_ERROR_NOT_FOUND }, /* EC2: of a launch template's name */
        { "ParameterNotFound", API_ERROR_NOT_FOUND },
        { "ParameterVersionNotFound", API_ERROR_NOT_FOUND },
        /* HTTP status 500, and nothing that goes on for moments only: whoever launches waits longer. */
        { "InsufficientInstanceCapacity", API_ERROR_FINAL },
};

static bool code_matches(const char *code, const char *pattern)
{
        size_t length = strlen(pattern);

        if (pattern[0] == '.')
                return endswith(code, pattern);
        if (pattern[length - 1] == '*')
                return strncmp(code, pattern, length - 1) == 0;
        return streq(code, pattern);
}

static ApiErrorClass classify_status(int status)
{
        if (status == 429)
                return API_ERROR_THROTTLED;
        if (status == 500 || status == 502 || status == 503 || status == 504)
                return API_ERROR_TRANSIENT;
        return API_ERROR_FINAL;
}

ApiErrorClass api_error_classify(const ApiError *error)
{
        for (size_t i = 0; error->code && i < ELEMENTSOF(classes); i++)
                if (code_matches(error->code, classes[i].code))
                        return classes[i].class;
        return classify_status(error->http_status);
}

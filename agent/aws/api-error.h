/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a service, or the way to it, said when a call did not work out; and what that means. */

#include <errno.h>

/* Filled by failing calls only; a member is NULL (0) if nothing was learnt. */
typedef struct ApiError {
        char *code; /* as the service names it: "InvalidSnapshot.NotFound" */
        char *message; /* for people; from the service, or about the connection */
        char *request_id;
        int http_status;
} ApiError;

#define API_ERROR_INIT ((ApiError){ 0 })

void api_error_done(ApiError *error);

/* Replaces the code and the message; either may be NULL. 0 or -ENOMEM. */
int api_error_set(ApiError *error, const char *code, const char *message);

/* "CODE: message (request ID)" with whatever is known, in fresh memory; 0 or -ENOMEM. */
int api_error_format(const ApiError *error, char **ret);

typedef enum ApiErrorClass {
        API_ERROR_FINAL, /* it will be the same the next time */
        API_ERROR_TRANSIENT, /* the service's own trouble: soon again */
        API_ERROR_THROTTLED, /* too many requests: again, more slowly */
        API_ERROR_VOLUME_RATE, /* too many snapshots of a volume: 15 s at least */
        API_ERROR_STALE, /* credentials or clock: once more with both fresh */
        API_ERROR_NOT_FOUND, /* absent, or so new that it is not seen everywhere yet */
        API_ERROR_ALLOWED, /* DryRunOperation: it would have been done */
        API_ERROR_CLASS_MAX,
        API_ERROR_CLASS_INVALID = -EINVAL,
} ApiErrorClass;

/* By code, and where there is none, by the HTTP status. */
ApiErrorClass api_error_classify(const ApiError *error);

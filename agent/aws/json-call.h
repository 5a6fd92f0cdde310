/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A call by the JSON 1.1 protocol: an object goes out, an object comes back. */

#include "aws/client.h"
#include "base/json.h"

typedef struct JsonCall {
        const char *target; /* of X-Amz-Target: "AmazonSSM.GetParameter" */
        const json_t *input;
        bool retries_not_found; /* what is asked for was just created */
} JsonCall;

/*
 * With retries, after a lost answer too: what it asks for may be done twice. 0 and the reply, an
 * AwsOutcome, or -ENOMEM, ...
 */
int json_call(AwsClient *client, const JsonCall *call, json_t **ret, ApiError *reterr);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SSM's Parameter Store: where those who launch look up which image is the current one. */

#include "aws/client.h"
#include "aws/tags.h"
#include "base/list.h"

#define SSM_SERVICE "ssm" /* of an AwsClientConfig */
#define SSM_DATA_TYPE_IMAGE "aws:ec2:image" /* SSM then takes only images that EC2 shows */

/* "The common outcomes" are the first six. */
typedef enum SsmOutcome {
        SSM_E_REFUSED = AWS_E_REFUSED,
        SSM_E_TIMEOUT = AWS_E_TIMEOUT,
        SSM_E_LOST = AWS_E_LOST,
        SSM_E_UNREACHABLE = AWS_E_UNREACHABLE,
        SSM_E_NO_CREDENTIALS = AWS_E_NO_CREDENTIALS,
        SSM_E_CANCELLED = AWS_E_CANCELLED,
        SSM_E_NOT_FOUND,
        SSM_E_NOT_TAKEN, /* put was answered, but the value never appeared: SSM found it wanting */
} SsmOutcome;

/* `name` may be "NAME:VERSION" too. 0 and the value, NOT_FOUND, or the common outcomes. */
int ssm_get_parameter(AwsClient *client, const char *name, char **ret_value, ApiError *reterr);

/*
 * All that a parameter of any type stands for, added to `values`: the texts of a StringList apart,
 * and a SecureString decrypted. For `name` and the outcomes see above; a key that may not be used
 * is REFUSED.
 */
int ssm_read_values(AwsClient *client, const char *name, StringList *values, ApiError *reterr);

typedef struct SsmParameter {
        const char *name; /* "/golden/web" */
        const char *value; /* the type is String */
        const char *data_type; /* SSM_DATA_TYPE_IMAGE, or NULL: "text" */
        const char *description; /* or NULL */
        const TagList *tags; /* for one that is created: SSM takes none with a new value; or NULL */
} SsmParameter;

/*
 * Writes only what is not so already, and comes back when SSM shows it: SSM looks at the image
 * behind its answer, and drops a value that it does not like without a word. That takes some
 * seconds; after 2.5 minutes it is NOT_TAKEN. 0, NOT_TAKEN and the common outcomes.
 */
int ssm_put_parameter(AwsClient *client, const SsmParameter *parameter, ApiError *reterr);

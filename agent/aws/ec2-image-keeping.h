/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How long an image is offered, and what keeps it from being deregistered. */

#include "aws/ec2.h"

/* At that moment (realtime), to the minute. 0, NOT_FOUND and the common outcomes. */
int ec2_deprecate_image(
        AwsClient *client, const char *id, uint64_t at_usec, ApiError *reterr);

/* With a cooldown it lasts for a day after it was taken off. Outcomes likewise. */
int ec2_protect_image(
        AwsClient *client, const char *id, bool with_cooldown, ApiError *reterr);

/* Takes that off. Where it was with a cooldown, EC2 refuses to deregister for a day all the same. */
int ec2_unprotect_image(AwsClient *client, const char *id, ApiError *reterr);

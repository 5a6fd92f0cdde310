/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How an instance is: its state, EC2's checks of it, and what it wrote to its console. */

#include "aws/ec2.h"

typedef enum Ec2Check {
        EC2_CHECK_PENDING, /* "initializing", "insufficient-data", "not-applicable", or not made */
        EC2_CHECK_OK,
        EC2_CHECK_IMPAIRED,
} Ec2Check;

typedef struct Ec2Health {
        char *state; /* "pending", "running", ... */
        Ec2Check system; /* of the machine that it runs on */
        Ec2Check instance; /* of what was booted */
} Ec2Health;

void ec2_health_done(Ec2Health *health);

/* Whatever its state. 0, NOT_FOUND (gone for an hour, or not visible yet), the common outcomes. */
int ec2_describe_health(AwsClient *client, const char *id, Ec2Health *ret, ApiError *reterr);

/* EC2 keeps the last 64 kB. */
#define EC2_CONSOLE_BYTES_MAX ((size_t)64 * 1024)

/*
 * The end of the console's text, EC2_CONSOLE_BYTES_MAX of it at most, in which a NUL is a blank; ""
 * while there is none. `latest`: as of now; only instances on Nitro can, others say unsupported.
 * 0, NOT_FOUND and the common outcomes.
 */
int ec2_get_console(AwsClient *client, const char *id, bool latest, char **ret, ApiError *reterr);
bool ec2_lacks_latest_console(const ApiError *error);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The instance metadata service, version 2 only: a session token first, then what is asked for. */

#include "base/cleanup.h"

typedef struct Imds Imds;

enum {
        IMDS_E_UNREACHABLE = 1, /* nobody, or no IMDSv2, answers: not an EC2 instance, or a hop
                                   limit too low for a container; decided within 3 seconds */
        IMDS_E_DISABLED, /* AWS_EC2_METADATA_DISABLED=true, or the instance's own setting (403) */
        IMDS_E_ABSENT, /* 404: this instance has no such thing (no role, for one) */
        IMDS_E_FAILED, /* it was there, and now answers errors or nothing */
};

/*
 * Reads AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6) and
 * AWS_EC2_METADATA_DISABLED. 0, -ENOMEM, or -EINVAL for an endpoint that is no http:// URL.
 */
int imds_new(Imds **ret);
Imds *imds_free(Imds *imds);
DEFINE_CLEANUP(Imds *, imds_free)

/*
 * What stands below /latest/, as text: "meta-data/instance-id". 0, an IMDS_E_ outcome, -EMSGSIZE
 * past IMDS_BODY_MAX, -EBADMSG for a NUL byte inside, or -ENOMEM.
 */
int imds_get(Imds *imds, const char *path, char **ret);
#define IMDS_BODY_MAX (64 * 1024)

/* Why the last imds_get() had a positive outcome, for people; "" if it had none. */
const char *imds_message(const Imds *imds);

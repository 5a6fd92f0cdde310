/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a service is: by region, or as the environment of the AWS SDKs says. */

#include <stdbool.h>

#include "base/cleanup.h"

typedef struct Endpoint {
        char *base; /* "https://ec2.eu-west-1.amazonaws.com", without a slash at the end */
        char *host; /* as the Host header has it: with the port unless it is the default */
        char *path; /* unencoded; "/" at least */
        bool is_tls;
} Endpoint;

void endpoint_done(Endpoint *endpoint);

/*
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or https://SERVICE.REGION.DOMAIN/; `domain` may be
 * NULL. 0, -ENOMEM, or -EINVAL with a message that names what is wrong.
 */
int endpoint_resolve(const char *service, const char *region, const char *domain, Endpoint *ret,
        char **reterr_message);

/* Any http:// or https:// URL without user, query and fragment: 0, -ENOMEM or -EINVAL. */
int endpoint_parse(const char *url, Endpoint *ret);

/* Puts "LABEL." before the host's name. 0 or -ENOMEM. */
int endpoint_add_label(Endpoint *endpoint, const char *label);

/* Whether the host is an IP address, before which no label can stand. */
bool endpoint_is_address(const Endpoint *endpoint);

/* The domain of a region's partition, for when the metadata service did not say. */
const char *endpoint_domain(const char *region);

/* The partition itself, "aws-cn" for "cn-north-1", likewise. */
const char *endpoint_partition(const char *region);

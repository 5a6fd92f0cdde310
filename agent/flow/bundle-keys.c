/* SPDX-License-Identifier: Apache-2.0 */
/* The section [Bundle] of a profile: how its values are read. */

#include "flow/bundle-keys.h"

#include "aws/s3.h"
#include "base/text.h"

#define PREFIX_MAX 512 /* of a key's 1024 bytes */

int bundle_parse_bucket(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value == '\0' || s3_bucket_name_is_valid(value))
                return config_parse_string(key, value, target, reterr);
        (void)string_printf(reterr,
                "must be the name of a bucket, without s3:// and without a path: "
                "3 to 63 lower-case letters, digits, dots and hyphens");
        return -EINVAL;
}

int bundle_parse_prefix(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (strlen(value) <= PREFIX_MAX && *value != '/')
                return config_parse_string(key, value, target, reterr);
        (void)string_printf(reterr,
                "must be what keys begin with, such as images/, of %d bytes at most, and without a "
                "slash before it",
                PREFIX_MAX);
        return -EINVAL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The section [Bundle] of a profile: how its values are read. */

#include "flow/bundle-keys.h"

#include "aws/s3.h"
#include "base/text.h"
#include "freeze/capture/protocol.h"

#define PREFIX_MAX 512 /* of a key's 1024 bytes */
#define PARTITION_MAX 32
#define PATTERNS_MAX (CAPTURE_RULES_MAX / 2)

void bundle_wish_done(BundleWish *wish)
{
        free(wish->certificate);
        free(wish->private_key);
        string_list_done(&wish->ec2_certificates);
        free(wish->file_system);
        free(wish->folder);
        string_list_done(&wish->include);
        string_list_done(&wish->exclude);
        *wish = (BundleWish){ 0 };
}

static bool is_said(const char *text)
{
        return text && *text;
}

bool bundle_wish_is_whole(const BundleWish *wish)
{
        return is_said(wish->certificate) && is_said(wish->private_key) &&
                wish->ec2_certificates.count > 0;
}

/* --- EC2's certificates ----------------------------------------------------------------------- */

const char *bundle_ec2_path(const char *entry)
{
        return strchr(entry, '/');
}

/* 0 for a certificate of every partition. */
static size_t partition_length(const char *entry)
{
        return *entry == '/' ? 0 : (size_t)(bundle_ec2_path(entry) - entry) - 1;
}

const char *bundle_find_ec2(const StringList *entries, const char *partition)
{
        const char *found = NULL;

        for (size_t i = 0; i < entries->count; i++) {
                const char *entry = entries->items[i];
                size_t length = partition_length(entry);

                if (length == 0)
                        found = entry;
                else if (partition && strlen(partition) == length &&
                        strncmp(entry, partition, length) == 0)
                        return entry;
        }
        return found;
}

static bool ec2_is_valid(const char *value)
{
        size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyz-");

        if (*value == '/')
                return true;
        return length > 0 && length <= PARTITION_MAX && value[length] == ':' &&
                value[length + 1] == '/';
}

static bool is_of_same_partition(const char *a, const char *b)
{
        size_t length = partition_length(a);

        return length == partition_length(b) && strncmp(a, b, length) == 0;
}

int bundle_parse_ec2(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        StringList *entries = target;

        if (*value == '\0') {
                string_list_done(entries);
                return 0;
        }
        if (!ec2_is_valid(value)) {
                (void)string_printf(reterr,
                        "must be an absolute path, or one behind the name of a partition, as in "
                        "aws-cn:/etc/quiesced/ec2-cn.pem");
                return -EINVAL;
        }
        for (size_t i = 0; i < entries->count; i++)
                if (is_of_same_partition(entries->items[i], value)) {
                        (void)string_printf(reterr,
                                "%s is there for the same partition: each has one certificate",
                                entries->items[i]);
                        return -EINVAL;
                }
        return string_list_add(entries, value);
}

/* --- How values are read ---------------------------------------------------------------------- */

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

int bundle_parse_path(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value == '\0' || *value == '/')
                return config_parse_string(key, value, target, reterr);
        (void)string_printf(reterr, "must be an absolute path");
        return -EINVAL;
}

int bundle_parse_secret(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value == '/' || (!strchr(value, '/') && *value != '.'))
                return config_parse_string(key, value, target, reterr);
        (void)string_printf(reterr,
                "must be an absolute path, or the name of a systemd credential (LoadCredential=)");
        return -EINVAL;
}

int bundle_add_pattern(StringList *patterns, const char *pattern, char **reterr)
{
        if (*pattern == '\0' || strlen(pattern) >= CAPTURE_PATTERN_MAX) {
                (void)string_printf(reterr, "a pattern has 1 to %d bytes", CAPTURE_PATTERN_MAX - 1);
                return -EINVAL;
        }
        if (patterns->count >= PATTERNS_MAX) {
                (void)string_printf(reterr, "more than %d patterns", PATTERNS_MAX);
                return -EINVAL;
        }
        return string_list_add(patterns, pattern);
}

int bundle_parse_pattern(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value != '\0')
                return bundle_add_pattern(target, value, reterr);
        string_list_done(target);
        return 0;
}

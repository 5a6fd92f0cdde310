/* SPDX-License-Identifier: Apache-2.0 */
/* The section [Verify] of quiesced.conf(5): which instance proves an image, and by what. */

#include "flow/verify-keys.h"

#include "base/clock.h"
#include "base/text.h"

/* EC2 API Reference, RunInstances: groups of one network interface, unless the quota was raised. */
#define GROUPS_MAX 16
/* IAM API Reference, InstanceProfile. */
#define PROFILE_BYTES_MAX 128
#define TYPE_BYTES_MAX 64

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char *const verify_wait_names[] = { "status", "marker", NULL };

const ConfigRange verify_timeout_range = { USEC_PER_SEC, VERIFY_TIMEOUT_MAX_USEC };

void verify_settings_init(VerifySettings *settings)
{
        /* EC2 makes its checks within some minutes of a boot, and a boot may take some. */
        *settings = (VerifySettings){ .timeout_usec = 900 * USEC_PER_SEC };
}

void verify_settings_done(VerifySettings *settings)
{
        free(settings->instance_type);
        free(settings->subnet_id);
        free(settings->instance_profile);
        string_list_done(&settings->security_groups);
        *settings = (VerifySettings){ 0 };
}

static bool is_made_of(const char *value, const char *accepted, size_t most)
{
        size_t length = strlen(value);

        return length > 0 && length <= most && value[strspn(value, accepted)] == '\0';
}

static bool is_id(const char *value, const char *prefix)
{
        const char *rest = startswith(value, prefix);

        return rest && is_made_of(rest, DIGITS "abcdef", 17) && strlen(rest) >= 8;
}

int verify_parse_type(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        const char *dot = strchr(value, '.');

        if (!dot || dot == value || !dot[1] ||
                !is_made_of(value, LOWER DIGITS ".-", TYPE_BYTES_MAX)) {
                (void)string_printf(reterr, "must be an instance type, as m7i.large");
                return -EINVAL;
        }
        return config_parse_string(key, value, target, reterr);
}

int verify_parse_subnet(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (!is_id(value, "subnet-")) {
                (void)string_printf(reterr, "must be a subnet's id, as subnet-0123456789abcdef0");
                return -EINVAL;
        }
        return config_parse_string(key, value, target, reterr);
}

int verify_parse_profile(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        bool is_arn = startswith(value, "arn:") && strstr(value, ":instance-profile/");

        if (!is_arn && !is_made_of(value, LOWER UPPER DIGITS "+=,.@_-", PROFILE_BYTES_MAX)) {
                (void)string_printf(
                        reterr, "must be the name or the ARN of an IAM instance profile");
                return -EINVAL;
        }
        return config_parse_string(key, value, target, reterr);
}

int verify_parse_groups(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        StringList *groups = target;
        int r = config_parse_words(key, value, target, reterr);

        if (r < 0)
                return r;
        for (size_t i = 0; i < groups->count; i++) {
                if (i < GROUPS_MAX && is_id(groups->items[i], "sg-"))
                        continue;
                (void)string_printf(reterr,
                        "must be ids of security groups, %d at most, as sg-0123456789abcdef0",
                        GROUPS_MAX);
                return -EINVAL;
        }
        return 0;
}

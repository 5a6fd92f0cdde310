/* SPDX-License-Identifier: Apache-2.0 */
/* [Retain] of a quiesced.profile(5): of what, and for how long, something is kept. */

#include "flow/retention.h"

#include "base/clock.h"
#include "base/text.h"
#include "flow/zone.h"

/* EC2 User Guide, "Tag restrictions". */
#define TAG_KEY_MAX 127
#define TAG_VALUE_MAX 256

const char *const retention_per_names[] = { "instance", "selection", NULL };

const ConfigRange retention_count_range = { 0, 1000000 };

/* A number without a unit counts seconds, and MaxAge=30 would leave next to nothing. */
const ConfigRange retention_max_age_range = { 3600 * USEC_PER_SEC,
        UINT64_C(36500) * 86400 * USEC_PER_SEC };

/* What removal and guards know by these names. */
static const char *const guard_names[] = { "launch-template", "auto-scaling", "verification",
        "shared", "locked", "protected", "published", NULL };

void retention_done(Retention *retention)
{
        free(retention->time_zone);
        free(retention->select);
        string_list_done(&retention->override);
        *retention = (Retention){ 0 };
}

bool retention_follows_bake(const Retention *retention)
{
        bool wanted = retention->after_bake < 0 ? !retention->select : retention->after_bake > 0;

        return wanted && retain_policy_is_set(&retention->policy);
}

int retention_parse_zone(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        int r = zone_check(value);

        if (r == -ENOENT) {
                (void)string_printf(reterr,
                        "no time zone of this host: use a name such as UTC or Europe/Berlin, and "
                        "see "
                        "that tzdata is installed");
                return -EINVAL;
        }
        return r < 0 ? r : config_parse_string(key, value, target, reterr);
}

int retention_parse_select(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        size_t key_length = strcspn(value, "=");
        char **select = target;

        if (*value == '\0') {
                free(*select);
                *select = NULL;
                return 0;
        }
        if (key_length == 0 || key_length > TAG_KEY_MAX || value[key_length] == '\0' ||
                strlen(value + key_length + 1) > TAG_VALUE_MAX) {
                (void)string_printf(reterr,
                        "must be a tag as KEY=VALUE, with a key of 1 to %d characters and a value "
                        "of "
                        "up to %d",
                        TAG_KEY_MAX, TAG_VALUE_MAX);
                return -EINVAL;
        }
        return string_replace(select, value);
}

int retention_parse_after_bake(
        const ConfigKey *key, const char *value, void *target, char **reterr)
{
        bool wanted;
        int r = config_parse_boolean(key, value, &wanted, reterr);

        if (r >= 0)
                *(int *)target = wanted;
        return r;
}

static bool is_guard(const char *word)
{
        for (size_t i = 0; guard_names[i]; i++)
                if (streq(guard_names[i], word))
                        return true;
        return false;
}

int retention_parse_override(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        StringList *words = target;
        int r = config_parse_words(key, value, words, reterr);

        for (size_t i = 0; r >= 0 && i < words->count; i++) {
                if (is_guard(words->items[i]))
                        continue;
                (void)string_printf(reterr,
                        "'%s' is none of launch-template, auto-scaling, verification, shared, "
                        "locked, "
                        "protected, published",
                        words->items[i]);
                return -EINVAL;
        }
        return r;
}

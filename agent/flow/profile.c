/* SPDX-License-Identifier: Apache-2.0 */
/* What one bake shall be: a quiesced.profile(5), with the options of a call laid over it. */

#include "flow/profile.h"

#include <dirent.h>

#include "base/config.h"
#include "base/text.h"
#include "flow/bundle-keys.h"
#include "flow/publish-keys.h"

/* 50 tags on a resource, less our own: EC2 User Guide, "Tag restrictions". */
#define TAGS_MAX 35
#define TAG_KEY_MAX 127
#define TAG_VALUE_MAX 256
#define DESCRIPTION_MAX 255 /* EC2 API Reference, CreateImage */
#define SELECTIONS_MAX 256

const char *const bake_type_names[] = { "image", "snapshots", NULL };
const char *const method_names[] = { "auto", "register", "create-image", "reboot", "bundle",
        NULL };
const char *const consistency_names[] = { "application", "filesystem", "crash", NULL };
const char *const on_degrade_names[] = { "fail", "label", NULL };
const char *const on_uncovered_names[] = { "list", "fail", NULL };
const char *const verification_names[] = { "no", "launch", NULL };

static const ConfigRange budget_range = { FREEZE_BUDGET_USEC_MIN, FREEZE_BUDGET_USEC_MAX };

/* aws: is Amazon's own prefix; quiesced: is ours, and retention trusts it. */
static int check_tag(const char *pair, char **reterr)
{
        const char *equals = strchr(pair, '=');
        size_t key_length = equals ? (size_t)(equals - pair) : 0;

        if (key_length == 0 || key_length > TAG_KEY_MAX)
                return string_printf(reterr, "must be KEY=VALUE with a key of 1 to %d characters",
                        TAG_KEY_MAX);
        if (strlen(equals + 1) > TAG_VALUE_MAX)
                return string_printf(reterr, "the value is longer than %d characters", TAG_VALUE_MAX);
        if (strncasecmp(pair, "aws:", 4) == 0 || startswith(pair, "quiesced:"))
                return string_printf(reterr, "keys that begin with aws: or quiesced: are reserved");
        return 0;
}

/* The index of a tag with the same key as `pair`, or the count. */
static size_t find_tag(const StringList *tags, const char *pair)
{
        size_t key_length = strcspn(pair, "=") + 1, i;

        for (i = 0; i < tags->count; i++)
                if (strncmp(tags->items[i], pair, key_length) == 0)
                        break;
        return i;
}

static int add_tag(StringList *tags, const char *pair, char **reterr)
{
        size_t i;

        if (check_tag(pair, reterr) < 0 || *reterr)
                return -EINVAL;
        i = find_tag(tags, pair);
        if (i < tags->count)
                return string_replace(&tags->items[i], pair);
        if (tags->count >= TAGS_MAX) {
                (void)string_printf(reterr, "more than %d tags", TAGS_MAX);
                return -EINVAL;
        }
        return string_list_add(tags, pair);
}

static int parse_tag(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return add_tag(target, value, reterr);
}

static int parse_description(
        const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (strlen(value) > DESCRIPTION_MAX) {
                (void)string_printf(reterr, "is longer than %d bytes; shorten it", DESCRIPTION_MAX);
                return -EINVAL;
        }
        return config_parse_string(key, value, target, reterr);
}

/* Of a key in [Retain]: a count, or another member. */
#define RETAIN_COUNT(rule)                                                                         \
        config_parse_u64, offsetof(Profile, retention.policy.keep[rule]), &retention_count_range
#define RETAIN(member) offsetof(Profile, retention.member)
#define BUNDLE(member) offsetof(Profile, bundle.member)

static const ConfigKey keys[] = {
        { "Bake", "Type", config_parse_enum, offsetof(Profile, type), bake_type_names },
        { "Bake", "Name", config_parse_string, offsetof(Profile, image_name), NULL },
        { "Bake", "Description", parse_description, offsetof(Profile, description), NULL },
        { "Bake", "Method", config_parse_enum, offsetof(Profile, method), method_names },
        { "Bake", "Consistency", config_parse_enum, offsetof(Profile, consistency),
                consistency_names },
        { "Bake", "OnDegrade", config_parse_enum, offsetof(Profile, on_degrade), on_degrade_names },
        { "Bake", "OnUncovered", config_parse_enum, offsetof(Profile, on_uncovered),
                on_uncovered_names },
        { "Bake", "Verify", config_parse_enum, offsetof(Profile, verify), verification_names },
        { "Bake", "Volumes", config_parse_words, offsetof(Profile, volumes), NULL, true },
        { "Bake", "Exclude", config_parse_words, offsetof(Profile, exclude), NULL, true },
        { "Bake", "FreezeBudgetSec", config_parse_usec, offsetof(Profile, budget_usec),
                &budget_range },
        { "Tags", "*", parse_tag, offsetof(Profile, tags), NULL },
        { "Publish", "SsmParameter", publish_parse_parameter, offsetof(Profile, ssm_parameter),
                NULL },
        { "Publish", "ShareWith", publish_parse_shares, offsetof(Profile, share_with), NULL, true },
        { "Publish", "CopyTo", publish_parse_copies, offsetof(Profile, copy_to), NULL, true },
        { "Publish", "FastRestore", publish_parse_zones, offsetof(Profile, fast_restore), NULL,
                true },
        { "Publish", "DeprecateAfter", config_parse_usec, offsetof(Profile, deprecate_after_usec),
                &publish_deprecate_range },
        { "Publish", "DeregistrationProtection", config_parse_enum, offsetof(Profile, protection),
                protection_names },
        { "Publish", "Lock", publish_parse_lock, offsetof(Profile, lock), NULL },
        { "Publish", "ArchiveSnapshots", config_parse_boolean, offsetof(Profile, archive), NULL },
        { "Bundle", "Bucket", bundle_parse_bucket, offsetof(Profile, bucket), NULL },
        { "Bundle", "Prefix", bundle_parse_prefix, offsetof(Profile, bucket_prefix), NULL },
        { "Bundle", "Certificate", bundle_parse_path, BUNDLE(certificate), NULL },
        { "Bundle", "PrivateKey", bundle_parse_secret, BUNDLE(private_key), NULL },
        { "Bundle", "Ec2Certificate", bundle_parse_ec2, BUNDLE(ec2_certificates), NULL, true },
        { "Bundle", "FileSystem", bundle_parse_path, BUNDLE(file_system), NULL },
        { "Bundle", "StagingFolder", bundle_parse_path, BUNDLE(folder), NULL },
        { "Bundle", "Scrub", config_parse_boolean, BUNDLE(scrub), NULL },
        { "Bundle", "Include", bundle_parse_pattern, BUNDLE(include), NULL, true },
        { "Bundle", "Exclude", bundle_parse_pattern, BUNDLE(exclude), NULL, true },
        { "Bundle", "ResetMachineId", config_parse_boolean, BUNDLE(reset_machine_id), NULL },
        { "Bundle", "ResetLeases", config_parse_boolean, BUNDLE(reset_leases), NULL },
        { "Retain", "KeepLast", RETAIN_COUNT(RETAIN_KEEP_LAST) },
        { "Retain", "KeepHourly", RETAIN_COUNT(RETAIN_KEEP_HOURLY) },
        { "Retain", "KeepDaily", RETAIN_COUNT(RETAIN_KEEP_DAILY) },
        { "Retain", "KeepWeekly", RETAIN_COUNT(RETAIN_KEEP_WEEKLY) },
        { "Retain", "KeepMonthly", RETAIN_COUNT(RETAIN_KEEP_MONTHLY) },
        { "Retain", "KeepYearly", RETAIN_COUNT(RETAIN_KEEP_YEARLY) },
        { "Retain", "KeepVerified", RETAIN_COUNT(RETAIN_KEEP_VERIFIED) },
        { "Retain", "KeepAtLeast", config_parse_u64, RETAIN(policy.keep_at_least),
                &retention_count_range },
        { "Retain", "MaxAge", config_parse_usec, RETAIN(policy.max_age_usec),
                &retention_max_age_range },
        { "Retain", "MinAge", config_parse_usec, RETAIN(policy.min_age_usec), NULL },
        { "Retain", "TimeZone", retention_parse_zone, RETAIN(time_zone), NULL },
        { "Retain", "Select", retention_parse_select, RETAIN(select), NULL },
        { "Retain", "Per", config_parse_enum, RETAIN(per), retention_per_names },
        { "Retain", "AfterBake", retention_parse_after_bake, RETAIN(after_bake), NULL },
        { "Retain", "Override", retention_parse_override, RETAIN(override), NULL, true },
};

void profile_done(Profile *profile)
{
        free(profile->name);
        free(profile->image_name);
        free(profile->description);
        string_list_done(&profile->volumes);
        string_list_done(&profile->exclude);
        string_list_done(&profile->tags);
        free(profile->ssm_parameter);
        string_list_done(&profile->share_with);
        string_list_done(&profile->copy_to);
        string_list_done(&profile->fast_restore);
        retention_done(&profile->retention);
        free(profile->bucket);
        free(profile->bucket_prefix);
        bundle_wish_done(&profile->bundle);
        *profile = (Profile){ 0 };
}

int profile_list_names(const Settings *settings, StringList *ret)
{
        _cleanup_(closedirp) DIR *folder = opendir(settings->profile_folder);
        struct dirent *entry;
        int r = 0;

        while (r >= 0 && folder && (entry = readdir(folder))) {
                const char *suffix = endswith(entry->d_name, ".conf");

                if (!suffix || entry->d_name[0] == '.')
                        continue;
                entry->d_name[suffix - entry->d_name] = '\0';
                r = string_list_add(ret, entry->d_name);
        }
        string_list_sort(ret);
        return r;
}

/* A profile's name is a file's name and never a path. */
static bool name_is_valid(const char *name)
{
        return *name && *name != '.' && strlen(name) <= PROFILE_NAME_MAX &&
                name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.@")] == '\0';
}

/* What no single line is to blame for, as long as it stands alone. */
static int check_profile(const Profile *profile, const char *path, Failure *reterr_failure)
{
        _cleanup_(freep) char *reason = NULL;
        const char *key = NULL;
        int r = publish_check(profile, &key, &reason);

        if (r >= 0 && profile->verify != VERIFICATION_NO && profile->type != BAKE_IMAGE)
                return failure_set(reterr_failure, FAILURE_CONFIG_INVALID, -EINVAL,
                        "%s:%d: Verify=: takes an image: say Type=image, or leave it out", path,
                        config_find_line(path, "Bake", "Verify"));
        if (r >= 0)
                return 0;
        return failure_set(reterr_failure, FAILURE_CONFIG_INVALID, r, "%s:%d: %s=: %s", path,
                config_find_line(path, "Publish", key), key, reason ? reason : strerror(-r));
}

static int read_profile(const Settings *settings, const char *name, Profile *profile,
        Failure *reterr_failure)
{
        _cleanup_(freep) char *path = NULL, *message = NULL;
        int r;

        if (!name_is_valid(name))
                return failure_set(reterr_failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "'%s' is no profile name: use letters, digits, '-', '_', '.' and '@'", name);
        if (string_printf(&path, "%s/%s.conf", settings->profile_folder, name) < 0 ||
                string_replace(&profile->name, name) < 0)
                return failure_set(reterr_failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = config_read_file(path, keys, ELEMENTSOF(keys), profile, &message);
        if (r == -ENOENT)
                return failure_set(reterr_failure, FAILURE_NO_SUCH_PROFILE, r,
                        "There is no profile '%s': create %s, see quiesced.profile(5)", name, path);
        if (r < 0)
                return failure_set(
                        reterr_failure, FAILURE_CONFIG_INVALID, r, "%s", message ? message : path);
        return check_profile(profile, path, reterr_failure);
}

int profile_load(const Settings *settings, const char *name, Profile *ret, Failure *reterr_failure)
{
        _cleanup_(profile_done) Profile profile = {
                .consistency = CONSISTENCY_FILESYSTEM,
                .budget_usec = settings->freeze_budget_usec,
                .retention = RETENTION_DEFAULT,
                .bundle = BUNDLE_WISH_DEFAULT,
        };
        int r;

        if (name) {
                r = read_profile(settings, name, &profile, reterr_failure);
                if (r < 0)
                        return r;
        }
        *ret = profile;
        profile = (Profile){ 0 };
        return 0;
}

/* An option is a configuration key that came by the bus: the same parsers read it. */
static int apply_text(Profile *profile, const char *config_key, const char *value, char **reterr)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].key, config_key))
                        return keys[i].parse(
                                &keys[i], value, (char *)profile + keys[i].offset, reterr);
        return -ENOENT;
}

static int apply_list(StringList *list, const json_t *values, char **reterr)
{
        size_t i;
        json_t *value;

        if (json_array_size(values) > SELECTIONS_MAX)
                return string_printf(reterr, "more than %d entries", SELECTIONS_MAX) < 0 ? -ENOMEM :
                                                                                           -EINVAL;
        string_list_done(list);
        json_array_foreach(values, i, value) {
                if (!json_is_string(value))
                        return -EINVAL;
                if (string_list_add(list, json_string_value(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Added to those of the profile. */
static int apply_patterns(StringList *patterns, const json_t *values, char **reterr)
{
        size_t i;
        json_t *value;

        json_array_foreach(values, i, value) {
                int r = json_is_string(value) ?
                        bundle_add_pattern(patterns, json_string_value(value), reterr) :
                        -EINVAL;
                if (r < 0)
                        return r;
        }
        return json_is_array(values) ? 0 : -EINVAL;
}

static int apply_tags(Profile *profile, json_t *tags, char **reterr)
{
        const char *tag;
        json_t *value;

        json_object_foreach(tags, tag, value) {
                _cleanup_(freep) char *pair = NULL;
                int r;

                if (!json_is_string(value))
                        return -EINVAL;
                if (strchr(tag, '=')) {
                        (void)string_printf(reterr, "the key '%s' must not have a '='", tag);
                        return -EINVAL;
                }
                if (string_printf(&pair, "%s=%s", tag, json_string_value(value)) < 0)
                        return -ENOMEM;
                r = add_tag(&profile->tags, pair, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int apply_budget(Profile *profile, const json_t *value, char **reterr)
{
        uint64_t usec = json_is_integer(value) ? (uint64_t)json_integer_value(value) : 0;

        if (usec < FREEZE_BUDGET_USEC_MIN || usec > FREEZE_BUDGET_USEC_MAX) {
                (void)string_printf(reterr, "must be from 1s to 30s, in microseconds");
                return -EINVAL;
        }
        profile->budget_usec = usec;
        return 0;
}

static int apply_option(Profile *profile, const char *option, json_t *value, char **reterr)
{
        static const struct {
                const char *option, *config_key;
        } texts[] = {
                { "method", "Method" },
                { "consistency", "Consistency" },
                { "on-degrade", "OnDegrade" },
                { "description", "Description" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(texts[i].option, option))
                        return json_is_string(value) ?
                                apply_text(profile, texts[i].config_key, json_string_value(value),
                                        reterr) :
                                -EINVAL;
        if (streq(option, "volumes"))
                return apply_list(&profile->volumes, value, reterr);
        if (streq(option, "exclude"))
                return apply_list(&profile->exclude, value, reterr);
        if (streq(option, "tags"))
                return apply_tags(profile, value, reterr);
        if (streq(option, "scrub-include"))
                return apply_patterns(&profile->bundle.include, value, reterr);
        if (streq(option, "scrub-exclude"))
                return apply_patterns(&profile->bundle.exclude, value, reterr);
        if (streq(option, "budget-usec"))
                return apply_budget(profile, value, reterr);
        if (streq(option, "no-freeze")) {
                profile->no_freeze = json_is_true(value);
                return json_is_boolean(value) ? 0 : -EINVAL;
        }
        if (streq(option, "no-scrub")) {
                profile->bundle.scrub = profile->bundle.scrub && !json_is_true(value);
                return json_is_boolean(value) ? 0 : -EINVAL;
        }
        return -ENOENT;
}

int profile_apply(Profile *profile, const json_t *options, Failure *reterr_failure)
{
        const char *option;
        json_t *value;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)options, option, value) {
                _cleanup_(freep) char *reason = NULL;
                int r = apply_option(profile, option, value, &reason);

                if (r == -ENOENT)
                        return failure_set(reterr_failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                                "Unknown option '%s'", option);
                if (r < 0)
                        return failure_set(reterr_failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                                "Option '%s': %s", option, reason ? reason : "has the wrong type");
        }
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The section [Publish] of a profile: how its values are read, and what does not go together. */

#include "flow/publish-keys.h"

#include <regex.h>

#include "base/clock.h"
#include "base/text.h"

#define DAY_USEC (24 * UINT64_C(3600) * USEC_PER_SEC)

/*
 * Systems Manager User Guide, "Requirements and constraints for parameter names": 1011 characters
 * with the parameter's ARN before it, and 15 levels.
 */
#define PARAMETER_MAX 950
#define PARAMETER_LEVELS_MAX 15

#define SHARES_MAX 200
#define COPIES_MAX 40
#define ZONES_MAX 40
#define LOCK_DAYS_MAX 36500 /* EC2 API Reference, LockSnapshot: 100 years */

#define ID_ACCOUNT "[0-9]{12}"
#define ID_ORGANIZATION "o-[a-z0-9]{10,32}"
#define ID_UNIT "ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}"
#define ARN_ORGANIZATIONS "arn:aws[a-z-]*:organizations::" ID_ACCOUNT ":"
#define ID_REGION "[a-z]{2,}(-[a-z]+)+-[0-9]+"
#define ID_KEY "(mrk-)?[0-9a-f-]{32,36}"
#define ID_ALIAS "alias/[A-Za-z0-9/_-]{1,250}"

const char *const protection_names[] = { "no", "yes", "cooldown", NULL };
const char *const lock_mode_names[] = { "no", "governance", "compliance", NULL };

/* EC2 API Reference, EnableImageDeprecation: ten years at most, and whole minutes. */
const ConfigRange publish_deprecate_range = { 3600 * USEC_PER_SEC, 3650 * DAY_USEC };

/* The whole of `text`. */
static bool matches(const char *text, const char *pattern)
{
        _cleanup_(freep) char *whole = NULL;
        regex_t expression;
        bool fits;

        if (string_printf(&whole, "^(%s)$", pattern) < 0 ||
                regcomp(&expression, whole, REG_EXTENDED | REG_NOSUB) != 0)
                return false;
        fits = regexec(&expression, text, 0, NULL, 0) == 0;
        regfree(&expression);
        return fits;
}

static int refuse(char **reterr, const char *format, ...) _printf_(2, 3);

static int refuse(char **reterr, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(reterr, format, arguments) < 0)
                *reterr = NULL;
        va_end(arguments);
        return -EINVAL;
}

/* --- Values ----------------------------------------------------------------------------------- */

static size_t count_levels(const char *path)
{
        size_t n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

int publish_parse_parameter(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (!matches(value, "(/[A-Za-z0-9_.-]+)+"))
                return refuse(reterr,
                        "must be a path such as /golden/web, of letters, digits and . - _");
        if (strncasecmp(value, "/aws", 4) == 0 || strncasecmp(value, "/ssm", 4) == 0)
                return refuse(
                        reterr, "must not begin with /aws or /ssm, which AWS keeps for itself");
        if (strlen(value) > PARAMETER_MAX || count_levels(value) > PARAMETER_LEVELS_MAX)
                return refuse(reterr, "must not have more than %d levels and %d characters",
                        PARAMETER_LEVELS_MAX, PARAMETER_MAX);
        return string_replace(target, value);
}

/* Reads words, each of which `check` takes or refuses, into a StringList without doubles. */
static int parse_words(const char *value, StringList *target, size_t most,
        int (*check)(const StringList *before, const char *word, char **reterr), char **reterr)
{
        _cleanup_(string_list_done) StringList words = STRING_LIST_INIT;
        int r;

        if (*value == '\0')
                string_list_done(target);
        r = string_list_split(&words, value, " \t");
        for (size_t i = 0; r >= 0 && i < words.count; i++) {
                if (string_list_contains(target, words.items[i]))
                        continue;
                if (target->count >= most)
                        return refuse(reterr, "more than %zu entries", most);
                r = check(target, words.items[i], reterr);
                if (r >= 0)
                        r = string_list_add(target, words.items[i]);
        }
        return r;
}

static int check_share(const StringList *before, const char *word, char **reterr)
{
        if (matches(word, ID_ACCOUNT "|" ARN_ORGANIZATIONS "organization/" ID_ORGANIZATION "|"
                          ARN_ORGANIZATIONS "ou/" ID_ORGANIZATION "/" ID_UNIT))
                return 0;
        return refuse(reterr,
                "'%s' is neither an account of 12 digits nor the ARN of an organization or an "
                "organizational unit", word);
}

int publish_parse_shares(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return parse_words(value, target, SHARES_MAX, check_share, reterr);
}

/* The ARN of a key says in which region it is, and a copy can only be encrypted with one there. */
static bool is_key_of_region(const char *text, const char *region)
{
        _cleanup_(freep) char *pattern = NULL;

        if (matches(text, ID_KEY "|" ID_ALIAS))
                return true;
        return string_printf(&pattern,
                       "arn:aws[a-z-]*:kms:%s:" ID_ACCOUNT ":(key/" ID_KEY "|" ID_ALIAS ")",
                       region) >= 0 &&
                matches(text, pattern);
}

static int check_copy(const StringList *before, const char *word, char **reterr)
{
        size_t length = strcspn(word, ":");
        _cleanup_(freep) char *region = strndup(word, length);

        if (!region)
                return -ENOMEM;
        if (!matches(region, ID_REGION))
                return refuse(reterr,
                        "'%s' is no region: write REGION or REGION:KEY, as in us-east-1", region);
        for (size_t i = 0; i < before->count; i++)
                if (strcspn(before->items[i], ":") == length &&
                        strncmp(before->items[i], word, length) == 0)
                        return refuse(reterr, "%s is named twice; keep one", region);
        if (word[length] == ':' && !is_key_of_region(word + length + 1, region))
                return refuse(reterr,
                        "'%s' is no key of KMS in %s: write its id, its ARN, or alias/NAME",
                        word + length + 1, region);
        return 0;
}

int publish_parse_copies(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return parse_words(value, target, COPIES_MAX, check_copy, reterr);
}

static int check_zone(const StringList *before, const char *word, char **reterr)
{
        if (matches(word, ID_REGION "(-[a-z]+-[0-9]+)?[a-z]"))
                return 0;
        return refuse(reterr, "'%s' is no availability zone, as eu-central-1a is one", word);
}

int publish_parse_zones(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return parse_words(value, target, ZONES_MAX, check_zone, reterr);
}

int publish_parse_lock(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        size_t length = strcspn(value, " \t");
        const char *span = value + length + strspn(value + length, " \t");
        ProfileLock *lock = target;
        uint64_t usec;

        for (int mode = LOCK_GOVERNANCE; mode < LOCK_MODE_MAX; mode++) {
                if (strlen(lock_mode_names[mode]) != length ||
                        strncmp(lock_mode_names[mode], value, length) != 0)
                        continue;
                if (parse_usec(span, &usec) < 0 || usec == 0 || usec % DAY_USEC != 0 ||
                        usec / DAY_USEC > LOCK_DAYS_MAX)
                        break;
                *lock = (ProfileLock){ .mode = mode, .days = (unsigned)(usec / DAY_USEC) };
                return 0;
        }
        return refuse(reterr,
                "must be governance or compliance and a number of days, as in 'governance 7d'");
}

/* --- What does not go together ---------------------------------------------------------------- */

static bool shares_with_organization(const Profile *profile)
{
        for (size_t i = 0; i < profile->share_with.count; i++)
                if (startswith(profile->share_with.items[i], "arn:"))
                        return true;
        return false;
}

typedef struct Rule {
        bool is_wrong;
        const char *key, *reason;
} Rule;

static int apply_rules(
        const Rule *rules, size_t n_rules, const char **reterr_key, char **reterr_reason)
{
        for (size_t i = 0; i < n_rules; i++) {
                if (!rules[i].is_wrong)
                        continue;
                *reterr_key = rules[i].key;
                return refuse(reterr_reason, "%s", rules[i].reason);
        }
        return 0;
}

/* EC2 User Guide, "How Amazon EC2 AMI copy works": it makes a bucket for the copies in each region,
 * and leaves what lies in there when a copy is deregistered. */
int publish_check_bundle(const Profile *profile, const char **reterr_key, char **reterr_reason)
{
        static const char *const snapshots_only =
                "is for snapshots, and a bundle has none: remove it";
        const Rule rules[] = {
                { profile->copy_to.count > 0, "CopyTo",
                        "EC2 would copy a bundle into a bucket that it makes itself, and that "
                        "nobody tidies: remove it, and bundle in each region" },
                { profile->fast_restore.count > 0, "FastRestore", snapshots_only },
                { profile->lock.mode != LOCK_NO, "Lock", snapshots_only },
        };

        return apply_rules(rules, ELEMENTSOF(rules), reterr_key, reterr_reason);
}

int publish_check(const Profile *profile, const char **reterr_key, char **reterr_reason)
{
        static const char *const image_only = "is for images: remove it, or say Type=image";
        bool sets = profile->type == BAKE_SNAPSHOTS;
        const Rule rules[] = {
                { sets && profile->ssm_parameter, "SsmParameter", image_only },
                { sets && profile->copy_to.count > 0, "CopyTo", image_only },
                { sets && profile->deprecate_after_usec > 0, "DeprecateAfter", image_only },
                { sets && profile->protection != PROTECTION_NO, "DeregistrationProtection",
                        image_only },
                { sets && shares_with_organization(profile), "ShareWith",
                        "EBS shares snapshots with accounts alone: name the organization's" },
                { !sets && profile->archive, "ArchiveSnapshots",
                        "EBS does not archive snapshots that an image uses: remove it, or say "
                        "Type=snapshots" },
                { profile->archive && profile->fast_restore.count > 0, "ArchiveSnapshots",
                        "what is archived cannot be restored fast: remove this or FastRestore=" },
                { profile->archive && profile->share_with.count > 0, "ArchiveSnapshots",
                        "whom an archived snapshot is shared with cannot use it: remove this or "
                        "ShareWith=" },
        };

        return apply_rules(rules, ELEMENTSOF(rules), reterr_key, reterr_reason);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options: getopt_long(3) reads from it, and so does --help. */

#include "cli/arguments.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/verb.h"

/* Limits of EC2's tags: docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html */
#define TAG_KEY_MAX 127
#define TAG_VALUE_MAX 255

#define PATTERN_MAX 1023 /* freeze/capture/protocol.h */

#define PREFIX_MAX 512 /* flow/bundle-keys.c */
#define ACCOUNT_DIGITS 12

#define BUDGET_LEAST_USEC (1 * USEC_PER_SEC)
#define BUDGET_MOST_USEC (30 * USEC_PER_SEC)

typedef struct Option Option;

/* 0, -ENOMEM, or -EINVAL: then *reterr_reason says what the value must be. */
typedef int (*OptionParse)(
        const Option *option, const char *value, void *target, char **reterr_reason);

struct Option {
        const char *name;
        const char *value; /* NULL for a flag */
        const char *help;
        OptionParse parse; /* NULL for a flag */
        size_t offset;
        const char *const *names; /* the values that it takes, if they are few */
        char letter;
};

static int must(char **reterr_reason, const char *reason)
{
        return string_printf(reterr_reason, "%s", reason) < 0 ? -ENOMEM : -EINVAL;
}

/* That of the values which the option takes; -EINVAL and the reason if it is none of them. */
static int find_name(
        const Option *option, const char *value, const char **ret, char **reterr_reason)
{
        _cleanup_(text_done) Text reason = TEXT_INIT;
        const char *before = "must be one of ";

        for (size_t i = 0; option->names[i]; i++)
                if (streq(option->names[i], value)) {
                        *ret = option->names[i];
                        return 0;
                }
        for (size_t i = 0; option->names[i]; i++, before = ", ")
                if (text_addf(&reason, "%s%s", before, option->names[i]) < 0)
                        return -ENOMEM;
        return text_take(&reason, reterr_reason) < 0 ? -ENOMEM : -EINVAL;
}

static int parse_name(const Option *option, const char *value, void *target, char **reterr_reason)
{
        return find_name(option, value, target, reterr_reason);
}

static int parse_names(const Option *option, const char *value, void *target, char **reterr_reason)
{
        const char *name;
        int r = find_name(option, value, &name, reterr_reason);

        return r < 0 ? r : string_list_add(target, name);
}

static int parse_text(const Option *option, const char *value, void *target, char **reterr_reason)
{
        const char **text = target;

        if (!*value)
                return must(reterr_reason, "must not be empty");
        *text = value;
        return 0;
}

static int parse_volume(const Option *option, const char *value, void *target, char **reterr_reason)
{
        if (*value != '/' && !startswith(value, "vol-"))
                return must(reterr_reason, "must be a volume id (vol-...) or an absolute path");
        return string_list_add(target, value);
}

static int parse_pattern(
        const Option *option, const char *value, void *target, char **reterr_reason)
{
        if (!*value || strlen(value) > PATTERN_MAX)
                return must(reterr_reason, "must be a pattern of 1 to 1023 bytes");
        return string_list_add(target, value);
}

static int parse_budget(const Option *option, const char *value, void *target, char **reterr_reason)
{
        uint64_t usec;

        if (parse_usec(value, &usec) < 0)
                return must(reterr_reason, "must be a time span, as 10s or 1500ms");
        if (usec < BUDGET_LEAST_USEC || usec > BUDGET_MOST_USEC)
                return must(reterr_reason, "must be between 1s and 30s");
        *(uint64_t *)target = usec;
        return 0;
}

static bool tag_is_given(const StringList *tags, const char *tag, size_t key_length)
{
        for (size_t i = 0; i < tags->count; i++)
                if (strncmp(tags->items[i], tag, key_length + 1) == 0)
                        return true;
        return false;
}

static int parse_tag(const Option *option, const char *value, void *target, char **reterr_reason)
{
        const char *equals = strchr(value, '=');
        size_t key_length = equals ? (size_t)(equals - value) : 0;

        if (key_length == 0)
                return must(reterr_reason, "must be KEY=VALUE");
        if (key_length > TAG_KEY_MAX || strlen(equals + 1) > TAG_VALUE_MAX)
                return must(
                        reterr_reason, "is too long: EC2 allows 127 bytes of key and 255 of value");
        if (startswith(value, "aws:") || startswith(value, "quiesced:"))
                return must(
                        reterr_reason, "must not begin with aws: or quiesced:, which are reserved");
        if (tag_is_given(target, value, key_length))
                return must(
                        reterr_reason, "gives a key that was given before; leave out one of them");
        return string_list_add(target, value);
}

/* As they stand in a manifest, whose reader is EC2: printable, and nothing that XML escapes. */
static int parse_plain(const Option *option, const char *value, void *target, char **reterr_reason)
{
        for (const char *p = value; *p; p++)
                if (*p <= ' ' || *p > '~' || strchr("<>&'\"", *p))
                        return must(reterr_reason, "must have no blanks, quotes or angle brackets");
        return parse_text(option, value, target, reterr_reason);
}

static int parse_mapping(
        const Option *option, const char *value, void *target, char **reterr_reason)
{
        const char *equals = strchr(value, '='), *whole;
        int r = parse_plain(option, value, &whole, reterr_reason);

        if (r < 0)
                return r;
        if (!equals || equals == value || !equals[1])
                return must(reterr_reason, "must be VIRTUAL=DEVICE, as ami=sda1");
        return string_list_add(target, value);
}

static int parse_user(const Option *option, const char *value, void *target, char **reterr_reason)
{
        if (strlen(value) != ACCOUNT_DIGITS || value[strspn(value, "0123456789")] != '\0')
                return must(reterr_reason, "must be the 12 digits of an account, without dashes");
        return parse_text(option, value, target, reterr_reason);
}

static int parse_prefix(const Option *option, const char *value, void *target, char **reterr_reason)
{
        if (*value == '/' || strlen(value) > PREFIX_MAX)
                return must(reterr_reason,
                        "must be what keys begin with, as images/: without a slash before it, and "
                        "of 512 bytes at most");
        return parse_text(option, value, target, reterr_reason);
}

static const char *const kind_names[] = { "image", "snapshots", NULL };
static const char *const method_names[] = { "auto", "register", "create-image", "reboot", "bundle",
        NULL };
static const char *const consistency_names[] = { "application", "filesystem", "crash", NULL };
static const char *const on_degrade_names[] = { "fail", "label", NULL };
static const char *const architecture_names[] = { "i386", "x86_64", NULL };
static const char *const override_names[] = { "protected", "locked", NULL };
static const char *const wait_names[] = { "queued", "secured", "completed", NULL };
static const char *const wait_end_names[] = { "queued", "completed", NULL };

#define AT(member) offsetof(Arguments, member)

static const Option options[OPTION_ID_MAX] = {
        [OPTION_HELP] = { "help", NULL, "Show this help", NULL, AT(help), NULL, 'h' },
        [OPTION_JSON] = { "json", NULL, "Print one JSON document", NULL, AT(json), NULL, 'j' },
        [OPTION_ANNOUNCE] = { "announce", NULL, "Wait for the end of the boot, and print the marker",
                NULL, AT(announce) },
        [OPTION_ALL] = { "all", NULL, "What is the account's, not only this instance's", NULL,
                AT(all) },
        [OPTION_PROFILE] = { "profile", "PROFILE",
                "Which made it, or says how to publish or bundle", parse_text, AT(profile) },
        [OPTION_DRY_RUN] = { "dry-run", NULL, "Show what would be deleted and why; change nothing",
                NULL, AT(dry_run) },
        [OPTION_DELETE] = { "delete", NULL, "Delete them, after a question", NULL, AT(delete) },
        [OPTION_YES] = { "yes", NULL, "Delete without the question", NULL, AT(yes) },
        [OPTION_FORCE] = { "force", NULL, "Also images that quiesced has not made", NULL,
                AT(force) },
        [OPTION_OVERRIDE] = { "override", "WHAT", "Lift what is protected or locked; repeatable",
                parse_names, AT(override), override_names },
        [OPTION_KIND] = { "kind", "KIND", "Without a profile: plan an image or snapshots",
                parse_name, AT(kind), kind_names },
        [OPTION_METHOD] = { "method", "METHOD", "How: auto, register, create-image, reboot or bundle",
                parse_name, AT(method), method_names },
        [OPTION_CONSISTENCY] = { "consistency", "CLASS",
                "Demand application, filesystem or crash consistency", parse_name, AT(consistency),
                consistency_names },
        [OPTION_ON_DEGRADE] = { "on-degrade", "WHAT",
                "If less was reached: fail (delete it again) or label", parse_name, AT(on_degrade),
                on_degrade_names },
        [OPTION_VOLUME] = { "volume", "VOLUME", "Take only this volume; may be repeated",
                parse_volume, AT(volumes) },
        [OPTION_EXCLUDE] = { "exclude", "VOLUME", "Leave out this volume; may be repeated",
                parse_volume, AT(exclude) },
        [OPTION_BUDGET] = { "budget", "SPAN", "Freeze for at most this long, 1s to 30s",
                parse_budget, AT(budget_usec) },
        [OPTION_TAG] = { "tag", "KEY=VALUE", "Tag what is made; may be repeated", parse_tag,
                AT(tags) },
        [OPTION_DESCRIPTION] = { "description", "TEXT", "Describe what is made", parse_text,
                AT(description) },
        [OPTION_NO_FREEZE] = { "no-freeze", NULL, "Do not freeze: crash consistency only", NULL,
                AT(no_freeze) },
        [OPTION_SCRUB_INCLUDE] = { "scrub-include", "PATTERN",
                "Of a bundle: what the scrub leaves in; repeatable", parse_pattern,
                AT(scrub_include) },
        [OPTION_SCRUB_EXCLUDE] = { "scrub-exclude", "PATTERN",
                "Of a bundle: what the scrub removes as well; repeatable", parse_pattern,
                AT(scrub_exclude) },
        [OPTION_NO_SCRUB] = { "no-scrub", NULL, "Of a bundle: keep private keys and histories",
                NULL, AT(no_scrub) },
        [OPTION_INTO] = { "into", "PATH", "Where it goes: a folder; of unbundle, the file", parse_text,
                AT(into) },
        [OPTION_NAME] = { "name", "NAME", "What the bundle is called; the file's name (default)",
                parse_text, AT(name) },
        [OPTION_USER] = { "user", "ACCOUNT", "The account that the image is for, in 12 digits",
                parse_user, AT(user) },
        [OPTION_ARCHITECTURE] = { "architecture", "ARCH", "i386 or x86_64 (default)", parse_name,
                AT(architecture), architecture_names },
        [OPTION_KERNEL] = { "kernel", "ID", "The kernel that it boots with (aki-...)", parse_plain,
                AT(kernel) },
        [OPTION_RAMDISK] = { "ramdisk", "ID", "The RAM disk that it boots with (ari-...)",
                parse_plain, AT(ramdisk) },
        [OPTION_MAPPING] = { "mapping", "VIRTUAL=DEVICE", "A disk, as ami=sda1; repeatable",
                parse_mapping, AT(mappings) },
        [OPTION_CERTIFICATE] = { "certificate", "FILE", "The user's certificate, in PEM",
                parse_text, AT(certificate) },
        [OPTION_PRIVATE_KEY] = { "private-key", "FILE", "Its private key, in PEM", parse_text,
                AT(private_key) },
        [OPTION_EC2_CERTIFICATE] = { "ec2-certificate", "FILE", "EC2's certificate, in PEM",
                parse_text, AT(ec2_certificate) },
        [OPTION_BUCKET] = { "bucket", "BUCKET", "The bucket of S3 that it goes into", parse_text,
                AT(bucket) },
        [OPTION_PREFIX] = { "prefix", "PREFIX", "What its keys begin with, as images/",
                parse_prefix, AT(prefix) },
        [OPTION_REGION] = { "region", "REGION", "Where the bucket is; AWS_REGION (default)",
                parse_text, AT(region) },
        [OPTION_DIGESTS] = { "digests", NULL, "Read each part out of the bucket, and its digest",
                NULL, AT(digests) },
        [OPTION_REMOVE_LEFTOVERS] = { "remove-leftovers", NULL,
                "Delete parts of this name that a killed run left", NULL, AT(remove_leftovers) },
        [OPTION_QUEUE] = { "queue", NULL, "Wait for a running job instead of refusing", NULL,
                AT(queue) },
        [OPTION_WAIT] = { "wait", "STATE", "Return when queued, secured or completed (default)",
                parse_name, AT(wait), wait_names },
        [OPTION_WAIT_END] = { "wait", "STATE", "Return when queued or completed (default)",
                parse_name, AT(wait), wait_end_names },
        [OPTION_NO_PROGRESS] = { "no-progress", NULL, "Show no progress on the terminal", NULL,
                AT(no_progress) },
        [OPTION_VERBOSE] = { "verbose", NULL, "Write a line on standard error for each step", NULL,
                AT(verbose), NULL, 'v' },
        [OPTION_QUIET] = { "quiet", NULL, "Print nothing but errors", NULL, AT(quiet), NULL, 'q' },
};

void arguments_done(Arguments *arguments)
{
        string_list_done(&arguments->mappings);
        string_list_done(&arguments->volumes);
        string_list_done(&arguments->exclude);
        string_list_done(&arguments->override);
        string_list_done(&arguments->scrub_include);
        string_list_done(&arguments->scrub_exclude);
        string_list_done(&arguments->tags);
}

int usage_error(const Verb *verb, const char *format, ...)
{
        va_list list;

        fprintf(stderr, "quiescectl%s%s: ", verb ? " " : "", verb ? verb->name : "");
        va_start(list, format);
        vfprintf(stderr, format, list);
        va_end(list);
        fprintf(stderr, "; see 'quiescectl %s%s--help'\n", verb ? verb->name : "", verb ? " " : "");
        return EXIT_USAGE;
}

static bool verb_accepts(const Verb *verb, unsigned id)
{
        return id == OPTION_HELP || (verb->options & OPTION_BIT(id));
}

/* getopt_long's view of the verb's rows; `val` is the row's number past the letters. */
static void build_getopt(const Verb *verb, struct option *ret_long, char *ret_short)
{
        size_t n = 0;

        if (verb->command)
                *ret_short++ = '+'; /* stop at the first operand */
        *ret_short++ = ':';         /* tell a missing value from an unknown option */
        for (unsigned id = 0; id < OPTION_ID_MAX; id++) {
                if (!verb_accepts(verb, id))
                        continue;
                ret_long[n++] = (struct option){ .name = options[id].name,
                        .has_arg = options[id].value ? required_argument : no_argument,
                        .val = CHAR_MAX + 1 + (int)id };
                if (options[id].letter)
                        *ret_short++ = options[id].letter;
        }
        ret_long[n] = (struct option){ 0 };
        *ret_short = '\0';
}

static unsigned id_from_getopt(int c)
{
        unsigned id;

        if (c > CHAR_MAX)
                return (unsigned)(c - CHAR_MAX - 1);
        for (id = 0; id < OPTION_ID_MAX && options[id].letter != c; id++)
                ;
        return id;
}

static int refuse_option(const Verb *verb, char **argv, int c)
{
        const char *given = argv[optind > 1 ? optind - 1 : 1];

        if (c == ':')
                return usage_error(verb, "option '--%s' needs a value: --%s=%s",
                        options[id_from_getopt(optopt)].name, options[id_from_getopt(optopt)].name,
                        options[id_from_getopt(optopt)].value);
        if (optopt > CHAR_MAX)
                return usage_error(verb, "option '--%s' takes no value; leave out what follows '='",
                        options[id_from_getopt(optopt)].name);
        if (optopt)
                return usage_error(verb, "unknown option '-%c'; leave it out", optopt);
        return usage_error(verb, "unknown option '%s'; leave it out", given);
}

static int take_option(const Verb *verb, const Option *option, const char *value, Arguments *ret)
{
        _cleanup_(freep) char *reason = NULL;
        void *target = (char *)ret + option->offset;
        int r;

        if (!option->parse) {
                *(bool *)target = true;
                return 0;
        }
        r = option->parse(option, value, target, &reason);
        if (r == -EINVAL)
                return usage_error(verb, "--%s=%s %s", option->name, value, reason);
        return r;
}

static int check_operands(const Verb *verb, const Arguments *arguments)
{
        if (arguments->help)
                return 0;
        if (arguments->n_operands < verb->least_operands)
                return usage_error(verb, "%s", verb->missing);
        if (arguments->n_operands > verb->most_operands)
                return usage_error(verb,
                        "one argument too many: '%s'; leave it out, or quote blanks",
                        arguments->operands[verb->most_operands]);
        for (size_t i = 0; !verb->command && i < arguments->n_operands; i++)
                if (!*arguments->operands[i])
                        return usage_error(verb, "the argument is empty; give %s", verb->operands);
        return 0;
}

/* What is asked about must be seen, and what begins no job has nothing to wait for. */
static int check_deletion(const Verb *verb, const Arguments *arguments)
{
        if (arguments->dry_run && (arguments->wait || arguments->queue))
                return usage_error(verb, "--dry-run begins no job; leave out --%s",
                        arguments->wait ? "wait" : "queue");
        if (arguments->yes && !arguments->delete)
                return usage_error(verb, "--yes answers what --delete asks; give both, or neither");
        if (arguments->delete && !arguments->yes && (arguments->json || arguments->quiet))
                return usage_error(verb,
                        "--delete with --%s shows nothing to be asked about; give --yes",
                        arguments->json ? "json" : "quiet");
        return 0;
}

static int check_combinations(const Verb *verb, const Arguments *arguments)
{
        if (arguments->no_freeze && arguments->consistency &&
                !streq(arguments->consistency, "crash"))
                return usage_error(verb,
                        "--no-freeze cannot reach --consistency=%s; leave out one of them",
                        arguments->consistency);
        if (arguments->no_freeze && arguments->budget_usec)
                return usage_error(verb,
                        "--budget limits a freeze, and --no-freeze makes none; "
                        "leave out one of them");
        if (arguments->kind && arguments->n_operands > 0)
                return usage_error(verb,
                        "--kind=%s is for plans without a profile; leave out one of them",
                        arguments->kind);
        if (arguments->quiet && arguments->verbose)
                return usage_error(verb, "--quiet and --verbose exclude each other; leave out one");
        return check_deletion(verb, arguments);
}

int arguments_parse(const Verb *verb, int argc, char **argv, Arguments *ret)
{
        struct option long_options[OPTION_ID_MAX + 1];
        char short_options[OPTION_ID_MAX + 3];
        int c, r;

        *ret = (Arguments){ .verb = verb };
        build_getopt(verb, long_options, short_options);
        opterr = 0;
        optind = 0; /* glibc: forget whatever was parsed before */
        while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0) {
                if (c == '?' || c == ':')
                        r = refuse_option(verb, argv, c);
                else
                        r = take_option(verb, &options[id_from_getopt(c)], optarg, ret);
                if (r != 0)
                        return r;
        }
        ret->operands = argv + optind;
        ret->n_operands = (size_t)(argc - optind);
        r = check_operands(verb, ret);
        return r != 0 ? r : check_combinations(verb, ret);
}

void arguments_print_options(const Verb *verb, FILE *file)
{
        for (unsigned id = 0; id < OPTION_ID_MAX; id++) {
                const Option *option = &options[id];
                char left[64];

                if (!verb_accepts(verb, id))
                        continue;
                snprintf(left, sizeof(left), "%s%c%s --%s%s%s", option->letter ? "-" : " ",
                        option->letter ? option->letter : ' ', option->letter ? "," : " ",
                        option->name, option->value ? "=" : "", option->value ? option->value : "");
                fprintf(file, "  %-26s %s\n", left, option->help);
        }
}

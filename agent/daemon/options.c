/* SPDX-License-Identifier: Apache-2.0 */
/* The a{sv} that ends every method: known options of the right type, or an error by name. */

#include "daemon/options.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "daemon/errors.h"

/* The whole request must fit into a socket's buffer: we never wait for a worker to read it. */
#define OPTIONS_MAX_BYTES (64 * 1024)
#define LIST_MAX 128

/* EC2 allows 50 tags a resource; the rest is for our own, and for those that others add. */
#define TAGS_MAX 35
#define TAG_KEY_MAX 127
#define TAG_VALUE_MAX 255

#define DESCRIPTION_MAX 255
#define PATTERN_MAX 1023 /* freeze/capture/protocol.h */
#define PROFILE_NAME_MAX 64
#define BUDGET_MIN_USEC USEC_PER_SEC
#define BUDGET_MAX_USEC (30 * USEC_PER_SEC)

/* A point in time of this host, and what was made earlier. */
#define OPTIONS_HOST                                                                               \
        (OPTIONS_BAKE | OPTIONS_IMAGE | OPTIONS_SNAPSHOTS | OPTIONS_PLAN | OPTIONS_FREEZE)
#define OPTIONS_CUT (OPTIONS_HOST & ~OPTIONS_FREEZE)
#define OPTIONS_MAKE (OPTIONS_CUT & ~OPTIONS_SNAPSHOTS)
#define OPTIONS_SECURED (OPTIONS_CUT & ~OPTIONS_PLAN)
#define OPTIONS_LIFE                                                                               \
        (OPTIONS_VERIFY | OPTIONS_PRUNE | OPTIONS_DEREGISTER | OPTIONS_DELETE_ORPHANS)
#define OPTIONS_JOBS (OPTIONS_SECURED | OPTIONS_FREEZE | OPTIONS_LIFE)
#define OPTIONS_ACCOUNT (OPTIONS_LIST | OPTIONS_ORPHANS | OPTIONS_DELETE_ORPHANS)

typedef struct Option Option;

/* Reads the value; 0 and *ret, or an error that `reterr` explains. */
typedef int (*OptionRead)(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr);

typedef int (*ItemCheck)(const Option *option, const char *item, sd_bus_error *reterr);

struct Option {
        const char *name;
        const char *signature;
        const char *type; /* for people */
        OptionRead read;
        unsigned scopes;
        const char *const *choices;
};

static int refuse(sd_bus_error *reterr, const Option *option, const char *reason)
{
        return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT, "Option '%s' %s", option->name,
                reason);
}

static int take_choice(const Option *option, const char *value, json_t **ret, sd_bus_error *reterr)
{
        _cleanup_(text_done) Text known = TEXT_INIT;

        for (size_t i = 0; option->choices[i]; i++) {
                if (streq(option->choices[i], value)) {
                        *ret = json_string(value);
                        return *ret ? 0 : -ENOMEM;
                }
                (void)text_addf(&known, "%s%s", i > 0 ? ", " : "", option->choices[i]);
        }
        return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                "Option '%s' is '%s', and must be one of: %s", option->name, value, known.data);
}

static int read_choice(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        const char *value;
        int r;

        r = sd_bus_message_read(message, "s", &value);
        return r < 0 ? r : take_choice(option, value, ret, reterr);
}

static int read_choices(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *list = json_array();
        const char *value;
        json_t *item;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &value)) > 0) {
                r = take_choice(option, value, &item, reterr);
                if (r >= 0 && json_array_append_new(list, item) < 0)
                        r = -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return sd_bus_message_exit_container(message);
}

static int read_string(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        const char *value;
        int r;

        r = sd_bus_message_read(message, "s", &value);
        if (r < 0)
                return r;
        if (strlen(value) > DESCRIPTION_MAX)
                return refuse(reterr, option, "is longer than 255 bytes; shorten it");
        *ret = json_string(value);
        return *ret ? 0 : -ENOMEM;
}

static int read_name(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        int r = read_string(option, message, ret, reterr);

        return r < 0 ? r : image_name_check(json_string_value(*ret), reterr);
}

static int read_profile(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        int r = read_string(option, message, ret, reterr);

        return r < 0 ? r : profile_name_check(json_string_value(*ret), reterr);
}

static int read_flag(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        int value, r;

        r = sd_bus_message_read(message, "b", &value);
        if (r < 0)
                return r;
        *ret = json_boolean(value);
        return 0;
}

static int read_budget(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        uint64_t usec;
        int r;

        r = sd_bus_message_read(message, "t", &usec);
        if (r < 0)
                return r;
        if (usec < BUDGET_MIN_USEC || usec > BUDGET_MAX_USEC)
                return refuse(reterr, option,
                        "must be from 1000000 to 30000000 microseconds (1 s to 30 s)");
        *ret = json_integer((json_int_t)usec);
        return *ret ? 0 : -ENOMEM;
}

/* What any entry of a list is: the id of a volume, its device, or a mount point on it. */
static bool is_volume_or_path(const char *item)
{
        return *item == '/' || startswith(item, "vol-");
}

static int check_volume(const Option *option, const char *item, sd_bus_error *reterr)
{
        if (is_volume_or_path(item))
                return 0;
        return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                "Option '%s' has '%s', which is neither a volume id (vol-...) nor an absolute path",
                option->name, item);
}

static int check_pattern(const Option *option, const char *item, sd_bus_error *reterr)
{
        size_t length = strlen(item);

        return length > 0 && length <= PATTERN_MAX ?
                0 :
                refuse(reterr, option, "has a pattern that does not have 1 to 1023 bytes");
}

static int read_items(const Option *option, sd_bus_message *message, ItemCheck check, json_t **ret,
        sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *list = json_array();
        const char *item;
        int r;

        if (!list)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "s", &item)) > 0) {
                r = check(option, item, reterr);
                if (r < 0)
                        return r;
                if (json_array_size(list) >= LIST_MAX)
                        return refuse(reterr, option, "has more than 128 entries");
                if (json_array_append_new(list, json_string(item)) < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return sd_bus_message_exit_container(message);
}

static int read_list(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        return read_items(option, message, check_volume, ret, reterr);
}

static int read_patterns(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        return read_items(option, message, check_pattern, ret, reterr);
}

/* EC2 reserves "aws:"; we reserve our own, from which retention and resume know what is ours. */
static const char *tag_fault(const char *key, const char *value)
{
        if (strlen(key) == 0 || strlen(key) > TAG_KEY_MAX)
                return "a key must have 1 to 127 bytes";
        if (strlen(value) > TAG_VALUE_MAX)
                return "a value may have at most 255 bytes";
        if (startswith(key, "aws:") || startswith(key, "quiesced:"))
                return "the prefixes aws: and quiesced: are reserved";
        return NULL;
}

static int read_tags(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *tags = json_object();
        const char *key, *value, *fault;
        int r;

        if (!tags)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "{ss}", &key, &value)) > 0) {
                fault = tag_fault(key, value);
                if (!fault && json_object_size(tags) >= TAGS_MAX)
                        fault = "more than 35 tags are too many";
                if (fault)
                        return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                                "Option '%s', tag '%s': %s", option->name, key, fault);
                if (json_object_set_new(tags, key, json_string(value)) < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tags);
        return sd_bus_message_exit_container(message);
}

static const char *const methods[] = { "auto", "register", "create-image", "reboot", "bundle", NULL };
static const char *const classes[] = { "application", "filesystem", "crash", NULL };
static const char *const degrades[] = { "fail", "label", NULL };
static const char *const overrides[] = { "protected", "locked", NULL };
static const char *const waits[] = { "queued", "secured", "completed", NULL };
static const char *const waits_of_life[] = { "queued", "completed", NULL };
static const char *const busies[] = { "refuse", "queue", NULL };
static const char *const kinds[] = { "image", "snapshots", NULL };

static const Option options[] = {
        { "method", "s", "a string", read_choice, OPTIONS_MAKE, methods },
        { "consistency", "s", "a string", read_choice, OPTIONS_CUT, classes },
        { "on-degrade", "s", "a string", read_choice, OPTIONS_CUT, degrades },
        { "volumes", "as", "an array of strings", read_list, OPTIONS_HOST, NULL },
        { "exclude", "as", "an array of strings", read_list, OPTIONS_HOST, NULL },
        { "budget-usec", "t", "an unsigned 64-bit number", read_budget, OPTIONS_HOST, NULL },
        { "tags", "a{ss}", "a dictionary of strings", read_tags, OPTIONS_CUT, NULL },
        { "description", "s", "a string", read_string, OPTIONS_CUT, NULL },
        { "no-freeze", "b", "a boolean", read_flag, OPTIONS_CUT, NULL },
        { "scrub-include", "as", "an array of strings", read_patterns, OPTIONS_MAKE, NULL },
        { "scrub-exclude", "as", "an array of strings", read_patterns, OPTIONS_MAKE, NULL },
        { "no-scrub", "b", "a boolean", read_flag, OPTIONS_MAKE, NULL },
        { "kind", "s", "a string", read_choice, OPTIONS_PLAN, kinds },
        { "name", "s", "a string", read_name, OPTIONS_PLAN, NULL },
        { "profile", "s", "a string", read_profile, OPTIONS_LIST | OPTIONS_DOCTOR, NULL },
        { "all", "b", "a boolean", read_flag, OPTIONS_ACCOUNT, NULL },
        { "force", "b", "a boolean", read_flag, OPTIONS_DEREGISTER, NULL },
        { "override", "as", "an array of strings", read_choices, OPTIONS_DEREGISTER, overrides },
        { "wait", "s", "a string", read_choice, OPTIONS_SECURED, waits },
        { "wait", "s", "a string", read_choice, OPTIONS_LIFE, waits_of_life },
        { "if-busy", "s", "a string", read_choice, OPTIONS_JOBS, busies },
};

static int report_unknown(OptionScope scope, const char *name, sd_bus_error *reterr)
{
        _cleanup_(text_done) Text known = TEXT_INIT;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (options[i].scopes & scope)
                        (void)text_addf(
                                &known, "%s%s", known.length > 0 ? ", " : "", options[i].name);
        if (known.length == 0)
                return sd_bus_error_setf(reterr, ERROR_UNKNOWN_OPTION,
                        "There is no option '%s' here, nor any other", name);
        return sd_bus_error_setf(reterr, ERROR_UNKNOWN_OPTION,
                "There is no option '%s' here; known are: %s", name, known.data);
}

static const Option *option_find(OptionScope scope, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if ((options[i].scopes & scope) && streq(options[i].name, name))
                        return &options[i];
        return NULL;
}

static int read_variant(const Option *option, sd_bus_message *message, json_t **ret,
        sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *value = NULL;
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, option->signature))
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "Option '%s' must be %s (type %s), not of type %s", option->name,
                        option->type, option->signature, contents);
        r = sd_bus_message_enter_container(message, 'v', contents);
        if (r < 0)
                return r;
        r = option->read(option, message, &value, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return sd_bus_message_exit_container(message);
}

/* One entry; -EEXIST never leaves here unexplained. */
static int read_entry(sd_bus_message *message, OptionScope scope, json_t *into,
        sd_bus_error *reterr)
{
        const Option *option;
        const char *name;
        json_t *value = NULL;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        option = option_find(scope, name);
        if (!option)
                return report_unknown(scope, name, reterr);
        if (json_object_get(into, name))
                return refuse(reterr, option, "is given twice; keep one");
        r = read_variant(option, message, &value, reterr);
        if (r < 0)
                return r;
        if (json_object_set_new(into, name, value) < 0)
                return -ENOMEM;
        return sd_bus_message_exit_container(message);
}

int options_read(sd_bus_message *message, OptionScope scope, json_t **ret, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *into = json_object();
        int r;

        if (!into)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(message, scope, into, reterr);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (json_dumpb(into, NULL, 0, JSON_COMPACT) > OPTIONS_MAX_BYTES)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "The options together are larger than 64 KiB; give fewer or shorter ones");
        *ret = TAKE_PTR(into);
        return sd_bus_message_exit_container(message);
}

int options_take(json_t *from, const char *name, const char *fallback, char **ret)
{
        const char *value = json_get_string(from, name, fallback);

        *ret = value ? strdup(value) : NULL;
        if (value && !*ret)
                return -ENOMEM;
        (void)json_object_del(from, name);
        return 0;
}

/* EC2's CreateImage: 3-128 letters, digits, blanks and ()[]./-'@_ */
int image_name_check(const char *name, sd_bus_error *reterr)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                "()[] ./-'@_";
        size_t length = strlen(name);

        if (length < 3 || length > 128)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "Image name '%s' has %zu characters; EC2 takes 3 to 128", name, length);
        if (strspn(name, letters) != length)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "Image name '%s': EC2 takes letters, digits, blanks and ()[]./-'@_ only",
                        name);
        return 0;
}

int profile_name_check(const char *name, sd_bus_error *reterr)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                "._@-";
        size_t length = strlen(name);

        if (length == 0 || length > PROFILE_NAME_MAX || *name == '.' ||
                strspn(name, letters) != length)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "'%s' cannot be a profile's name: use letters, digits and ._@- (no dot "
                        "first)",
                        name);
        return 0;
}

int profile_name_read(sd_bus_message *message, const char **ret, sd_bus_error *reterr)
{
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = profile_name_check(name, reterr);
        if (r < 0)
                return r;
        *ret = name;
        return 0;
}

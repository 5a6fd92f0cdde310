/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of EC2, as callers name them: of the right kind, or an error that names the wrong one. */

#include "daemon/resource-id.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/text.h"
#include "daemon/errors.h"

/* As many as fit into a request, which a worker's socket must take at once. */
#define IDS_MAX 1000
#define IDS_BYTES_MAX (64 * 1024)
#define BUNDLE_MAX 1100 /* a name of 63 bytes, and a key of 1024 */

static const struct {
        ResourceKind kind;
        const char *prefix; /* NULL: it has no number */
        const char *what; /* for people */
} kinds_known[] = {
        { RESOURCE_IMAGE, "ami-", "an image (ami-...)" },
        { RESOURCE_SNAPSHOT, "snap-", "a snapshot (snap-...)" },
        { RESOURCE_INSTANCE, "i-", "an instance (i-...)" },
        { RESOURCE_BUNDLE, NULL, "a bundle (BUCKET/KEY.manifest.xml)" },
};

/* 8 digits until 2016 and 17 since: docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html */
static bool is_number(const char *digits)
{
        size_t length = strlen(digits);

        return (length == 8 || length == 17) && strspn(digits, "0123456789abcdef") == length;
}

static int refuse(const char *id, unsigned kinds, sd_bus_error *reterr)
{
        _cleanup_(text_done) Text wanted = TEXT_INIT;

        for (size_t i = 0; i < ELEMENTSOF(kinds_known); i++)
                if (kinds & kinds_known[i].kind)
                        (void)text_addf(&wanted, "%s%s", wanted.length > 0 ? ", " : "",
                                kinds_known[i].what);
        return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                "'%s' is no id of %s: the prefix is followed by 8 or 17 digits out of 0-9 and a-f",
                id, wanted.data);
}

/* Whether there is such a thing the worker finds out; here it is only told from ids. */
static bool is_bundle(const char *text)
{
        const char *slash = strchr(text, '/');

        return slash && slash > text && strlen(text) <= BUNDLE_MAX &&
                endswith(slash, ".manifest.xml");
}

int resource_id_check(const char *id, unsigned kinds, sd_bus_error *reterr)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds_known); i++) {
                const char *prefix = kinds_known[i].prefix;
                const char *digits = prefix ? startswith(id, prefix) : NULL;

                if (!(kinds & kinds_known[i].kind))
                        continue;
                if (prefix ? digits && is_number(digits) : is_bundle(id))
                        return 0;
        }
        return refuse(id, kinds, reterr);
}

static bool is_listed(const json_t *ids, const char *id)
{
        for (size_t i = 0; i < json_array_size(ids); i++)
                if (streq(json_string_value(json_array_get(ids, i)), id))
                        return true;
        return false;
}

static int add_id(
        json_t *ids, const char *id, unsigned kinds, size_t *n_bytes, sd_bus_error *reterr)
{
        int r = resource_id_check(id, kinds, reterr);

        if (r < 0 || is_listed(ids, id))
                return r;
        *n_bytes += strlen(id);
        if (*n_bytes > IDS_BYTES_MAX)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "More than %d bytes of ids are too many for one job; give fewer at a time",
                        IDS_BYTES_MAX);
        if (json_array_size(ids) >= IDS_MAX)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "More than %d ids are too many for one job; give fewer at a time", IDS_MAX);
        return json_array_append_new(ids, json_string(id)) < 0 ? -ENOMEM : 0;
}

int resource_ids_read(sd_bus_message *message, unsigned kinds, json_t **ret, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *ids = json_array();
        size_t n_bytes = 0;
        const char *id;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &id)) > 0)
                r = add_id(ids, id, kinds, &n_bytes, reterr);
        if (r < 0)
                return r;
        if (json_array_size(ids) == 0)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "The list of ids is empty; name one at least");
        *ret = TAKE_PTR(ids);
        return sd_bus_message_exit_container(message);
}

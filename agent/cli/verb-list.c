/* SPDX-License-Identifier: Apache-2.0 */
/* images, snapshots: what there is by now. */

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/request.h"
#include "cli/verb.h"

/* The instance is the last column, and of interest only beside those of others. */
static const Column image_columns[] = {
        { "IMAGE", "id", listing_add_text },
        { "NAME", "name", listing_add_text },
        { "STATE", "state", listing_add_text },
        { "CREATED", "created-usec", listing_add_time },
        { "SIZE", "size-gib", listing_add_gib, true },
        { "SNAPSHOTS", "snapshots", listing_add_count, true },
        { "PROFILE", "profile", listing_add_text },
        { "CONSISTENCY", "consistency", listing_add_text },
        { "VERIFIED", "verified", listing_add_text },
        { "INSTANCE", "instance", listing_add_text },
};

/* "pending 45 %" */
static int add_state(Table *table, const json_t *snapshot, const char *key)
{
        const char *state = json_get_string(snapshot, key, "");
        const json_t *progress = json_object_get(snapshot, "progress");

        if (!streq(state, "pending") || !json_is_integer(progress))
                return table_add(table, state);
        return table_addf(table, "%s %u %%", state, (unsigned)json_integer_value(progress));
}

/* A list, or a text as the tag has it. */
static int add_mounts(Table *table, const json_t *snapshot, const char *key)
{
        return json_is_array(json_object_get(snapshot, key)) ?
                listing_add_texts(table, snapshot, key) :
                listing_add_text(table, snapshot, key);
}

static const Column snapshot_columns[] = {
        { "SNAPSHOT", "id", listing_add_text },
        { "VOLUME", "volume", listing_add_text },
        { "STATE", "state", add_state },
        { "STARTED", "start-usec", listing_add_time },
        { "SIZE", "size-gib", listing_add_gib, true },
        { "MOUNTS", "mounts", add_mounts },
        { "IMAGE", "image", listing_add_text },
        { "PROFILE", "profile", listing_add_text },
        { "CONSISTENCY", "consistency", listing_add_text },
        { "JOB", "job", listing_add_text },
        { "INSTANCE", "instance", listing_add_text },
};

typedef struct Kind {
        const char *method;
        const char *key; /* of the document */
        const char *none;
        const Column *columns;
        size_t n_columns;
} Kind;

static int print_document(const Kind *kind, const json_t *objects)
{
        _cleanup_(json_decrefp) json_t *document = json_pack("{s:O}", kind->key, objects);

        if (!document)
                return client_report_errno(-ENOMEM, "cannot print the list");
        return client_print_json(document);
}

static int list(const Kind *kind, const Arguments *arguments)
{
        const Request request = { .method = kind->method, .asks = true };
        _cleanup_(json_decrefp) json_t *objects = NULL;
        int r;

        r = request_ask(&request, arguments, &objects);
        if (r != 0)
                return r;
        if (arguments->json)
                return print_document(kind, objects);
        r = listing_print(kind->columns, kind->n_columns - (arguments->all ? 0 : 1), objects,
                kind->none);
        return r < 0 ? client_report_errno(r, "cannot print the list") : 0;
}

int verb_images(const Arguments *arguments)
{
        static const Kind images = { "ListImages", "images", "No images.", image_columns,
                ELEMENTSOF(image_columns) };

        return list(&images, arguments);
}

int verb_snapshots(const Arguments *arguments)
{
        static const Kind snapshots = { "ListSnapshots", "snapshots", "No snapshots.",
                snapshot_columns, ELEMENTSOF(snapshot_columns) };

        return list(&snapshots, arguments);
}

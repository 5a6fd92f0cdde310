/* SPDX-License-Identifier: Apache-2.0 */
/* The images and snapshots that there are, told as an answer. */

#include "flow/inventory.h"

#include "base/text.h"
#include "flow/identify.h"
#include "flow/labels.h"

/* Which image a snapshot belongs to. */
typedef struct Use {
        char *snapshot_id;
        char *image_id;
} Use;

typedef struct Inventory {
        Bake *bake;
        bool all;
        const char *profile; /* or NULL */
        json_t *list;
        Use *uses; /* sorted by snapshot */
        size_t n_uses;
} Inventory;

static void inventory_done(Inventory *inventory)
{
        json_decref(inventory->list);
        for (size_t i = 0; i < inventory->n_uses; i++) {
                free(inventory->uses[i].snapshot_id);
                free(inventory->uses[i].image_id);
        }
        free(inventory->uses);
}

static int inventory_open(Inventory *inventory, Bake *bake, const BakeRequest *request)
{
        inventory->bake = bake;
        inventory->all = json_get_bool(request->options, "all", false);
        inventory->profile = json_get_string(request->options, "profile", NULL);
        inventory->list = json_array();
        return inventory->list ? step_identity(bake) : -ENOMEM;
}

static bool is_wanted(const Inventory *inventory, const TagList *tags)
{
        const char *instance = tag_list_get(tags, LABEL_INSTANCE);
        bool own = tag_list_get(tags, LABEL_JOB) &&
                streq_ptr(instance, inventory->bake->identity.instance_id);

        return (inventory->all || own) &&
                (!inventory->profile ||
                        streq_ptr(tag_list_get(tags, LABEL_PROFILE), inventory->profile));
}

/* The tags that images and snapshots have in common; what is missing is left out. */
static int tell_tags(json_t *told, const TagList *tags)
{
        return json_object_update_new(told,
                json_pack("{s:s*,s:s*,s:s*,s:s*}", "job", tag_list_get(tags, LABEL_JOB), "profile",
                        tag_list_get(tags, LABEL_PROFILE), "instance",
                        tag_list_get(tags, LABEL_INSTANCE), "consistency",
                        tag_list_get(tags, LABEL_CONSISTENCY)));
}

static int append(Inventory *inventory, json_t *told, const TagList *tags)
{
        if (told && tell_tags(told, tags) >= 0)
                return json_array_append_new(inventory->list, told) < 0 ? -ENOMEM : 0;
        json_decref(told);
        return -ENOMEM;
}

static int answer(Inventory *inventory, const char *name, int r)
{
        Bake *bake = inventory->bake;

        if (r >= 0)
                r = observer_answer(bake->observer, json_pack("{s:O}", name, inventory->list));
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r)) : 0;
}

/* --- Images ----------------------------------------------------------------------------------- */

static const char *image_state_name(Ec2ImageState state)
{
        switch (state) {
        case EC2_IMAGE_PENDING:
                return "pending";
        case EC2_IMAGE_AVAILABLE:
                return "available";
        case EC2_IMAGE_FAILED:
                return "failed";
        case EC2_IMAGE_DISABLED:
                return "disabled";
        default:
                return "unknown";
        }
}

static int tell_image(Inventory *inventory, const Ec2Image *image)
{
        json_t *snapshots = json_array();
        uint64_t size_gib = 0;

        for (size_t i = 0; snapshots && i < image->n_devices; i++) {
                size_gib += image->devices[i].size_gib;
                if (image->devices[i].snapshot_id)
                        (void)json_array_append_new(
                                snapshots, json_string(image->devices[i].snapshot_id));
        }
        return append(inventory,
                json_pack("{s:s,s:s*,s:s,s:I,s:s*,s:o,s:o*}", "id", image->id, "name", image->name,
                        "state", image_state_name(image->state), "created-usec",
                        (json_int_t)image->created_usec, "verified",
                        tag_list_get(&image->tags, LABEL_VERIFIED), "snapshots", snapshots, "size-gib",
                        size_gib > 0 ? json_integer((json_int_t)size_gib) : NULL),
                &image->tags);
}

static int on_images(void *userdata, Ec2ImageList *page)
{
        Inventory *inventory = userdata;

        for (size_t i = 0; i < page->count; i++)
                if (is_wanted(inventory, &page->items[i].tags) &&
                        tell_image(inventory, &page->items[i]) < 0)
                        return -ENOMEM;
        (void)bake_cancelled(inventory->bake); /* shows that we are alive */
        return 0;
}

int run_list_images(Bake *bake, const BakeRequest *request)
{
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .tag_key = LABEL_INSTANCE };
        int r = inventory_open(&inventory, bake, request);

        if (r >= 0) {
                filter.tag_value = bake->identity.instance_id;
                filter.all = inventory.all;
                r = ec2_list_images(bake->aws, &filter, on_images, &inventory, &error);
                if (r != 0)
                        r = bake_fail_api(bake, "DescribeImages", r, &error);
        }
        return answer(&inventory, "images", r);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static int compare_uses(const void *a, const void *b)
{
        const Use *left = a, *right = b;

        return strcmp(left->snapshot_id, right->snapshot_id);
}

static int add_use(Inventory *inventory, const char *snapshot_id, const char *image_id)
{
        Use *use = ARRAY_ADD(inventory->uses, inventory->n_uses);

        if (!use)
                return -ENOMEM;
        use->snapshot_id = strdup(snapshot_id);
        use->image_id = strdup(image_id);
        return use->snapshot_id && use->image_id ? 0 : -ENOMEM;
}

static int on_using_images(void *userdata, Ec2ImageList *page)
{
        Inventory *inventory = userdata;

        for (size_t i = 0; i < page->count; i++)
                for (size_t j = 0; j < page->items[i].n_devices; j++) {
                        const char *id = page->items[i].devices[j].snapshot_id;

                        if (id && add_use(inventory, id, page->items[i].id) < 0)
                                return -ENOMEM;
                }
        (void)bake_cancelled(inventory->bake);
        return 0;
}

static const char *find_use(const Inventory *inventory, const char *snapshot_id)
{
        const Use wanted = { .snapshot_id = (char *)(uintptr_t)snapshot_id };
        const Use *use = inventory->n_uses == 0 ?
                NULL :
                bsearch(&wanted, inventory->uses, inventory->n_uses, sizeof(Use), compare_uses);

        return use ? use->image_id : NULL;
}

static int tell_snapshot(Inventory *inventory, const Ec2Snapshot *snapshot)
{
        static const char *const states[EC2_SNAPSHOT_STATE_MAX] = {
                [EC2_SNAPSHOT_PENDING] = "pending",
                [EC2_SNAPSHOT_COMPLETED] = "completed",
                [EC2_SNAPSHOT_ERROR] = "error",
                [EC2_SNAPSHOT_RECOVERABLE] = "recoverable",
                [EC2_SNAPSHOT_RECOVERING] = "recovering",
        };
        const TagList *tags = &snapshot->tags;
        const char *state = (int)snapshot->state >= 0 ? states[snapshot->state] : "unknown";

        return append(inventory,
                json_pack("{s:s,s:s*,s:s,s:i,s:I,s:I,s:s*,s:s*,s:s*}", "id", snapshot->id, "volume",
                        snapshot->volume_id, "state", state, "progress", (int)snapshot->progress,
                        "start-usec", (json_int_t)snapshot->start_time_usec, "size-gib",
                        (json_int_t)snapshot->size_gib, "kind", tag_list_get(tags, LABEL_KIND),
                        "mounts", tag_list_get(tags, LABEL_MOUNTS), "image",
                        find_use(inventory, snapshot->id)),
                tags);
}

static int on_snapshots(void *userdata, Ec2SnapshotList *page)
{
        Inventory *inventory = userdata;

        for (size_t i = 0; i < page->count; i++)
                if (is_wanted(inventory, &page->items[i].tags) &&
                        tell_snapshot(inventory, &page->items[i]) < 0)
                        return -ENOMEM;
        (void)bake_cancelled(inventory->bake);
        return 0;
}

static int read_uses(Inventory *inventory)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .all = true };
        Bake *bake = inventory->bake;
        int r = ec2_list_images(bake->aws, &filter, on_using_images, inventory, &error);

        if (r != 0)
                return bake_fail_api(bake, "DescribeImages", r, &error);
        if (inventory->n_uses > 1)
                qsort(inventory->uses, inventory->n_uses, sizeof(Use), compare_uses);
        return 0;
}

int run_list_snapshots(Bake *bake, const BakeRequest *request)
{
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2SnapshotFilter filter = { 0 };
        int r = inventory_open(&inventory, bake, request);

        if (r >= 0)
                r = read_uses(&inventory);
        if (r >= 0) {
                filter.all = inventory.all;
                filter.tag_key = inventory.all ? NULL : LABEL_INSTANCE;
                filter.tag_value = bake->identity.instance_id;
                r = ec2_list_snapshots(bake->aws, &filter, on_snapshots, &inventory, &error);
                if (r != 0)
                        r = bake_fail_api(bake, "DescribeSnapshots", r, &error);
        }
        return answer(&inventory, "snapshots", r);
}

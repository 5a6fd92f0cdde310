/* SPDX-License-Identifier: Apache-2.0 */
/* What one look at EC2 has seen of what several jobs wait for. */

#include "flow/sight.h"

#include "base/text.h"

/* --- Told ------------------------------------------------------------------------------------- */

/* The object under `key`, made where there is none; NULL for want of memory. */
static json_t *member(json_t *sight, const char *key)
{
        json_t *object = json_object_get(sight, key);

        if (!object)
                (void)json_object_set_new(sight, key, json_object());
        return json_object_get(sight, key);
}

int sight_add_snapshots(json_t *sight, const Ec2SnapshotList *snapshots)
{
        json_t *seen = member(sight, "snapshots");

        for (size_t i = 0; i < snapshots->count; i++) {
                const Ec2Snapshot *snapshot = &snapshots->items[i];

                if (json_object_set_new(seen, snapshot->id,
                            json_pack("{s:i,s:i,s:s*,s:o*}", "state", (int)snapshot->state,
                                    "progress", (int)snapshot->progress, "volume",
                                    snapshot->volume_id, "message",
                                    json_text(snapshot->message))) < 0)
                        return -ENOMEM;
        }
        return seen ? 0 : -ENOMEM;
}

static json_t *list_snapshots(const Ec2Image *image)
{
        json_t *ids = json_array();

        for (size_t i = 0; i < image->n_devices; i++)
                if (image->devices[i].snapshot_id &&
                        json_array_append_new(ids, json_string(image->devices[i].snapshot_id)) < 0)
                        return json_decref(ids), NULL;
        return ids;
}

int sight_add_images(json_t *sight, const Ec2ImageList *images)
{
        json_t *seen = member(sight, "images");

        for (size_t i = 0; i < images->count; i++) {
                const Ec2Image *image = &images->items[i];

                if (json_object_set_new(seen, image->id,
                            json_pack("{s:i,s:o,s:o*}", "state", (int)image->state, "snapshots",
                                    list_snapshots(image), "message",
                                    json_text(image->state_message))) < 0)
                        return -ENOMEM;
        }
        return seen ? 0 : -ENOMEM;
}

/* --- Heard ------------------------------------------------------------------------------------ */

bool sight_is_blind(const json_t *sight)
{
        return json_get_bool(sight, "blind", false);
}

bool sight_is_throttled(const json_t *sight)
{
        return json_get_bool(sight, "throttled", false);
}

/* A number that is no state is one that we do not know. */
static int get_state(const json_t *seen, int count)
{
        const json_t *state = json_object_get(seen, "state");

        if (!json_is_integer(state) || json_integer_value(state) < 0 ||
                json_integer_value(state) >= count)
                return -EINVAL;
        return (int)json_integer_value(state);
}

static int copy_text(const json_t *seen, const char *key, char **ret)
{
        const char *text = json_get_string(seen, key, NULL);

        return text ? string_replace(ret, text) : 0;
}

static int get_snapshot(const json_t *seen, const char *id, Ec2SnapshotList *snapshots)
{
        Ec2Snapshot *snapshot;

        if (!seen)
                return -ENOENT;
        snapshot = ARRAY_ADD(snapshots->items, snapshots->count);
        if (!snapshot)
                return -ENOMEM;
        *snapshot = (Ec2Snapshot){
                .state = get_state(seen, EC2_SNAPSHOT_STATE_MAX),
                .progress = (unsigned)json_get_u64(seen, "progress", 0),
        };
        if (string_replace(&snapshot->id, id) < 0 ||
                copy_text(seen, "volume", &snapshot->volume_id) < 0)
                return -ENOMEM;
        return copy_text(seen, "message", &snapshot->message);
}

int sight_get_snapshots(const json_t *sight, const StringList *ids, Ec2SnapshotList *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        const json_t *seen = json_object_get(sight, "snapshots");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ids->count; i++)
                r = get_snapshot(json_object_get(seen, ids->items[i]), ids->items[i], &snapshots);
        if (r < 0)
                return r;
        *ret = snapshots;
        snapshots = (Ec2SnapshotList){ 0 };
        return 0;
}

static int get_devices(const json_t *ids, Ec2Image *image)
{
        const json_t *id;
        size_t i;

        json_array_foreach(ids, i, id) {
                Ec2BlockDevice *device = ARRAY_ADD(image->devices, image->n_devices);

                if (!device)
                        return -ENOMEM;
                *device = (Ec2BlockDevice){ .is_ebs = true };
                if (json_is_string(id) &&
                        string_replace(&device->snapshot_id, json_string_value(id)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int sight_get_image(const json_t *sight, const char *id, Ec2ImageList *ret)
{
        const json_t *seen = json_object_get(json_object_get(sight, "images"), id);
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        Ec2Image *image;

        if (!seen)
                return -ENOENT;
        image = ARRAY_ADD(images.items, images.count);
        if (!image)
                return -ENOMEM;
        *image = (Ec2Image){ .state = get_state(seen, EC2_IMAGE_DISABLED + 1) };
        if (string_replace(&image->id, id) < 0 ||
                copy_text(seen, "message", &image->state_message) < 0 ||
                get_devices(json_object_get(seen, "snapshots"), image) < 0)
                return -ENOMEM;
        *ret = images;
        images = (Ec2ImageList){ 0 };
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker was at when it died. */

#include "flow/removal-doubt.h"

#include "base/text.h"

static bool is_doubtful(const json_t *entry)
{
        return json_get_bool(entry, "asked", false) && !entry_is_settled(entry) &&
                !entry_is_half(entry);
}

static int settle_image(Removal *removal, json_t *entry)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2ImageFilter filter = { .id = entry_id(entry) };
        int r = ec2_describe_images(removal->bake->aws, &filter, /* flags= */ 0, &images, &error);

        if (r != EC2_E_NOT_FOUND)
                return r < 0 ? r : 0;
        return json_object_set_new(entry, "deregistered", json_true()) < 0 ? -ENOMEM : 0;
}

static int settle_snapshot(Removal *removal, json_t *entry)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        char *items[] = { (char *)(uintptr_t)entry_id(entry), NULL };
        const StringList ids = { items, 1 };
        const Ec2SnapshotFilter filter = { .among = &ids };
        int r = ec2_describe_snapshots(
                removal->bake->aws, &filter, /* flags= */ 0, &snapshots, &error);

        if (r != 0 || snapshots.count > 0)
                return r < 0 ? r : 0;
        return json_object_set_new(entry, "done", json_true()) < 0 ? -ENOMEM : 0;
}

/* Hardly ever more than one of them. */
int removal_settle_doubt(Removal *removal)
{
        json_t *entry;
        size_t i;
        int r = 0;

        json_array_foreach(removal_entries(removal, "images"), i, entry)
                if (r >= 0 && is_doubtful(entry))
                        r = settle_image(removal, entry);
        json_array_foreach(removal_entries(removal, "snapshots"), i, entry)
                if (r >= 0 && is_doubtful(entry))
                        r = settle_snapshot(removal, entry);
        return r;
}

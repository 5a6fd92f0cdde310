/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: cut together at one instant, followed to completion, deleted. */

#include "aws/ec2-snapshot.h"

#include "base/clock.h"

/* Paths in a reply's snapshotSet/item. */
static const XmlField snapshot_fields[] = {
        { "snapshotId", offsetof(Ec2Snapshot, id) },
        { "volumeId", offsetof(Ec2Snapshot, volume_id) },
        { "description", offsetof(Ec2Snapshot, description) },
        { "statusMessage", offsetof(Ec2Snapshot, message) },
        { "storageTier", offsetof(Ec2Snapshot, storage_tier) },
};

static void snapshot_done(Ec2Snapshot *snapshot)
{
        xml_free_fields(snapshot_fields, ELEMENTSOF(snapshot_fields), snapshot);
        tag_list_done(&snapshot->tags);
}

void ec2_snapshot_list_done(Ec2SnapshotList *snapshots)
{
        for (size_t i = 0; i < snapshots->count; i++)
                snapshot_done(&snapshots->items[i]);
        free(snapshots->items);
        *snapshots = (Ec2SnapshotList){ 0 };
}

const Ec2Snapshot *ec2_snapshot_list_find_volume(const Ec2SnapshotList *snapshots, const char *id)
{
        for (size_t i = 0; i < snapshots->count; i++)
                if (streq_ptr(snapshots->items[i].volume_id, id))
                        return &snapshots->items[i];
        return NULL;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* The element is <state> in the reply of CreateSnapshots and <status> in all others. */
static Ec2SnapshotState read_state(const XmlNode *item)
{
        static const char *const names[EC2_SNAPSHOT_STATE_MAX] = {
                [EC2_SNAPSHOT_PENDING] = "pending",
                [EC2_SNAPSHOT_COMPLETED] = "completed",
                [EC2_SNAPSHOT_ERROR] = "error",
                [EC2_SNAPSHOT_RECOVERABLE] = "recoverable",
                [EC2_SNAPSHOT_RECOVERING] = "recovering",
        };
        const char *text = xml_text(item, "status");

        if (!text)
                text = xml_text(item, "state");
        for (int state = 0; text && state < EC2_SNAPSHOT_STATE_MAX; state++)
                if (streq(text, names[state]))
                        return (Ec2SnapshotState)state;
        return EC2_SNAPSHOT_STATE_INVALID;
}

/* "45%"; an empty element while nothing is copied. */
static unsigned read_progress(const XmlNode *item)
{
        const char *text = xml_text(item, "progress");
        unsigned long percent = text ? strtoul(text, NULL, 10) : 0;

        return percent > 100 ? 100 : (unsigned)percent;
}

static int read_snapshot(const XmlNode *item, Ec2Snapshot *snapshot)
{
        const char *start_time = xml_text(item, "startTime");

        snapshot->state = read_state(item);
        snapshot->progress = read_progress(item);
        snapshot->size_gib = xml_u64(item, "volumeSize", 0);
        snapshot->full_size_bytes = xml_u64(item, "fullSnapshotSizeInBytes", 0);
        snapshot->encrypted = xml_bool(item, "encrypted", false);
        if (start_time)
                (void)timestamp_parse(start_time, &snapshot->start_time_usec);
        if (xml_copy_fields(item, snapshot_fields, ELEMENTSOF(snapshot_fields), snapshot) < 0)
                return -ENOMEM;
        return tag_list_read(xml_find(item, "tagSet"), &snapshot->tags);
}

/* Adds those of one reply. */
static int read_page(const XmlNode *root, Ec2SnapshotList *snapshots)
{
        const XmlNode *item = xml_first(xml_find(root, "snapshotSet"));
        int r = 0;

        for (; item && r >= 0; item = xml_next(item)) {
                Ec2Snapshot *snapshot;

                if (!xml_text(item, "snapshotId"))
                        continue;
                snapshot = ARRAY_ADD(snapshots->items, snapshots->count);
                r = snapshot ? read_snapshot(item, snapshot) : -ENOMEM;
        }
        return r;
}

int ec2_request_snapshots(const Ec2Request *request, Ec2SnapshotList *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        int r = read_page(ec2_request_reply(request), &snapshots);

        if (r < 0)
                return r;
        if (snapshots.count == 0)
                return -EBADMSG;
        *ret = snapshots;
        snapshots = (Ec2SnapshotList){ 0 };
        return 0;
}

/* --- Verbs ------------------------------------------------------------------------------------ */

int ec2_prepare_create_snapshots(AwsClient *client, const Ec2CreateSnapshots *arguments,
        Ec2Request **ret)
{
        _cleanup_(query_done) Query query = QUERY_INIT;

        ec2_begin(&query, "CreateSnapshots");
        query_add(&query, "InstanceSpecification.InstanceId", arguments->instance_id);
        if (arguments->exclude_boot_volume)
                query_add_bool(&query, "InstanceSpecification.ExcludeBootVolume", true);
        query_add_list(&query, "InstanceSpecification.ExcludeDataVolumeId",
                arguments->exclude_data_volumes);
        query_add(&query, "Description", arguments->description);
        tag_list_write(arguments->tags, &query, 1, "snapshot");
        if (arguments->copy_volume_tags)
                query_add(&query, "CopyTagsFromSource", "volume");
        return ec2_request_new(client, &query, "snapshotSet/item/snapshotId", ret);
}

static void write_tag_filter(Query *query, unsigned index, const char *key, const char *value)
{
        _cleanup_(freep) char *name = NULL;

        if (!key)
                return;
        if (string_printf(&name, "tag:%s", key) < 0)
                query->error = -ENOMEM;
        else
                query_add_filter(query, index, name, value);
}

static void write_pending_filter(Query *query, unsigned index, const StringList *volumes)
{
        query_add_filter(query, index, "status", "pending");
        query_addf(query, "volume-id", "Filter.%u.Name", index + 1);
        for (size_t i = 0; i < volumes->count; i++)
                query_addf(query, volumes->items[i], "Filter.%u.Value.%zu", index + 1, i + 1);
}

/* EC2 takes MaxResults or ids, not both; its filters know wildcards, ours do not. */
static void write_filter(const Ec2SnapshotFilter *filter, Query *query)
{
        query_add(query, "Owner.1", "self");
        if (filter->ids)
                query_add_list(query, "SnapshotId", filter->ids);
        else
                query_add(query, "MaxResults", EC2_PAGE_ITEMS);
        write_tag_filter(query, 1, filter->tag_key, filter->tag_value);
        write_tag_filter(query, 2, filter->and_tag_key, filter->and_tag_value);
        if (filter->among)
                query_add_filter_list(query, 1, "snapshot-id", filter->among);
        if (filter->pending_of)
                write_pending_filter(query,
                        1 + (filter->tag_key != NULL) + (filter->and_tag_key != NULL),
                        filter->pending_of);
}

static bool has_tag(const Ec2Snapshot *snapshot, const char *key, const char *value)
{
        return !key || streq_ptr(tag_list_get(&snapshot->tags, key), value);
}

static bool is_pending_of(const Ec2Snapshot *snapshot, const StringList *volumes)
{
        return !volumes ||
                (snapshot->state == EC2_SNAPSHOT_PENDING && snapshot->volume_id &&
                        string_list_contains(volumes, snapshot->volume_id));
}

static bool is_among(const Ec2Snapshot *snapshot, const StringList *ids)
{
        return !ids || string_list_contains(ids, snapshot->id);
}

/* A service that does not know a filter lists everything, and what is found may be deleted. */
static void keep_matching(const Ec2SnapshotFilter *filter, Ec2SnapshotList *snapshots)
{
        size_t kept = 0;

        for (size_t i = 0; i < snapshots->count; i++) {
                Ec2Snapshot *snapshot = &snapshots->items[i];

                if (is_among(snapshot, filter->among) &&
                        has_tag(snapshot, filter->tag_key, filter->tag_value) &&
                        has_tag(snapshot, filter->and_tag_key, filter->and_tag_value) &&
                        is_pending_of(snapshot, filter->pending_of))
                        snapshots->items[kept++] = *snapshot;
                else
                        snapshot_done(snapshot);
        }
        snapshots->count = kept;
}

typedef struct Listing {
        const Ec2SnapshotFilter *filter;
        Ec2OnSnapshots on_snapshots;
        void *userdata;
} Listing;

static int on_page(void *userdata, const XmlNode *root)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        const Listing *listing = userdata;
        int r = read_page(root, &snapshots);

        if (r < 0)
                return r;
        keep_matching(listing->filter, &snapshots);
        return listing->on_snapshots(listing->userdata, &snapshots);
}

static int call_describe(AwsClient *client, Listing *listing, Ec2Flags flags, ApiError *reterr)
{
        const Ec2SnapshotFilter *filter = listing->filter;
        _cleanup_(query_done) Query query = QUERY_INIT;

        if (!filter->all && !filter->tag_key && !filter->pending_of &&
                (!filter->among || filter->among->count == 0) &&
                (!filter->ids || filter->ids->count == 0))
                return -EINVAL;
        /* The filters are numbered: with one of the others it would need the next number. */
        if (filter->among && (filter->tag_key || filter->pending_of))
                return -EINVAL;
        if ((filter->ids && filter->ids->count > EC2_IDS_MAX) ||
                (filter->among && filter->among->count > EC2_FILTER_VALUES_MAX) ||
                (filter->pending_of && filter->pending_of->count > EC2_FILTER_VALUES_MAX))
                return -E2BIG;
        ec2_begin(&query, "DescribeSnapshots");
        write_filter(filter, &query);
        return ec2_call_pages(client, &query, flags, on_page, listing, reterr);
}

int ec2_list_snapshots(AwsClient *client, const Ec2SnapshotFilter *filter,
        Ec2OnSnapshots on_snapshots, void *userdata, ApiError *reterr)
{
        Listing listing = { .filter = filter, .on_snapshots = on_snapshots, .userdata = userdata };

        return call_describe(client, &listing, /* flags= */ 0, reterr);
}

static int collect(void *userdata, Ec2SnapshotList *page)
{
        Ec2SnapshotList *snapshots = userdata;

        for (size_t i = 0; i < page->count; i++) {
                Ec2Snapshot *snapshot = ARRAY_ADD(snapshots->items, snapshots->count);

                if (!snapshot)
                        return -ENOMEM;
                *snapshot = page->items[i];
                page->items[i] = (Ec2Snapshot){ 0 };
        }
        return 0;
}

int ec2_describe_snapshots(AwsClient *client, const Ec2SnapshotFilter *filter, Ec2Flags flags,
        Ec2SnapshotList *ret, ApiError *reterr)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        Listing listing = { .filter = filter, .on_snapshots = collect, .userdata = &snapshots };
        int r = call_describe(client, &listing, flags, reterr);

        if (r != 0)
                return r;
        *ret = snapshots;
        snapshots = (Ec2SnapshotList){ 0 };
        return 0;
}

int ec2_delete_snapshot(AwsClient *client, const char *id, Ec2Flags flags, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "DeleteSnapshot");
        query_add(&query, "SnapshotId", id);
        r = ec2_call(client, &query, flags, &reply, reterr);
        return r == EC2_E_NOT_FOUND ? 0 : r;
}

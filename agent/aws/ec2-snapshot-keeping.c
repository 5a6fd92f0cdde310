/* SPDX-License-Identifier: Apache-2.0 */
/* How snapshots are kept: ready to be restored fast, locked, archived. */

#include "aws/ec2-snapshot-keeping.h"

/* --- Fast restore ----------------------------------------------------------------------------- */

/* The reply to a call that went well tells what did not. */
static int read_unsuccessful(const XmlNode *root, ApiError *reterr)
{
        const XmlNode *item = xml_first(xml_find(root, "unsuccessful"));
        const XmlNode *error = xml_first(xml_find(item, "fastSnapshotRestoreStateErrorSet"));
        const char *zone = xml_text(error, "availabilityZone");
        const char *reason = xml_text(error, "error/message");
        _cleanup_(freep) char *message = NULL;

        if (!item)
                return 0;
        if (string_printf(&message, "%s in %s: %s", xml_text(item, "snapshotId"),
                    zone ? zone : "a zone", reason ? reason : "EC2 gives no reason") < 0 ||
                api_error_set(reterr, xml_text(error, "error/code"), message) < 0)
                return -ENOMEM;
        return EC2_E_REFUSED;
}

int ec2_enable_fast_restore(AwsClient *client, const StringList *snapshots,
        const StringList *zones, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "EnableFastSnapshotRestores");
        query_add_list(&query, "AvailabilityZone", zones);
        query_add_list(&query, "SourceSnapshotId", snapshots);
        r = ec2_call(client, &query, EC2_FRESH, &reply, reterr);
        return r != 0 ? r : read_unsuccessful(xml_root(reply), reterr);
}

/* --- The lock --------------------------------------------------------------------------------- */

int ec2_lock_snapshot(AwsClient *client, const char *id, const char *mode, unsigned days,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "LockSnapshot");
        query_add(&query, "SnapshotId", id);
        query_add(&query, "LockMode", mode);
        query_add_u64(&query, "LockDuration", days);
        return ec2_call(client, &query, EC2_FRESH, &reply, reterr);
}

int ec2_unlock_snapshot(AwsClient *client, const char *id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        ec2_begin(&query, "UnlockSnapshot");
        query_add(&query, "SnapshotId", id);
        return ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
}

/* --- The archive ------------------------------------------------------------------------------ */

/* It takes a day or more until the tier is the new one; until then only the operation tells. */
static bool is_archived(AwsClient *client, const char *id)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const char *tier, *operation;
        const XmlNode *item;

        ec2_begin(&query, "DescribeSnapshotTierStatus");
        query_add_filter(&query, 1, "snapshot-id", id);
        if (ec2_call(client, &query, /* flags= */ 0, &reply, &error) != 0)
                return false;
        item = xml_first(xml_find(xml_root(reply), "snapshotTierStatusSet"));
        tier = xml_text(item, "storageTier");
        operation = xml_text(item, "lastTieringOperationStatus");
        return streq_ptr(xml_text(item, "snapshotId"), id) &&
                (streq_ptr(tier, "archive") || streq_ptr(operation, "archival-in-progress"));
}

int ec2_archive_snapshot(AwsClient *client, const char *id, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "ModifySnapshotTier");
        query_add(&query, "SnapshotId", id);
        query_add(&query, "StorageTier", "archive");
        r = ec2_call(client, &query, EC2_FRESH, &reply, reterr);
        return r == EC2_E_REFUSED && is_archived(client, id) ? 0 : r;
}

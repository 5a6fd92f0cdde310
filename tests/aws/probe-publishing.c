/* SPDX-License-Identifier: Apache-2.0 */
/* What aws-probe does with what is made already: copies it, shares it, keeps it. */

#include "aws/ec2-copy.h"
#include "aws/ec2-image-keeping.h"
#include "aws/ec2-sharing.h"
#include "aws/ec2-snapshot-keeping.h"
#include "tests/aws/probe.h"

int probe_copy_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList image_tags = TAG_LIST_INIT, snapshot_tags = TAG_LIST_INIT;
        _cleanup_(freep) char *id = NULL;
        const Ec2CopyImage arguments = {
                .source_region = probe_argument(command, "source-region"),
                .source_image_id = probe_argument(command, "source"),
                .name = probe_argument(command, "name"),
                .description = json_get_string(command, "description", NULL),
                .kms_key_id = json_get_string(command, "key", NULL),
                .client_token = json_get_string(command, "token", NULL),
                .image_tags = &image_tags,
                .snapshot_tags = &snapshot_tags,
        };
        int r;

        probe_read_tags(json_object_get(command, "image-tags"), &image_tags);
        probe_read_tags(json_object_get(command, "snapshot-tags"), &snapshot_tags);
        r = ec2_copy_image(probe->client, &arguments, &id, &error);
        probe_put_error(answer, &error);
        probe_put(answer, "id", id);
        return r;
}

static int share(Probe *probe, const json_t *command, json_t *answer,
        int (*call)(AwsClient *client, const char *id, const StringList *with, ApiError *reterr))
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(string_list_done) StringList with = STRING_LIST_INIT;
        int r;

        probe_read_strings(json_object_get(command, "with"), &with);
        r = call(probe->client, probe_argument(command, "id"), &with, &error);
        probe_put_error(answer, &error);
        return r;
}

int probe_share_image(Probe *probe, const json_t *command, json_t *answer)
{
        return share(probe, command, answer, ec2_share_image);
}

int probe_share_snapshot(Probe *probe, const json_t *command, json_t *answer)
{
        return share(probe, command, answer, ec2_share_snapshot);
}

int probe_deprecate_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_deprecate_image(probe->client, probe_argument(command, "id"),
                json_get_u64(command, "at-usec", 0), &error);

        probe_put_error(answer, &error);
        return r;
}

int probe_protect_image(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_protect_image(probe->client, probe_argument(command, "id"),
                json_get_bool(command, "cooldown", false), &error);

        probe_put_error(answer, &error);
        return r;
}

int probe_fast_restore(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT, zones = STRING_LIST_INIT;
        int r;

        probe_read_strings(json_object_get(command, "ids"), &ids);
        probe_read_strings(json_object_get(command, "zones"), &zones);
        r = ec2_enable_fast_restore(probe->client, &ids, &zones, &error);
        probe_put_error(answer, &error);
        return r;
}

int probe_lock_snapshot(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_lock_snapshot(probe->client, probe_argument(command, "id"),
                probe_argument(command, "mode"), (unsigned)json_get_u64(command, "days", 0), &error);

        probe_put_error(answer, &error);
        return r;
}

int probe_archive_snapshot(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_archive_snapshot(probe->client, probe_argument(command, "id"), &error);

        probe_put_error(answer, &error);
        return r;
}

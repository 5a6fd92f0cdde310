/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does with our AWS client what it reads: one command a line as JSON, and a line of JSON for each
 * with what came of it. Tests drive it against the simulated cloud, and break that on purpose.
 */

#include <signal.h>

#include "aws/ec2-instance.h"
#include "aws/ec2-registration.h"
#include "aws/ec2-snapshot.h"
#include "aws/ec2-tagging.h"
#include "aws/ec2-volume.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/aws/probe.h"

static void probe_done(Probe *probe)
{
        ec2_request_free(probe->request);
        aws_client_free(probe->client);
        credentials_provider_free(probe->credentials);
        imds_free(probe->imds);
}

/* --- Metadata and keys ------------------------------------------------------------------------ */

static int do_imds(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(freep) char *text = NULL;
        int r = imds_get(probe->imds, probe_argument(command, "path"), &text);

        probe_put(answer, "text", text);
        if (r != 0)
                probe_put(answer, "message", imds_message(probe->imds));
        return r;
}

static int do_credentials(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(freep) char *message = NULL;
        const Credentials *credentials;
        int r = credentials_provider_get(probe->credentials, &credentials, &message);

        probe_put(answer, "message", message);
        if (r == 0)
                probe_put(answer, "access-key-id", credentials->access_key_id);
        return r;
}

/* --- Instance, volumes ------------------------------------------------------------------------ */

static int do_describe_instance(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_instance_done) Ec2Instance instance = { 0 };
        json_t *attachments = json_object();
        int r = ec2_describe_instance(
                probe->client, probe_argument(command, "id"), &instance, &error);

        probe_put_error(answer, &error);
        probe_put(answer, "id", instance.id);
        probe_put(answer, "state", instance.state);
        probe_put(answer, "architecture", instance.architecture);
        probe_put(answer, "root-device-name", instance.root_device_name);
        probe_put(answer, "root-device-type", instance.root_device_type);
        probe_put(answer, "virtualization-type", instance.virtualization_type);
        probe_put(answer, "boot-mode", instance.boot_mode);
        probe_put(answer, "current-boot-mode", instance.current_boot_mode);
        json_object_set_new(answer, "ena", json_boolean(instance.ena_support));
        probe_put_number(answer, "product-codes", instance.product_codes.count);
        for (size_t i = 0; i < instance.n_attachments; i++)
                probe_put(attachments, instance.attachments[i].device_name,
                        instance.attachments[i].volume_id);
        json_object_set_new(answer, "attachments", attachments);
        return r;
}

static int do_describe_volumes(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_volume_list_done) Ec2VolumeList volumes = { 0 };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        json_t *array = json_array();
        int r;

        probe_read_strings(json_object_get(command, "ids"), &ids);
        r = ec2_describe_volumes(probe->client, &ids, &volumes, &error);
        probe_put_error(answer, &error);
        for (size_t i = 0; i < volumes.count; i++) {
                const Ec2Volume *volume = &volumes.items[i];
                json_t *item = json_object();

                probe_put(item, "id", volume->id);
                probe_put(item, "type", volume->type);
                probe_put(item, "instance", volume->attached_instance_id);
                probe_put(item, "device", volume->attached_device_name);
                probe_put_number(item, "size-gib", volume->size_gib);
                probe_put_number(item, "iops", volume->iops);
                probe_put_number(item, "throughput", volume->throughput);
                json_object_set_new(item, "encrypted", json_boolean(volume->encrypted));
                json_array_append_new(array, item);
        }
        json_object_set_new(answer, "volumes", array);
        return r;
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static json_t *snapshots_to_json(const Ec2SnapshotList *snapshots)
{
        static const char *const states[] = { "pending", "completed", "error", "recoverable",
                "recovering" };
        json_t *array = json_array();

        for (size_t i = 0; i < snapshots->count; i++) {
                const Ec2Snapshot *snapshot = &snapshots->items[i];
                json_t *item = json_object();

                probe_put(item, "id", snapshot->id);
                probe_put(item, "volume", snapshot->volume_id);
                probe_put(
                        item, "state", snapshot->state >= 0 ? states[snapshot->state] : "unknown");
                probe_put_number(item, "progress", snapshot->progress);
                probe_put_number(item, "start-time-usec", snapshot->start_time_usec);
                probe_put_number(item, "size-gib", snapshot->size_gib);
                json_object_set_new(item, "tags", probe_tags(&snapshot->tags));
                json_array_append_new(array, item);
        }
        return array;
}

static int do_describe_snapshots(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        Ec2SnapshotFilter filter = {
                .tag_key = json_get_string(command, "tag-key", NULL),
                .tag_value = json_get_string(command, "tag-value", NULL),
        };
        int r;

        probe_read_strings(json_object_get(command, "ids"), &ids);
        filter.ids = ids.count > 0 ? &ids : NULL;
        r = ec2_describe_snapshots(
                probe->client, &filter, probe_flags(command), &snapshots, &error);
        probe_put_error(answer, &error);
        json_object_set_new(answer, "snapshots", snapshots_to_json(&snapshots));
        return r;
}

static int do_delete_snapshot(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_delete_snapshot(
                probe->client, probe_argument(command, "id"), probe_flags(command), &error);

        probe_put_error(answer, &error);
        return r;
}

static int do_create_tags(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        int r;

        probe_read_strings(json_object_get(command, "ids"), &ids);
        probe_read_tags(json_object_get(command, "tags"), &tags);
        r = ec2_create_tags(probe->client, &ids, &tags, probe_flags(command), &error);
        probe_put_error(answer, &error);
        return r;
}

/* --- Prepared calls --------------------------------------------------------------------------- */

static int do_prepare_snapshots(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(string_list_done) StringList excluded = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        const Ec2CreateSnapshots arguments = {
                .instance_id = probe_argument(command, "instance"),
                .description = json_get_string(command, "description", NULL),
                .exclude_boot_volume = json_get_bool(command, "exclude-boot", false),
                .exclude_data_volumes = &excluded,
                .tags = &tags,
        };

        probe_read_strings(json_object_get(command, "exclude"), &excluded);
        probe_read_tags(json_object_get(command, "tags"), &tags);
        probe->request = ec2_request_free(probe->request);
        return ec2_prepare_create_snapshots(probe->client, &arguments, &probe->request);
}

static int do_warm(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_request_warm(probe->request, &error);

        probe_put_error(answer, &error);
        return r;
}

static int do_send(Probe *probe, const json_t *command, json_t *answer)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        uint64_t budget_usec = json_get_u64(command, "budget-usec", 2 * USEC_PER_SEC);
        int r = ec2_request_send(probe->request, clock_usec() + budget_usec, &error);

        probe_put_error(answer, &error);
        probe_put_number(answer, "date-usec", ec2_request_date_usec(probe->request));
        if (r != 0)
                return r;
        probe_put(answer, "image", ec2_request_image_id(probe->request));
        if (ec2_request_image_id(probe->request))
                return 0;
        r = ec2_request_snapshots(probe->request, &snapshots);
        json_object_set_new(answer, "snapshots", snapshots_to_json(&snapshots));
        return r;
}

static int do_status(Probe *probe, const json_t *command, json_t *answer)
{
        json_object_set_new(answer, "clock-offset-usec",
                json_integer(aws_client_clock_offset_usec(probe->client)));
        json_object_set_new(answer, "knows-clock",
                json_boolean(aws_client_knows_clock(probe->client)));
        json_object_set_new(answer, "is-warm", json_boolean(aws_client_is_warm(probe->client)));
        probe_put(answer, "region", aws_client_region(probe->client));
        return 0;
}

static int do_cancel(Probe *probe, const json_t *command, json_t *answer)
{
        probe->cancel_usec = clock_usec() + json_get_u64(command, "after-usec", 0);
        return 0;
}

static int do_deadline(Probe *probe, const json_t *command, json_t *answer)
{
        uint64_t after_usec = json_get_u64(command, "after-usec", 0);

        probe->deadline_usec = after_usec > 0 ? clock_usec() + after_usec : USEC_INFINITY;
        aws_client_set_deadline(probe->client, probe->deadline_usec);
        return 0;
}

static int do_patience(Probe *probe, const json_t *command, json_t *answer)
{
        retry_init(&probe->patience, clock_usec(), /* retries_not_found= */ false);
        retry_be_patient(
                &probe->patience, clock_usec() + json_get_u64(command, "for-usec", 0));
        aws_client_set_patience(probe->client, &probe->patience);
        return 0;
}

/* --- The loop --------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        int (*run)(Probe *probe, const json_t *command, json_t *answer);
} verbs[] = {
        { "imds", do_imds },
        { "credentials", do_credentials },
        { "describe-instance", do_describe_instance },
        { "describe-volumes", do_describe_volumes },
        { "describe-snapshots", do_describe_snapshots },
        { "delete-snapshot", do_delete_snapshot },
        { "create-tags", do_create_tags },
        { "describe-images", probe_describe_images },
        { "register-image", probe_register_image },
        { "deregister-image", probe_deregister_image },
        { "copy-image", probe_copy_image },
        { "share-image", probe_share_image },
        { "share-snapshot", probe_share_snapshot },
        { "deprecate-image", probe_deprecate_image },
        { "protect-image", probe_protect_image },
        { "fast-restore", probe_fast_restore },
        { "lock-snapshot", probe_lock_snapshot },
        { "archive-snapshot", probe_archive_snapshot },
        { "get-parameter", probe_get_parameter },
        { "put-parameter", probe_put_parameter },
        { "describe-templates", probe_describe_templates },
        { "describe-groups", probe_describe_groups },
        { "describe-configurations", probe_describe_configurations },
        { "run-instance", probe_run_instance },
        { "terminate-instance", probe_terminate_instance },
        { "describe-instances", probe_describe_instances },
        { "describe-health", probe_describe_health },
        { "get-console", probe_get_console },
        { "put-object", probe_put_object },
        { "get-object", probe_get_object },
        { "head-object", probe_head_object },
        { "delete-objects", probe_delete_objects },
        { "list-objects", probe_list_objects },
        { "upload", probe_upload },
        { "stream-object", probe_stream_object },
        { "head-objects", probe_head_objects },
        { "list-versions", probe_list_versions },
        { "delete-versions", probe_delete_versions },
        { "check-bucket", probe_check_bucket },
        { "put-file", probe_put_file },
        { "prepare-snapshots", do_prepare_snapshots },
        { "prepare-image", probe_prepare_image },
        { "warm", do_warm },
        { "send", do_send },
        { "status", do_status },
        { "cancel", do_cancel },
        { "deadline", do_deadline },
        { "patience", do_patience },
};

static int run_command(Probe *probe, const json_t *command, json_t *answer)
{
        const char *verb = probe_argument(command, "verb");

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verb, verbs[i].name))
                        return verbs[i].run(probe, command, answer);
        log_error("There is no verb \"%s\".", verb);
        exit(2);
}

static int answer_command(Probe *probe, const json_t *command, JsonStream *stream)
{
        _cleanup_(json_decrefp) json_t *answer = json_object();
        uint64_t start_usec = clock_usec();
        int r = run_command(probe, command, answer);

        json_object_set_new(answer, "result", json_integer(r));
        probe_put_number(answer, "elapsed-usec", clock_usec() - start_usec);
        return json_stream_write(stream, answer);
}

bool probe_is_cancelled(void *userdata)
{
        const Probe *probe = userdata;

        return clock_usec() >= probe->cancel_usec;
}

AwsClient *probe_client(Probe *probe, const char *service)
{
        _cleanup_(freep) char *message = NULL;
        const AwsClientConfig config = {
                .service = service,
                .region = aws_region_from_environment(),
                .credentials = probe->credentials,
                .cancelled = probe_is_cancelled,
                .userdata = probe,
        };
        AwsClient *client;
        int r = aws_client_new(&config, &client, &message);

        if (r >= 0) {
                aws_client_set_deadline(client, probe->deadline_usec);
                return client;
        }
        (void)log_error_errno(r, "Failed to prepare the client: %s", message ? message : "%m");
        exit(1);
}

static int probe_init(Probe *probe)
{
        int r;

        probe->cancel_usec = probe->deadline_usec = USEC_INFINITY;
        r = imds_new(&probe->imds);
        if (r < 0)
                return log_error_errno(r, "Failed to prepare the metadata client: %m");
        r = credentials_provider_new(probe->imds, &probe->credentials);
        if (r < 0)
                return log_error_errno(r, "Failed to prepare the credentials: %m");
        probe->client = probe_client(probe, "ec2");
        return 0;
}

/* The test's end of standard input is a socket, and so takes the answers as well. */
int main(void)
{
        _cleanup_(json_stream_done) JsonStream stream = { .fd = -EBADF };
        _cleanup_(probe_done) Probe probe = { 0 };
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        r = probe_init(&probe);
        if (r < 0)
                return 1;
        json_stream_init(&stream, STDIN_FILENO);
        for (;;) {
                _cleanup_(json_decrefp) json_t *command = NULL;

                r = json_stream_read(&stream, &command);
                if (r > 0)
                        r = answer_command(&probe, command, &stream);
                else if (r == 0)
                        return 0;
                if (r < 0) {
                        (void)log_error_errno(r, "Failed to serve a command: %m");
                        return 1;
                }
        }
}

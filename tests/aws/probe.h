/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parts of aws-probe share: its state, and how a command is read and answered. */

#include "aws/ec2-request.h"
#include "aws/tags.h"
#include "base/json.h"

typedef struct Probe {
        Imds *imds;
        CredentialsProvider *credentials;
        AwsClient *client;
        Ec2Request *request;
        uint64_t cancel_usec; /* clock_usec() from which the client hears that it is cancelled */
        uint64_t deadline_usec; /* of its clients */
        Retry patience; /* of the client of EC2 */
} Probe;

/* As the `cancelled` of clients: `userdata` is the probe. */
bool probe_is_cancelled(void *userdata);

/* A client of another service, which the caller frees; ends the program if there can be none. */
AwsClient *probe_client(Probe *probe, const char *service);

/* Members of an answer. A NULL text is left out. */
void probe_put(json_t *answer, const char *key, const char *value);
void probe_put_number(json_t *answer, const char *key, uint64_t value);
void probe_put_error(json_t *answer, const ApiError *error);
json_t *probe_tags(const TagList *tags);

/* Members of a command. The first must be there. */
const char *probe_argument(const json_t *command, const char *key);
void probe_read_strings(const json_t *array, StringList *ret);
void probe_read_tags(const json_t *object, TagList *ret);
Ec2Flags probe_flags(const json_t *command);

/* Verbs about images. */
int probe_describe_images(Probe *probe, const json_t *command, json_t *answer);
int probe_register_image(Probe *probe, const json_t *command, json_t *answer);
int probe_deregister_image(Probe *probe, const json_t *command, json_t *answer);
int probe_prepare_image(Probe *probe, const json_t *command, json_t *answer);

/* Verbs about what becomes of them. */
int probe_copy_image(Probe *probe, const json_t *command, json_t *answer);
int probe_share_image(Probe *probe, const json_t *command, json_t *answer);
int probe_share_snapshot(Probe *probe, const json_t *command, json_t *answer);
int probe_deprecate_image(Probe *probe, const json_t *command, json_t *answer);
int probe_protect_image(Probe *probe, const json_t *command, json_t *answer);
int probe_fast_restore(Probe *probe, const json_t *command, json_t *answer);
int probe_lock_snapshot(Probe *probe, const json_t *command, json_t *answer);
int probe_archive_snapshot(Probe *probe, const json_t *command, json_t *answer);

/* In probe-services.c. */
int probe_get_parameter(Probe *probe, const json_t *command, json_t *answer);
int probe_put_parameter(Probe *probe, const json_t *command, json_t *answer);
int probe_describe_templates(Probe *probe, const json_t *command, json_t *answer);
int probe_describe_groups(Probe *probe, const json_t *command, json_t *answer);
int probe_describe_configurations(Probe *probe, const json_t *command, json_t *answer);

/* Verbs about instances that are launched. */
int probe_run_instance(Probe *probe, const json_t *command, json_t *answer);
int probe_terminate_instance(Probe *probe, const json_t *command, json_t *answer);
int probe_describe_instances(Probe *probe, const json_t *command, json_t *answer);
int probe_describe_health(Probe *probe, const json_t *command, json_t *answer);
int probe_get_console(Probe *probe, const json_t *command, json_t *answer);

/* Verbs about S3. */
int probe_put_object(Probe *probe, const json_t *command, json_t *answer);
int probe_get_object(Probe *probe, const json_t *command, json_t *answer);
int probe_head_object(Probe *probe, const json_t *command, json_t *answer);
int probe_delete_objects(Probe *probe, const json_t *command, json_t *answer);
int probe_list_objects(Probe *probe, const json_t *command, json_t *answer);
int probe_upload(Probe *probe, const json_t *command, json_t *answer);
int probe_stream_object(Probe *probe, const json_t *command, json_t *answer);
int probe_head_objects(Probe *probe, const json_t *command, json_t *answer);
int probe_list_versions(Probe *probe, const json_t *command, json_t *answer);
int probe_delete_versions(Probe *probe, const json_t *command, json_t *answer);
int probe_put_file(Probe *probe, const json_t *command, json_t *answer);
int probe_check_bucket(Probe *probe, const json_t *command, json_t *answer);

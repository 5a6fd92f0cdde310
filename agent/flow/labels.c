/* SPDX-License-Identifier: Apache-2.0 */
/* The tags by which what was made is known again. */

#include "flow/labels.h"

#include <inttypes.h>

#include "base/text.h"

/* A value that EC2 takes: UTF-8, no control characters, cut between two characters. */
static json_t *value_to_json(const char *text)
{
        _cleanup_(json_decrefp) json_t *whole = json_text(text);
        const char *utf8 = json_string_value(whole);
        char value[LABEL_VALUE_MAX + 1];
        size_t length;

        if (!utf8)
                return NULL;
        length = strnlen(utf8, LABEL_VALUE_MAX);
        if (utf8[length] != '\0')
                while (length > 0 && ((unsigned char)utf8[length] & 0xc0) == 0x80)
                        length--;
        for (size_t i = 0; i < length; i++)
                value[i] = (unsigned char)utf8[i] < ' ' || utf8[i] == 0x7f ? '?' : utf8[i];
        value[length] = '\0';
        return json_string(value);
}

static int set(json_t *object, const char *key, const char *value)
{
        if (!value)
                return 0;
        return json_object_set_new(object, key, value_to_json(value)) < 0 ? -ENOMEM : 0;
}

static int set_pair(json_t *object, const char *pair)
{
        size_t key_length = strcspn(pair, "=");
        _cleanup_(freep) char *key = strndup(pair, key_length);

        return key ? set(object, key, pair + key_length + 1) : -ENOMEM;
}

int labels_of_job(const Record *record, const Profile *profile, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *object = json_object();

        if (set(object, "Name", record->name ? record->name : record->id) < 0 ||
                set(object, LABEL_JOB, record->id) < 0 ||
                set(object, LABEL_KIND, record->name ? "image" : "snapshots") < 0 ||
                set(object, LABEL_PROFILE, record->profile) < 0 ||
                set(object, LABEL_INSTANCE, record->instance_id) < 0 ||
                set(object, LABEL_PARAMETER, record->name ? profile->ssm_parameter : NULL) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < profile->tags.count; i++)
                if (set_pair(object, profile->tags.items[i]) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(object);
        return 0;
}

static size_t volume_position(const FileSystem *fs, const Topology *topology, const char *id)
{
        size_t i;

        for (i = 0; i < fs->n_volumes; i++)
                if (streq(topology->volumes[fs->volumes[i]].id, id))
                        break;
        return i;
}

/* "ext4 UUID 1/2 lvm:vg-data": which of the volumes this is, and what has to be put together. */
static int describe_part(const FileSystem *fs, size_t position, Text *set_text)
{
        int r = text_addf(set_text, "%s %s %zu/%zu", fs->type, fs->uuid ? fs->uuid : "-",
                position + 1, fs->n_volumes);

        for (size_t i = 0; r >= 0 && i < fs->layers.count; i++)
                r = text_addf(set_text, " %s", fs->layers.items[i]);
        return r;
}

static int describe_volume(const Topology *topology, const char *id, Text *mounts, Text *set_text)
{
        for (size_t i = 0; i < topology->n_file_systems; i++) {
                const FileSystem *fs = &topology->file_systems[i];
                size_t position = volume_position(fs, topology, id);
                const char *separator = mounts->length > 0 ? "," : "";

                if (position == fs->n_volumes)
                        continue;
                if (text_addf(mounts, "%s%s", separator, fs->mount_point) < 0 ||
                        text_addf(set_text, "%s", separator) < 0 ||
                        describe_part(fs, position, set_text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static const char *attached_as(const PlanInput *input, const char *volume_id)
{
        for (size_t i = 0; i < input->instance->n_attachments; i++)
                if (streq(input->instance->attachments[i].volume_id, volume_id))
                        return input->instance->attachments[i].device_name;
        return NULL;
}

static int labels_of_volume(const PlanInput *input, const char *id, json_t **ret)
{
        _cleanup_(text_done) Text mounts = TEXT_INIT, set_text = TEXT_INIT;
        _cleanup_(json_decrefp) json_t *object = json_object();

        if (describe_volume(input->topology, id, &mounts, &set_text) < 0 ||
                set(object, LABEL_MOUNTS, mounts.data) < 0 ||
                set(object, LABEL_TOPOLOGY, set_text.data) < 0 ||
                set(object, LABEL_DEVICE, attached_as(input, id)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(object);
        return 0;
}

int labels_of_volumes(const Plan *plan, const PlanInput *input, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *object = json_object();

        for (size_t i = 0; i < plan->volumes.count; i++) {
                json_t *labels = NULL;

                if (labels_of_volume(input, plan->volumes.items[i], &labels) < 0 ||
                        json_object_set_new(object, plan->volumes.items[i], labels) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(object);
        return 0;
}

int labels_of_result(const Record *record, TagList *ret)
{
        _cleanup_(json_decrefp) json_t *at_rest = NULL;
        _cleanup_(freep) char *frozen = NULL;
        char cut[TIMESTAMP_MAX];

        timestamp_format(record->cut_ec2_usec, cut);
        if (record->cut_ec2_usec > 0 && tag_list_set(ret, LABEL_CUT, cut) < 0)
                return -ENOMEM;
        if (string_printf(&frozen, "%" PRIu64, record->frozen_usec) < 0 ||
                tag_list_set(ret, LABEL_CONSISTENCY, consistency_names[record->reached]) < 0 ||
                tag_list_set(ret, LABEL_FROZEN, frozen) < 0)
                return -ENOMEM;
        if (!record->at_rest)
                return 0;
        at_rest = value_to_json(record->at_rest);
        return at_rest ? tag_list_set(ret, LABEL_AT_REST, json_string_value(at_rest)) : -ENOMEM;
}

int labels_add(TagList *tags, const json_t *object)
{
        const char *key;
        json_t *value;

        /* Discards const only for jansson's iterator, which does not write. */
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
                if (json_is_string(value) && tag_list_set(tags, key, json_string_value(value)) < 0)
                        return -ENOMEM;
        return 0;
}

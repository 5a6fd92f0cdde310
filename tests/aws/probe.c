/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and answers of aws-probe. */

#include "tests/aws/probe.h"

#include "base/log.h"

void probe_put(json_t *answer, const char *key, const char *value)
{
        if (value)
                json_object_set_new(answer, key, json_string(value));
}

void probe_put_number(json_t *answer, const char *key, uint64_t value)
{
        json_object_set_new(answer, key, json_integer((json_int_t)value));
}

void probe_put_error(json_t *answer, const ApiError *error)
{
        probe_put(answer, "code", error->code);
        probe_put(answer, "message", error->message);
        probe_put(answer, "request-id", error->request_id);
        probe_put_number(answer, "http-status", (uint64_t)error->http_status);
}

/* A text member of the command, which must be there. */
const char *probe_argument(const json_t *command, const char *key)
{
        const char *value = json_get_string(command, key, NULL);

        if (value)
                return value;
        log_error("The command lacks \"%s\".", key);
        exit(2);
}

void probe_read_strings(const json_t *array, StringList *ret)
{
        size_t i;
        json_t *item;

        json_array_foreach(array, i, item)
                (void)string_list_add(ret, json_string_value(item));
}

void probe_read_tags(const json_t *object, TagList *ret)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)object, key, value)
                (void)tag_list_set(ret, key, json_string_value(value));
}

json_t *probe_tags(const TagList *tags)
{
        json_t *object = json_object();

        for (size_t i = 0; i < tags->count; i++)
                probe_put(object, tags->items[i].key, tags->items[i].value);
        return object;
}

Ec2Flags probe_flags(const json_t *command)
{
        return json_get_bool(command, "fresh", false) ? EC2_FRESH : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as D-Bus variants. */

#include "daemon/variant.h"

#include <string.h>

#include "base/cleanup.h"

/* D-Bus allows 32 levels of structs in a signature; what workers send has two. */
#define DEPTH_MAX 8

static int append_object(sd_bus_message *message, const json_t *object, unsigned depth);

int variant_append_strings(sd_bus_message *message, const json_t *array)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < json_array_size(array); i++)
                if (json_is_string(json_array_get(array, i)))
                        r = sd_bus_message_append(message, "s",
                                json_string_value(json_array_get(array, i)));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* The type that a value goes as; NULL for one that is left out. */
static const char *signature_of(const json_t *value)
{
        switch (json_typeof(value)) {
        case JSON_STRING:
                return "s";
        case JSON_INTEGER:
                return json_integer_value(value) < 0 ? "x" : "t";
        case JSON_REAL:
                return "d";
        case JSON_TRUE:
        case JSON_FALSE:
                return "b";
        case JSON_OBJECT:
                return "a{sv}";
        case JSON_ARRAY:
                if (json_array_size(value) > 0 && !json_is_string(json_array_get(value, 0)))
                        return NULL;
                return "as";
        default:
                return NULL;
        }
}

static int append_value(sd_bus_message *message, const json_t *value, unsigned depth)
{
        switch (json_typeof(value)) {
        case JSON_STRING:
                return sd_bus_message_append(message, "s", json_string_value(value));
        case JSON_INTEGER:
                return sd_bus_message_append(message, signature_of(value),
                        (int64_t)json_integer_value(value));
        case JSON_REAL:
                return sd_bus_message_append(message, "d", json_real_value(value));
        case JSON_OBJECT:
                return append_object(message, value, depth + 1);
        case JSON_ARRAY:
                return variant_append_strings(message, value);
        default:
                return sd_bus_message_append(message, "b", json_is_true(value));
        }
}

static int append_member(sd_bus_message *message, const char *key, const json_t *value,
        unsigned depth)
{
        const char *signature = signature_of(value);
        int r;

        if (!signature || (json_is_object(value) && depth >= DEPTH_MAX))
                return 0;
        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', signature);
        if (r >= 0)
                r = append_value(message, value, depth);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_object(sd_bus_message *message, const json_t *object, unsigned depth)
{
        const char *key;
        json_t *value;
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        json_object_foreach((json_t *)object, key, value) {
                r = append_member(message, key, value, depth);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(message);
}

/* Of a length, a text, its NUL, and what aligns it. */
static size_t string_bytes(size_t length)
{
        return length + 12;
}

/* As the signature allows it: a variant's own, an alignment to eight, and the value. */
static size_t value_bytes(const json_t *value)
{
        size_t bytes = 24;
        const char *key;
        json_t *member;

        if (json_is_string(value))
                return bytes + string_bytes(json_string_length(value));
        for (size_t i = 0; i < json_array_size(value); i++)
                bytes += string_bytes(json_string_length(json_array_get(value, i)));
        json_object_foreach((json_t *)value, key, member)
                bytes += 8 + string_bytes(strlen(key)) + value_bytes(member);
        return bytes;
}

size_t variant_objects_bytes(const json_t *array)
{
        size_t bytes = 0;

        for (size_t i = 0; i < json_array_size(array); i++)
                bytes += value_bytes(json_array_get(array, i));
        return bytes;
}

int variant_append_object(sd_bus_message *message, const json_t *object)
{
        return append_object(message, object, 0);
}

int variant_append_objects(sd_bus_message *message, const json_t *array)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < json_array_size(array); i++)
                r = append_object(message, json_array_get(array, i), 0);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

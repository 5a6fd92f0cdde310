/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus to JSON, driven by the message's own signature. */

#include "cli/bus-json.h"

#include <ctype.h>
#include <stdbool.h>

#include "base/text.h"

static int basic_string(sd_bus_message *message, char type, json_t **ret)
{
        const char *string;
        int r;

        r = sd_bus_message_read_basic(message, type, &string);
        if (r < 0)
                return r;
        *ret = json_string(string);
        return *ret ? 0 : -ENOMEM;
}

static json_t *json_from_unsigned(uint64_t value)
{
        return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

/* Reads a basic value that is no string into the JSON that holds it. */
static int basic_number(sd_bus_message *message, char type, json_t **ret)
{
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } value = { 0 };
        int r;

        r = sd_bus_message_read_basic(message, type, &value);
        if (r < 0)
                return r;
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                *ret = json_integer(value.y);
                break;
        case SD_BUS_TYPE_BOOLEAN:
                *ret = json_boolean(value.b);
                break;
        case SD_BUS_TYPE_INT16:
                *ret = json_integer(value.n);
                break;
        case SD_BUS_TYPE_UINT16:
                *ret = json_integer(value.q);
                break;
        case SD_BUS_TYPE_INT32:
                *ret = json_integer(value.i);
                break;
        case SD_BUS_TYPE_UINT32:
                *ret = json_integer(value.u);
                break;
        case SD_BUS_TYPE_INT64:
                *ret = json_integer(value.x);
                break;
        case SD_BUS_TYPE_UINT64:
                *ret = json_from_unsigned(value.t);
                break;
        case SD_BUS_TYPE_DOUBLE:
                *ret = json_real(value.d);
                break;
        default: /* a descriptor */
                *ret = json_null();
        }
        return *ret ? 0 : -ENOMEM;
}

/* Whatever the next value is a container of. */
static int container_enter(sd_bus_message *message)
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        return r < 0 ? r : sd_bus_message_enter_container(message, type, contents);
}

typedef int (*TakeItem)(sd_bus_message *message, json_t *into);

/* A container whose items go `into` a fresh array or object, which it takes over. */
static int container_to_json(sd_bus_message *message, TakeItem take, json_t *into, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *owned = into;
        int r;

        if (!owned)
                return -ENOMEM;
        r = container_enter(message);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(message, /* complete= */ false)) == 0) {
                r = take(message, owned);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(owned);
        return 0;
}

static int array_item(sd_bus_message *message, json_t *array)
{
        json_t *item;
        int r;

        r = bus_message_to_json(message, &item);
        if (r < 0)
                return r;
        return json_array_append_new(array, item) < 0 ? -ENOMEM : 0;
}

static int read_entry(sd_bus_message *message, json_t **ret_key, json_t **ret_value)
{
        int r = container_enter(message);

        if (r >= 0)
                r = bus_message_to_json(message, ret_key);
        if (r >= 0)
                r = bus_message_to_json(message, ret_value);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int dictionary_entry(sd_bus_message *message, json_t *object)
{
        _cleanup_(json_decrefp) json_t *key = NULL, *value = NULL;
        _cleanup_(freep) char *printed = NULL;
        int r;

        r = read_entry(message, &key, &value);
        if (r < 0)
                return r;
        if (!json_is_string(key)) {
                printed = json_dumps(key, JSON_ENCODE_ANY);
                if (!printed)
                        return -ENOMEM;
        }
        if (json_object_set(object, printed ? printed : json_string_value(key), value) < 0)
                return -ENOMEM;
        return 0;
}

static int variant_to_json(sd_bus_message *message, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *value = NULL;
        int r;

        r = container_enter(message);
        if (r < 0)
                return r;
        r = bus_message_to_json(message, &value);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

int bus_message_to_json(sd_bus_message *message, json_t **ret)
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENXIO;
        switch (type) {
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                return basic_string(message, type, ret);
        case SD_BUS_TYPE_VARIANT:
                return variant_to_json(message, ret);
        case SD_BUS_TYPE_STRUCT:
                return container_to_json(message, array_item, json_array(), ret);
        case SD_BUS_TYPE_ARRAY:
                if (contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN)
                        return container_to_json(message, dictionary_entry, json_object(), ret);
                return container_to_json(message, array_item, json_array(), ret);
        default:
                return basic_number(message, type, ret);
        }
}

/* A word starts at a capital after a small letter, and at the last capital of a run of them. */
static bool word_starts(const char *name, size_t i)
{
        if (i == 0 || !isupper((unsigned char)name[i]))
                return false;
        return !isupper((unsigned char)name[i - 1]) || islower((unsigned char)name[i + 1]);
}

static int key_from_property(const char *name, char **ret)
{
        _cleanup_(text_done) Text key = TEXT_INIT;
        int r;

        for (size_t i = 0; name[i]; i++) {
                char letter = (char)tolower((unsigned char)name[i]);
                const char *unit = startswith(name + i, "USec");

                r = word_starts(name, i) || (unit && i > 0) ? text_add(&key, "-") : 0;
                if (r >= 0)
                        r = unit ? text_add(&key, "usec") : text_add_bytes(&key, &letter, 1);
                if (r < 0)
                        return r;
                if (unit)
                        i += strlen("USec") - 1;
        }
        return text_take(&key, ret);
}

int properties_to_json(const json_t *properties, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *object = json_object();
        const char *name;
        json_t *value;
        int r;

        if (!object)
                return -ENOMEM;
        json_object_foreach((json_t *)properties, name, value) {
                _cleanup_(freep) char *key = NULL;

                r = key_from_property(name, &key);
                if (r < 0)
                        return r;
                if (json_object_set(object, key, value) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(object);
        return 0;
}

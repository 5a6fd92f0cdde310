/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON values as D-Bus variants. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/*
 * Appends the object as a{sv}: strings s, numbers t (negative ones x), flags b, arrays of strings
 * as, objects a{sv}. Null members and arrays of anything else are left out.
 */
int variant_append_object(sd_bus_message *message, const json_t *object);

/* An array of objects as aa{sv}; NULL is an empty one. */
int variant_append_objects(sd_bus_message *message, const json_t *array);

/* The most that variant_append_objects() makes of the array. */
size_t variant_objects_bytes(const json_t *array);

/* An array of strings as `as`, what is not a string left out; NULL is an empty one. */
int variant_append_strings(sd_bus_message *message, const json_t *array);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What arrives over D-Bus, as JSON, whatever its type: one shape for tables and for --json. */

#include <systemd/sd-bus.h>

#include "base/json.h"

/*
 * The next complete value of a message. Dictionaries become objects, variants what they hold,
 * descriptors null, and numbers past INT64_MAX (which say "no limit" on D-Bus) null.
 * 0, -ENXIO at the end, -ENOMEM, or what sd-bus says.
 */
int bus_message_to_json(sd_bus_message *message, json_t **ret);

/*
 * The properties of an interface with keys as the options and the configuration spell them:
 * "FrozenUSec" becomes "frozen-usec". 0 or -ENOMEM.
 */
int properties_to_json(const json_t *properties, json_t **ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The a{sv} that ends every method: known options of the right type, or an error by name. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Which method the options are for: what one of them takes, another may not know. */
typedef enum OptionScope {
        OPTIONS_BAKE = 1 << 0,
        OPTIONS_IMAGE = 1 << 1,
        OPTIONS_SNAPSHOTS = 1 << 2,
        OPTIONS_PLAN = 1 << 3,
        OPTIONS_FREEZE = 1 << 4,
        OPTIONS_LIST = 1 << 5,
        OPTIONS_VERIFY = 1 << 6,
        OPTIONS_PLAN_PRUNE = 1 << 7,
        OPTIONS_PRUNE = 1 << 8,
        OPTIONS_DEREGISTER = 1 << 9,
        OPTIONS_ORPHANS = 1 << 10,
        OPTIONS_DELETE_ORPHANS = 1 << 11,
        OPTIONS_DOCTOR = 1 << 12,
        OPTIONS_PUBLISH = 1 << 13,
} OptionScope;

/* Reads the dictionary at the message's position into an object with the options' own names. */
int options_read(sd_bus_message *message, OptionScope scope, json_t **ret, sd_bus_error *reterr);

/* A copy of an option's text, or of `fallback`, which may be NULL; the option itself is removed. */
int options_take(json_t *from, const char *name, const char *fallback, char **ret);

/* The names of images that EC2 accepts; -EINVAL with what is wrong in *reterr. */
int image_name_check(const char *name, sd_bus_error *reterr);

/* The names of profiles that can be a file; likewise. */
int profile_name_check(const char *name, sd_bus_error *reterr);

/* The message's next string, if it is such a name; likewise. */
int profile_name_read(sd_bus_message *message, const char **ret, sd_bus_error *reterr);

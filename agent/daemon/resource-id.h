/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Ids of EC2, as callers name them: of the right kind, or an error that names the wrong one. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Kinds that a method takes. */
typedef enum ResourceKind {
        RESOURCE_IMAGE = 1 << 0,
        RESOURCE_SNAPSHOT = 1 << 1,
        RESOURCE_INSTANCE = 1 << 2,
        RESOURCE_BUNDLE = 1 << 3, /* BUCKET/KEY of its manifest */
} ResourceKind;

/* -EINVAL with what is wrong in *reterr. */
int resource_id_check(const char *id, unsigned kinds, sd_bus_error *reterr);

/* An `as` at the message's position, of one to 1000 ids; one that is given twice is there once. */
int resource_ids_read(
        sd_bus_message *message, unsigned kinds, json_t **ret, sd_bus_error *reterr);

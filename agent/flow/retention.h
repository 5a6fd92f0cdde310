/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* [Retain] of a quiesced.profile(5): of what, and for how long, something is kept. */

#include "base/config.h"
#include "flow/retain.h"

typedef enum RetentionPer {
        RETENTION_PER_INSTANCE, /* the policy holds for the objects of each instance apart */
        RETENTION_PER_SELECTION,
        RETENTION_PER_MAX,
} RetentionPer;

extern const char *const retention_per_names[];

typedef struct Retention {
        RetainPolicy policy;
        char *time_zone; /* NULL: UTC */
        char *select;    /* "KEY=VALUE"; NULL: of this profile and this instance */
        int per;         /* RetentionPer */
        int after_bake; /* 0, 1, or -1: as long as it is about this instance alone */
        StringList override; /* guards that do not hold */
} Retention;

#define RETENTION_DEFAULT                                                                          \
        {                                                                                          \
                .policy = { .keep_at_least = 1 }, .after_bake = -1                                 \
        }

void retention_done(Retention *retention);

/* Whether a bake of the profile ends with it: not unasked where every host would do all of it. */
bool retention_follows_bake(const Retention *retention);

/* Limits for the keys of the policy. */
extern const ConfigRange retention_count_range;
extern const ConfigRange retention_max_age_range;

/* As config_parse_string() and config_parse_words(), for keys that take less than any text. */
int retention_parse_zone(const ConfigKey *key, const char *value, void *target, char **reterr);
int retention_parse_select(const ConfigKey *key, const char *value, void *target, char **reterr);
int retention_parse_after_bake(
        const ConfigKey *key, const char *value, void *target, char **reterr);
int retention_parse_override(const ConfigKey *key, const char *value, void *target, char **reterr);

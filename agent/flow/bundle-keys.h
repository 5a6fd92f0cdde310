/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The section [Bundle] of a profile: what it asks for, and how its values are read. */

#include <stdbool.h>

#include "base/config.h"
#include "base/list.h"

/* Beside the bucket, which has other uses. Texts are NULL where the profile says nothing. */
typedef struct BundleWish {
        char *certificate;
        char *private_key; /* a path, or the name of a systemd credential */
        StringList ec2_certificates; /* "/PATH", or "PARTITION:/PATH" */
        char *file_system; /* where that is mounted whose disk is bundled; NULL: "/" */
        char *folder; /* for the staged image; NULL: the capture's own */
        StringList include, exclude; /* patterns of the scrub */
        bool scrub;
        bool reset_machine_id;
        bool reset_leases;
} BundleWish;

#define BUNDLE_WISH_DEFAULT ((BundleWish){ .scrub = true })

void bundle_wish_done(BundleWish *wish);

/* Whether it says all that it takes to make a bundle. */
bool bundle_wish_is_whole(const BundleWish *wish);

/* The entry for a partition ("aws-cn"; NULL if that is not known), else the one for all, or NULL. */
const char *bundle_find_ec2(const StringList *entries, const char *partition);

/* The path in an entry. */
const char *bundle_ec2_path(const char *entry);

/* One entry; an empty value forgets those before it. A partition has one certificate. */
int bundle_parse_ec2(const ConfigKey *key, const char *value, void *target, char **reterr);

int bundle_parse_bucket(const ConfigKey *key, const char *value, void *target, char **reterr);

/* What every key begins with: "images/", or "host-" as well. */
int bundle_parse_prefix(const ConfigKey *key, const char *value, void *target, char **reterr);

/* Absolute; or, for the second, the name of a systemd credential as well. */
int bundle_parse_path(const ConfigKey *key, const char *value, void *target, char **reterr);
int bundle_parse_secret(const ConfigKey *key, const char *value, void *target, char **reterr);

/* One pattern, which may have blanks; an empty value forgets those before it. */
int bundle_parse_pattern(const ConfigKey *key, const char *value, void *target, char **reterr);

/* 0, -ENOMEM, or -EINVAL with the reason. */
int bundle_add_pattern(StringList *patterns, const char *pattern, char **reterr);

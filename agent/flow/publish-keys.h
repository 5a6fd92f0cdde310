/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The section [Publish] of a profile: how its values are read, and what does not go together. */

#include "base/config.h"
#include "flow/profile.h"

/* A path as Parameter Store takes it. */
int publish_parse_parameter(
        const ConfigKey *key, const char *value, void *target, char **reterr);

/* Accounts, organizations and organizational units. */
int publish_parse_shares(const ConfigKey *key, const char *value, void *target, char **reterr);

/* REGION, or REGION:KEY. */
int publish_parse_copies(const ConfigKey *key, const char *value, void *target, char **reterr);

/* Availability zones. */
int publish_parse_zones(const ConfigKey *key, const char *value, void *target, char **reterr);

/* "governance 7d": a ProfileLock. */
int publish_parse_lock(const ConfigKey *key, const char *value, void *target, char **reterr);

/* From an hour to ten years. */
extern const ConfigRange publish_deprecate_range;

/*
 * A whole profile: 0, or -EINVAL, the key that cannot be met, and what is wrong with it; -ENOMEM.
 */
int publish_check(const Profile *profile, const char **reterr_key, char **reterr_reason);

/* Likewise, what cannot be met for an image whose root is an instance store. */
int publish_check_bundle(const Profile *profile, const char **reterr_key, char **reterr_reason);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The section [Bundle] of a profile: how its values are read. */

#include "base/config.h"

int bundle_parse_bucket(const ConfigKey *key, const char *value, void *target, char **reterr);

/* What every key begins with: "images/", or "host-" as well. */
int bundle_parse_prefix(const ConfigKey *key, const char *value, void *target, char **reterr);

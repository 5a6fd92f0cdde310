/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What shares a reason, on one line: a host has dozens of mounts that lie in memory. */

#include <jansson.h>

/*
 * Prints "  NAME, NAME: REASON" for each reason among the objects of `entries`, whose names stand
 * under `key`. Nothing for no entries. 0 or -ENOMEM.
 */
int reasons_print(const json_t *entries, const char *key);

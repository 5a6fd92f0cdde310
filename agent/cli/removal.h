/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a job that deletes has to tell in its details, for people. */

#include <jansson.h>

/* What could not be deleted, with its reasons; nothing if there is none. 0 or -ENOMEM. */
int removal_print_left(const json_t *details);

/* A heading, and below it each of the entries that share a reason, on one line. 0 or -ENOMEM. */
int removal_print_reasons(const char *heading, const json_t *entries);

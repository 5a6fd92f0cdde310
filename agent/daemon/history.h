/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The records of jobs in the state directory: written by workers, read and tidied up by us. */

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"

/* The ids of all records, oldest first. */
int history_list(StringList *ret_ids);

/* -ENOENT when there is none, -EBADMSG when it is not the record of this job. */
int history_read(const char *id, json_t **ret);

/* Its state is none that a worker would go on from. */
bool history_is_finished(const json_t *record);

int history_remove(const char *id);

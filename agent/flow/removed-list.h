/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a scrub removed from an image, where the job itself has no room for it: a file beside it. */

#include "flow/record.h"

/*
 * From a descriptor of paths with a zero behind each into the file ID.removed beside the record,
 * which is on disk then: a JSON text in each line, since a path may have any byte. *ret is its path.
 * 0, -ENOMEM, -EBADMSG for what is no such list, or what writing says.
 */
int removed_list_write(const Record *record, int list_fd, char **ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory for keys: never swapped, in no core dump and no child, and wiped when it is freed. */

#include <stddef.h>

#include "base/cleanup.h"

/* Zeroed. 0, or the negative errno of mmap(2) or mlock(2): -EPERM and -ENOMEM mean RLIMIT_MEMLOCK.
 */
int locked_new(size_t size, void **ret);
void *locked_free(void *memory);

static inline void locked_freep(void *memory)
{
        (void)locked_free(*(void **)memory);
}

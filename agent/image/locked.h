/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory for keys: never swapped, in no core dump and no child, and wiped when it is freed. */

#include <stddef.h>

#include "base/cleanup.h"

/* Zeroed. 0, or the negative errno of mmap(2) or mlock(2): -EPERM and -ENOMEM mean RLIMIT_MEMLOCK.
 */
int locked_new(size_t size, void **ret);
void *locked_free(void *memory);

/*
 * No core dump of this process, whoever collects them, and nobody but root traces it: libcrypto has
 * copies of keys in memory of its own. 0, or the negative errno of prctl(2).
 */
int locked_forbid_dumps(void);

static inline void locked_freep(void *memory)
{
        (void)locked_free(*(void **)memory);
}

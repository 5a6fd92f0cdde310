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
 * All of this process that is touched from now on as well, until munlockall(2): libcrypto, buffers and
 * the stack have copies of keys. 0, the negative errno of mlockall(2), or -EPERM where RLIMIT_MEMLOCK
 * has an end and cannot be raised: then libcrypto keeps private keys, at least, in locked memory, if
 * that limit is no less than 256 KiB.
 */
int locked_process(void);

/*
 * No core dump of this process, whoever collects them, and nobody but root traces it: libcrypto has
 * copies of keys in memory of its own. 0, or the negative errno of prctl(2).
 */
int locked_forbid_dumps(void);

static inline void locked_freep(void *memory)
{
        (void)locked_free(*(void **)memory);
}

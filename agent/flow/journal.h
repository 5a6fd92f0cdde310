/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What changed in a large record since it was written as a whole: JSON objects, each on its line,
 * in a file beside it. Each line costs what it is long, and not what the record is long.
 */

#include <stdint.h>

#include "base/json.h"

typedef struct Journal Journal;

/*
 * A fresh one, over any that was there: of the record that was saved for the `generation`-th time.
 * On disk (fsync) when it returns 0.
 */
int journal_create(const char *path, uint64_t generation, Journal **ret);
Journal *journal_free(Journal *journal);
static inline void journal_freep(Journal **journal)
{
        (void)journal_free(*journal);
}

/* At the end; takes `line` over. It is on disk behind journal_sync(). 0, or a negative errno. */
int journal_add(Journal *journal, json_t *line);
int journal_sync(Journal *journal);

/* How long it is, with what is not on disk yet. */
size_t journal_bytes(const Journal *journal);

/*
 * Calls `on_line` for every line of that generation: a negative errno of its ends it. A line that
 * was cut short is the last, and does not count; where there is no file, or one of another
 * generation, there are none. 0, or a negative errno: -EFBIG past `max_bytes`.
 */
typedef int (*JournalOnLine)(void *userdata, const json_t *line);
int journal_replay(const char *path, uint64_t generation, size_t max_bytes, JournalOnLine on_line,
        void *userdata);

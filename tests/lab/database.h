/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a database asks of a file system: a write-ahead log that is on disk before a transaction is
 * committed, and pages of several blocks that are overwritten in place, behind the log.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef struct Database Database;

/* Of two new files, database.log and database.pages, in `folder`. */
int database_new(const char *folder, Database **ret);
Database *database_free(Database *database);
DEFINE_CLEANUP(Database *, database_free)

/* Transaction `number`, from 0: committed once this returns. */
int database_commit(Database *database, uint64_t number);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* New files of a bundle in a folder, which are gone again unless all of them are there. */

#include "base/list.h"
#include "image/part.h"

typedef struct Deposit {
        int fd;                /* of the folder, the caller's */
        StringList undo_files; /* that we made */
} Deposit;

/* Removes what it made, unless it was kept. */
void deposit_done(Deposit *deposit);

/* On disk (fsync) when it returns 0; -EEXIST, ..., with a sentence in `reterr_message`. */
int deposit_add(Deposit *deposit, const char *filename, const char *data, size_t size,
        char **reterr_message);

/* The last of them, the manifest, and with it all of them stay. Likewise. */
int deposit_keep(
        Deposit *deposit, const char *name, const char *data, size_t size, char **reterr_message);

/* "The file FILENAME cannot be VERB: ..."; `error`, or -ENOMEM. */
int deposit_fail(const char *filename, int error, const char *verb, char **reterr_message);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is made on this host: a folder for a bundle, or the file of an image. */

#include "base/cleanup.h"

/* With `keep` unset, what was made is gone again. */
typedef struct FolderMade {
        int fd;
        const char *undo_path; /* of one that was not there; or NULL */
} FolderMade;

/* 0, or a negative errno with a sentence in `reterr_message`; refers to `path`. */
int folder_made_open(const char *path, FolderMade *ret, char **reterr_message);
void folder_made_keep(FolderMade *folder);
void folder_made_done(FolderMade *folder);

/* An empty file beside `path`, which gets that name once it is whole, and of which only the user
 * may read. */
typedef struct FileMade {
        int fd;
        const char *path;
        char *undo_path; /* what it is called until then */
} FileMade;

/* Refuses a file that is there: -EEXIST. Likewise; and so does keep(). */
int file_made_open(const char *path, FileMade *ret, char **reterr_message);
int file_made_keep(FileMade *file, char **reterr_message);
void file_made_done(FileMade *file);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The image of the disk that is bundled, as quiesced-capture stages it: read while all goes on,
 * once more in the window, scrubbed, and kept under the job's id until the image is registered.
 */

#include "flow/bake.h"

/* All return 0, or a negative errno and a failure, unless they say something else. */

/* Whether somebody answers who can stage one. */
int staging_check(Bake *bake);

/* Before the freeze, and as long as it takes: checks, and passes over what is in use. */
int staging_read(Bake *bake);

/*
 * In the window, by bake->send_deadline_usec: what has changed since, into the capture's memory.
 * What came of it is in bake->capture_outcome.
 */
void staging_cut(Bake *bake);

/*
 * After the thaw: scrubs the image and keeps it. It is on disk then, and its sizes and what was
 * removed are on record; nothing of the disk is read any more.
 */
int staging_keep(Bake *bake);

/* The image for reading, of this worker's job or of an earlier one's. */
int staging_open(Bake *bake, int *ret_fd);

/* It goes away; done also where there is none. */
int staging_discard(Bake *bake);

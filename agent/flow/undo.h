/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The end of a job that came to nothing: all that it made goes away, and then it has failed. */

#include "flow/bake.h"

/*
 * Deletes the image and the snapshots on record, and whatever else carries the job's tag. The job's
 * failure is put on record first, so that a crash in the midst is made good later. 0 when nothing is
 * left; otherwise the record stays unfinished, and the failure's message names what is left. What
 * was complete before the job failed stays, and the job has failed. Where the daemon has ended, nothing
 * is taken back: the record stays as it is, to be resumed. A removal ends its own record.
 */
int bake_undo(Bake *bake);

/* Ends the record, with the failure, and touches nothing else: 0 or a negative errno. */
int bake_disown(Bake *bake);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a worker was at when it died: the answer of a call that its record does not tell of. */

#include "flow/removal-entry.h"

/*
 * Finds out what became of the calls that may have been out, and notes what is gone by them: for a
 * removal that is cancelled, since one that goes on does the same once more. What EC2 does not tell
 * counts as untouched. 0, or a negative errno.
 */
int removal_settle_doubt(Removal *removal);

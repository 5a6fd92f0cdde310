/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the unfinished jobs of this host lay claim to: their ids, and every id that they name. */

#include "flow/settings.h"

/*
 * Sorted. The job `self` is left out; NULL: none is. 0, or a negative errno and a failure: of a
 * record that cannot be read nobody knows what it claims.
 */
int claims_read(const Settings *settings, const char *self, StringList *ret, Failure *reterr_failure);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the unfinished jobs of this host lay claim to: their ids, and every id that they name. */

#include "flow/settings.h"

/*
 * Sorted. The job `self` is left out; NULL: none is. 0, or a negative errno and a failure: of a
 * record that cannot be read nobody knows what it claims.
 */
int claims_read(const Settings *settings, const char *self, StringList *ret, Failure *reterr_failure);

/*
 * The unfinished job that removes this image or snapshot, also one that waits for a better day: *ret is
 * its id, NULL for none. 0, or a negative errno and a failure, as claims_read().
 */
int claims_find_removal(
        const Settings *settings, const char *id, char **ret, Failure *reterr_failure);

/*
 * The unfinished job of this instance that makes an image of this name: *ret is its id, NULL for none.
 * A record that cannot be read is passed over, since EC2 still has the last word. 0 or -ENOMEM.
 */
int claims_find_name(const Settings *settings, const char *instance_id, const char *name, char **ret);

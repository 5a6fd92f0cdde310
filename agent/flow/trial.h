/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The instance that an image is tried with: launched once, found again, and ended in any case.
 *
 * Where it stands is on record, in `verification`:
 *
 *      {} ---- launching-usec ---- instance, launched-usec ---- ended
 *
 * launching-usec: a launch may be out, whose instance is found by its tags, or by the token.
 */

#include "flow/bake.h"

/*
 * One instance of the record's image, with the job's id as its client token; found again if an
 * earlier worker has launched it. 0, or a negative errno and a failure: one may be there still.
 */
int trial_launch(Bake *bake);

/* Its id; NULL while it is not known. */
const char *trial_instance(const Bake *bake);

/* When it was launched; realtime. */
uint64_t trial_launched_usec(const Bake *bake);

/* Whether the time is up that a verification may take. */
bool trial_is_late(const Bake *bake);

/* Whether EC2 may not show yet what it has launched (SettleSec=). */
bool trial_is_fresh(const Bake *bake);

/*
 * Terminates whatever the job has launched, and waits for EC2 to say that it will. No cancel stops
 * that. 0, or a negative errno and a failure that names what is left: then it is called again later.
 */
int trial_end(Bake *bake);

/* Whether nothing that was launched can be left. */
bool trial_is_over(const Record *record);

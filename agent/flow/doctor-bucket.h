/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the bucket that a profile names is fit for bundles, without anything being put into it.
 */

#include "flow/doctor-trial.h"

/* The bake has its region. 0 or -ENOMEM. */
int doctor_try_bucket(Bake *bake, const char *name, DoctorFinding *ret);

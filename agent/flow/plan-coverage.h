/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What this host and EC2 do not agree on, and what no snapshot would have: may a bake go on? */

#include "flow/plan.h"

/*
 * After the selection. Differences with EC2 are the profile's OnDegrade= to judge, and disks or
 * file systems that lie on no volume, its OnUncovered=. 0 or -ENOMEM.
 */
int coverage_check(Plan *plan, const PlanInput *input);

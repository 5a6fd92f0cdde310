/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What Method=bundle takes from this host, and what speaks against it. */

#include "flow/plan.h"

/*
 * Finds the file system whose disk is bundled, and refuses what could not be made into an image, by
 * what is to be done about it. 0 or -ENOMEM.
 */
int plan_bundle(Plan *plan, const PlanInput *input);

/* Whether it lies on that disk, or in a file of what does. */
bool plan_bundle_holds(const Plan *plan, const Topology *topology, const FileSystem *fs);

/* Likewise, directly: such file systems are named to the capture. */
bool plan_bundle_is_on_disk(const Plan *plan, const FileSystem *fs);

/* Whether it is a partition of that disk, which is read whether anything uses it or not. */
bool plan_bundle_has_unused(const Plan *plan, const UnusedDevice *unused);

/* Whether that is the disk: "/dev/nvme0n1". */
bool plan_bundle_is_disk(const Plan *plan, const char *device);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The part of a topology that is about disks: volumes, and what is none. */

#include "host/claim.h"
#include "host/descent.h"
#include "host/topology.h"

/*
 * Fills the topology's volumes, absent volumes and other disks, and `bottoms`, which has one entry
 * per device, as `claims` does and whose texts it borrows. 0 or -ENOMEM.
 */
int disks_place(const HostFacts *facts, const VolumeRules *rules, const Claim *claims,
        Bottom *bottoms, Topology *topology);

/* Says what is remarkable about each volume, once the file systems are known; 0 or -ENOMEM. */
int disks_describe(const HostFacts *facts, Descender *descender, Topology *topology);

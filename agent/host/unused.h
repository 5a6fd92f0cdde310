/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices of which nothing that we know makes use: whoever writes there, unseen. */

#include "host/descent.h"
#include "host/topology.h"

/*
 * Adds to the topology each device that no other device lies on, that no file system is mounted
 * from and that is no swap space, if it lies on a volume or is a partition. One with a file system
 * that is mounted out of sight counts also if it lies on a volume as a file, or may for all that is
 * known. After the volumes and file systems, of which `places` has those of mounts' in the topology,
 * or SIZE_MAX; 0 or -ENOMEM.
 */
int unused_add(const HostFacts *facts, Descender *descender, const size_t *places,
        Topology *topology);

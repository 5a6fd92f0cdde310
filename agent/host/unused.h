/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices on volumes of which nothing that we know makes use: whoever writes there, unseen. */

#include "host/descent.h"
#include "host/topology.h"

/*
 * Adds to the topology each device that no other device lies on, that no file system is mounted
 * from and that is no swap space, if it lies on a volume. After the volumes; 0 or -ENOMEM.
 */
int unused_add(const HostFacts *facts, Descender *descender, Topology *topology);

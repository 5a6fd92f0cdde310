/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The topology for others: where it differs from EC2's view, and as JSON. */

#include <jansson.h>

#include "host/topology.h"

/* The difference as a sentence that says what to do, for the caller to free; 0 or -ENOMEM. */
int topology_explain_unlisted(const Volume *volume, char **ret);
int topology_explain_absent(const Topology *topology, const AbsentVolume *absent, char **ret);

/*
 * {"volumes": [...], "filesystems": [...]}. Other disks stand among the volumes, without "id", and
 * absent volumes, without "device".
 */
int topology_to_json(const Topology *topology, json_t **ret);

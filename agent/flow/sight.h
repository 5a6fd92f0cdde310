/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What one look at EC2 has seen of what several jobs wait for, as the worker that looks tells it to
 * those that wait, through the daemon:
 *
 *      {"snapshots": {"snap-1": {"state", "progress", "volume", "message"}},
 *       "images": {"ami-1": {"state", "message", "snapshots": [ids]}}}
 *
 * or {"blind": true, "throttled"}: EC2 gave no answer, and may give one later.
 */

#include "aws/ec2-image.h"
#include "aws/ec2-snapshot.h"
#include "base/json.h"

/* 0 or -ENOMEM. */
int sight_add_snapshots(json_t *sight, const Ec2SnapshotList *snapshots);
int sight_add_images(json_t *sight, const Ec2ImageList *images);

/* Nothing was seen, of anything. Both take NULL, which is no sight at all. */
bool sight_is_blind(const json_t *sight);
bool sight_is_throttled(const json_t *sight);

/*
 * These, and no more of each than is said above. 0; -ENOENT where one of them was not seen, which says
 * nothing about whether it exists; or -ENOMEM.
 */
int sight_get_snapshots(const json_t *sight, const StringList *ids, Ec2SnapshotList *ret);
int sight_get_image(const json_t *sight, const char *id, Ec2ImageList *ret);

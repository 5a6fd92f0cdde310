/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * EC2 takes one snapshot of a volume in 15 s, and only so many at a time. Whether it would take one
 * now is found out before the freeze, so that nobody stands still for a call that is refused.
 */

#include "aws/ec2-volume.h"
#include "flow/bake.h"

/*
 * How long a bake's calls are tried while EC2 has too many, before anything is made: a fleet may
 * begin together, and takes hours (tests/bench/bench-fleet.c).
 */
#define BAKE_PATIENCE_USEC (UINT64_C(6) * 3600 * 1000000)

/* Those calls are made with this patience from now on; or no more. */
void pace_be_patient(Bake *bake, bool patient);

/* Until the time is over, or someone wants the job to end: 0, or a negative errno and a failure. */
int pace_rest(Bake *bake, uint64_t usec);

/*
 * How long to wait so that `spacing_usec` lie between the last cut and the next; a cut in the
 * future is one of a clock that was wrong. All in microseconds, the first two since the epoch.
 */
uint64_t pace_spacing_left(uint64_t last_usec, uint64_t now_usec, uint64_t spacing_usec);

/* How many snapshots of a volume of this type ("gp3", NULL) may be pending (EBS quotas). */
size_t pace_pending_max(const char *volume_type);

/* The first of `volumes` of which EC2 takes no further snapshot while these are pending; NULL. */
const char *pace_find_crowded(
        const StringList *volumes, const Ec2VolumeList *types, const Ec2SnapshotList *pending);

/*
 * Waits until EC2 takes a snapshot of each volume of the record. 0, or a negative errno and a
 * failure: it was cancelled, or would take longer than PendingWaitSec=.
 */
int pace_await(Bake *bake);

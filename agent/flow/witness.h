/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether this host was at rest between two boots, when EC2 took its snapshots.
 *
 * Nothing that can be read after a boot tells how the file systems were found: fsck replays an ext4
 * journal before the kernel could speak of it, and btrfs never says. So there is a witness at the
 * other end: quiesced-witness, which systemd-shutdown(8) runs last, when all processes are gone and
 * all that could be unmounted is. Where it sees no file system on a disk that is still writable, it
 * writes down the time, for the boot that it was asked about. What EC2 cut after that time, and
 * before the next kernel began, was cut at rest.
 */

#include "aws/ec2-snapshot.h"
#include "flow/consistency.h"

/* EC2's clock minus this host's, by the Date of a reply: aws_client_clock_offset_usec(). */
typedef struct ClockOffset {
        int64_t usec;
        bool known;
} ClockOffset;

typedef struct ShutdownSight {
        const char *boot_before; /* the boot in which the call was made; NULL: of no use */
        const char *boot_next; /* the first one after it: how that one ended, nobody saw */
        const char *boot_now;
        uint64_t rest_usec; /* realtime, by the witness; 0: it says nothing */
        uint64_t boot_usec; /* realtime at which this boot began */
        ClockOffset clock_before; /* in the boot of the call, which the witness ends */
        ClockOffset clock_now; /* in this boot */
        const Ec2SnapshotList *snapshots;
} ShutdownSight;

/* Pure: sets what is seen, and nothing else. */
void witness_judge(const ShutdownSight *sight, Evidence *evidence);

/* The id of this boot; 0 or a negative errno. */
int witness_boot_id(char **ret);

/* Realtime at which this boot began, by the clock as it is now. */
uint64_t witness_boot_usec(void);

/* Asks the witness, at `path`, about the shutdown that ends this boot; on disk when it returns 0. */
int witness_ask(const char *path, const char *boot_id);

/* When the witness saw that boot end at rest; 0 for no testimony, whatever the reason. */
uint64_t witness_read(const char *path, const char *boot_id);

/* Why there will be no testimony at `path`, or NULL when the witness is there and can write it. */
const char *witness_obstacle(const char *path);

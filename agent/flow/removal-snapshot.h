/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Snapshots that go away, unless another image needs them. */

#include "flow/removal-entry.h"

/* The images of ours that refer to any of these. 0, an Ec2Outcome, or a negative errno. */
int removal_find_users(
        Removal *removal, const StringList *snapshot_ids, Ec2ImageList *ret, ApiError *reterr);

/* Whether one of these images uses it, but for those that this removal has deregistered. */
bool removal_is_used(const Removal *removal, const Ec2ImageList *users, const char *id);

/* Which are locked, once for all that is removed. 0, or a negative errno and a failure. */
int removal_read_locks(Removal *removal);

/*
 * Before an image goes that somebody has named: reads them anew by and by, since EC2 deregisters
 * an image whose snapshots are locked, and they stay. Where they cannot be read those that are
 * known count. 0 or -ENOMEM.
 */
int removal_renew_locks(Removal *removal);

/* The first of these that is locked, or NULL; also NULL where locks are lifted. */
const char *removal_find_lock(const Removal *removal, const StringList *snapshot_ids);

/*
 * Those of them that are locked no longer are, but for what other images than that one use: it stays,
 * and so does its lock. 0, or an Ec2Outcome, or a negative errno.
 */
int removal_unlock(
        Removal *removal, const StringList *snapshot_ids, const char *image_id, ApiError *reterr);

enum {
        REMOVAL_E_SHARED = 1, /* another image uses it: it stays */
        REMOVAL_E_LEFT, /* it may go another time */
};

/*
 * Deletes one, `users` being what removal_find_users() found. 0 when it is gone, also before;
 * SHARED or LEFT with the reason; or -ENOMEM. Right after its image went EC2 may still see it in
 * use: that is waited for, as SettleSec= says.
 */
int removal_delete_snapshot(
        Removal *removal, const Ec2ImageList *users, const char *id, char **reterr_reason);

/* All entries of "snapshots". 0, or a negative errno and a failure. */
int removal_delete_snapshots(Removal *removal);

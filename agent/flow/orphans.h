/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshots whose image is gone, instances that were to prove an image and run on, bundles without an
 * image and images without their bundle: found from what EC2 and S3 list and from nothing else. Pure.
 * When in doubt, a thing is none.
 */

#include "aws/ec2-image.h"
#include "aws/ec2-instance.h"
#include "aws/ec2-snapshot.h"
#include "base/json.h"

typedef enum OrphanKind {
        ORPHAN_SNAPSHOT,
        ORPHAN_INSTANCE,
        ORPHAN_BUNDLE,
        ORPHAN_IMAGE,
        ORPHAN_KIND_MAX,
} OrphanKind;

typedef struct Orphan {
        OrphanKind kind;
        char *id; /* of a bundle: BUCKET/KEY of its manifest */
        char *of; /* the image that is gone, the job that has none, or the place of the bundle */
        bool of_is_image;
        bool own; /* this host made it */
        uint64_t size_bytes;
        uint64_t created_usec; /* realtime */
} Orphan;

typedef struct OrphanList {
        Orphan *items;
        size_t count;
} OrphanList;

void orphan_list_done(OrphanList *orphans);
const Orphan *orphan_list_find(const OrphanList *orphans, const char *id);
void orphan_list_drop(OrphanList *orphans, size_t index);

/*
 * What they are judged by. The lists are sorted by orphan_scene_sort(), before anything is judged.
 */
typedef struct OrphanScene {
        const char *instance_id; /* whose things are our own */
        bool all; /* the account's, not our own only */
        uint64_t now_usec; /* realtime */
        uint64_t min_age_usec;
        StringList claims; /* see flow/claims.h */
        StringList locked; /* snapshots */
        StringList images; /* that exist, disabled or not */
        StringList used; /* snapshots that the mapping of one of these refers to */
        StringList jobs; /* of these, by tag */
        StringList places; /* of the manifests of those that lie in S3 */
        OrphanList in_s3; /* those of them that are orphans, if they are old and it is gone */
        StringList pending; /* jobs of snapshots that are not complete: an image may follow */
} OrphanScene;

void orphan_scene_done(OrphanScene *scene);

/* Takes note of an image, and of a snapshot that is under way. 0 or -ENOMEM. */
int orphan_scene_add_image(OrphanScene *scene, const Ec2Image *image);
int orphan_scene_add_pending(OrphanScene *scene, const Ec2Snapshot *snapshot);
void orphan_scene_sort(OrphanScene *scene);

/*
 * Adds it to `orphans` if it is one by all that is known. Of an image of another account it is not
 * known whether it exists: orphans_settle() is the last word. 0 or -ENOMEM.
 */
int orphans_judge_snapshot(
        const OrphanScene *scene, const Ec2Snapshot *snapshot, OrphanList *orphans);
int orphans_judge_instance(
        const OrphanScene *scene, const Ec2Instance *instance, OrphanList *orphans);

/* `bundle` has its place, size and time, and `tags` are those of its manifest. */
int orphans_judge_bundle(const OrphanScene *scene, const Orphan *bundle, const TagList *tags,
        OrphanList *orphans);

/* Whether that can be, before the tags are asked for. */
bool orphans_may_be_bundle(const OrphanScene *scene, const char *place, uint64_t created_usec);

/* At MinAgeSec=. The hour is known only after the first call, and so behind the images. */
bool orphans_are_old_enough(const OrphanScene *scene, uint64_t created_usec);

/* A copy at the end. 0 or -ENOMEM. */
int orphan_list_add(OrphanList *orphans, const Orphan *orphan);

/* Takes out those whose image is in `existing`, or whose job has a snapshot under way. */
void orphans_settle(const OrphanScene *scene, const StringList *existing, OrphanList *orphans);

/* Of a GiB and month, in millionths. */
typedef struct OrphanPrices {
        uint64_t ebs_micro;
        uint64_t s3_micro;
} OrphanPrices;

/* The answer of `quiescectl orphans`. 0 or -ENOMEM. */
int orphans_to_json(const OrphanList *orphans, const OrphanPrices *prices, json_t **ret);

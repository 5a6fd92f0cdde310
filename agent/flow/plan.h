/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a bake will do, decided before anything is done: pure, from what was read. */

#include "aws/ec2-instance.h"
#include "flow/profile.h"
#include "host/identity.h"
#include "host/topology.h"

/* The freezer takes no more file systems than this at once (freeze/protocol.h). */
#define PLAN_MOUNTS_MAX 256

/* Frozen together with others of its group; group 0 first. */
typedef struct PlanMount {
        const FileSystem *fs;
        unsigned group;
} PlanMount;

/* In the snapshot, and not frozen: what it is made of has to be seen to be at rest instead. */
typedef struct PlanWatch {
        const char *what; /* mount point or device */
        const char *reason; /* why it is not frozen */
        const FileSystem *fs; /* NULL: a device that nothing is mounted from */
        const size_t *volumes; /* indices into the topology's */
        size_t n_volumes;
        unsigned major, minor;
} PlanWatch;

/* An entry of the "not covered" list. */
typedef struct PlanGap {
        const char *what; /* mount point or device */
        const char *reason;
} PlanGap;

typedef struct Plan {
        int method; /* never METHOD_AUTO; REBOOT freezes nothing */
        const FileSystem *bundled; /* METHOD_BUNDLE: the image's root, whose disk is read */
        const char *method_reason;
        char *image_name; /* NULL when only snapshots are taken */
        StringList volumes; /* in the snapshot set */
        StringList exclude_data_volumes;
        bool exclude_boot_volume;
        PlanMount *mounts; /* in the order of their groups; empty with no-freeze */
        size_t n_mounts;
        PlanWatch *watches; /* likewise empty */
        size_t n_watches;
        bool complete_coverage; /* Evidence's */
        PlanGap *gaps;
        size_t n_gaps;
        StringList warnings;
        StringList refusals; /* if there is one, nothing may be done */
        FailureKind refusal_kind; /* of the first */
} Plan;

/* Everything outlives the plan. */
typedef struct PlanInput {
        const Profile *profile;
        const Identity *identity;
        const Topology *topology;
        const Ec2Instance *instance;
        const char *image_name; /* NULL: from the profile */
        bool image_wanted;
        const char *no_witness; /* why nobody could tell how a shutdown ended; NULL: someone can */
        uint64_t now_usec; /* realtime, for the name */
} PlanInput;

void plan_done(Plan *plan);

/* 0 or -ENOMEM; what speaks against the bake stands in `refusals`. */
int plan_make(const PlanInput *input, Plan *ret);

/* The first file system of a later topology that had to be frozen and was no part of it; or NULL. */
const FileSystem *plan_find_missed(const Plan *plan, const Topology *topology);

/* As `quiescectl plan` prints it; 0 or -ENOMEM. */
int plan_to_json(const Plan *plan, const PlanInput *input, json_t **ret);

/*
 * Expands %i instance, %p profile, %d date, %t time (UTC) and %%; 0, -ENOMEM, or -EINVAL for
 * another specifier or a name that EC2 would not take (RegisterImage: 3 to 128 of a-z A-Z 0-9
 * ( ) [ ] . / - ' @ _ and blanks), with the reason.
 */
int plan_image_name(const PlanInput *input, char **ret, char **reterr_reason);

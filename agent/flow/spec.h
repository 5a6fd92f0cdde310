/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an image registered from snapshots takes over from its instance, as the JSON object that
 * waits in the job record until the snapshots are complete.
 */

#include "aws/ec2-image.h"
#include "aws/ec2-instance.h"
#include "aws/ec2-snapshot.h"
#include "aws/ec2-volume.h"
#include "base/json.h"
#include "flow/plan.h"

typedef struct SpecInput {
        const Ec2Instance *instance;
        const Ec2VolumeList *volumes;
        const Ec2Image *source; /* that the instance was launched from; NULL when it is gone */
        const Plan *plan;
        const char *uefi_data; /* NULL: none */
} SpecInput;

/* 0 or -ENOMEM. */
int spec_make(const SpecInput *input, json_t **ret);

/*
 * The image to register: each device of the spec with the snapshot of its volume. 0, -ENOMEM, or
 * -ENOENT when a volume has no snapshot.
 */
int spec_to_image(const json_t *spec, const char *name, const char *description,
        const Ec2SnapshotList *snapshots, Ec2Image *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a profile's Volumes= and Exclude= mean on this host. */

#include "flow/plan.h"

/* Something that an entry may name; the texts may be NULL. */
typedef struct Candidate {
        const char *volume_id;
        const char *attached_as;
        const char *device;
        const char *mount_point; /* of what lies on no volume; that of others is looked up */
} Candidate;

Candidate candidate_from_attachment(const Topology *topology, const Ec2Attachment *attached);

/* Volumes= and Exclude= together: whether it is not to be in the set. */
bool selection_leaves_out(const PlanInput *input, const Candidate *candidate);

/* Whether Exclude= names it. */
bool selection_excludes(const PlanInput *input, const Candidate *candidate);

/* Divides the attached volumes, and refuses entries that name nothing; 0 or -ENOMEM. */
int selection_apply(Plan *plan, const PlanInput *input);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Steps 2 and 3: what holds which data, and what shall be done about it. */

#include "flow/bake.h"

/*
 * Mounts, devices and the instance as EC2 describes it; a report goes out. Without `strict` an API
 * that does not answer only leaves the picture less complete.
 */
int step_topology(Bake *bake, bool strict);

/*
 * After the thaw: looks at the mounts again, and puts down whether there is one that should have
 * been frozen and was not.
 */
void survey_confirm(Bake *bake);

typedef struct BakeRequest {
        const char *job;
        const char *kind; /* as the record's */
        const char *profile; /* or NULL */
        const char *name; /* of the image, or NULL */
        const json_t *ids; /* array: what a job is to act upon; NULL for those that make something */
        const json_t *options;
        bool may_reboot; /* who asked may reboot this host */
} BakeRequest;

/* The plan; a report goes out. A refusal is a failure, with all reasons in its message. */
int step_plan(Bake *bake, const BakeRequest *request);

/* Whether who asked may have what the plan does: -EACCES and a failure for a reboot they may not. */
int plan_permit(Bake *bake, const BakeRequest *request);

/* What the plan wants is put on record, before anything is done: the job exists from here on. */
int plan_record(Bake *bake, const BakeRequest *request);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What quiesced asks AWS for: the actions of IAM, what each is needed for, and how it is tried. */

#include "flow/profile.h"

/* The policies of the README, one for each. */
typedef enum DoctorRole {
        DOCTOR_CREATE,
        DOCTOR_DELETE,
        DOCTOR_PUBLISH,
        DOCTOR_VERIFY,
        DOCTOR_RETAIN,
        DOCTOR_ROLE_MAX,
} DoctorRole;

extern const char *const doctor_role_names[];

/* How an action is tried: "dry" is with DryRun, which is only trusted as far as it was proved. */
typedef enum DoctorTrial {
        DOCTOR_READS, /* dry, and harmless without */
        DOCTOR_LISTS, /* has no dry run, and is harmless: it is done */
        DOCTOR_MAKES, /* dry, of nothing, or of this instance: as a bake does before its freeze */
        DOCTOR_MARKS, /* dry, of nothing, or of an image of ours: it is so already, or refused */
        DOCTOR_KEEPS, /* dry, of nothing only: it would cost something, or be hard to take back */
        DOCTOR_DELETES, /* dry, of nothing, or of a snapshot that an image of ours uses: refused */
        DOCTOR_DEREGISTERS, /* dry, of nothing; of an image of ours if that is denied, not absent */
        DOCTOR_CANNOT, /* has no dry run, and would change something */
} DoctorTrial;

typedef struct DoctorAction {
        const char *name; /* "ec2:CreateTags" */
        const char *form; /* "KEY=VALUE&...", with values as "$image", see doctor-trial.c */
        DoctorTrial trial;
        bool by_tag; /* the README's policy allows it for what carries our tags */
} DoctorAction;

/* Those that are harmless and prove DryRun come first. */
extern const DoctorAction doctor_actions[];
extern const size_t n_doctor_actions;

typedef struct DoctorUse {
        DoctorRole role;
        const char *action; /* as in the other table */
        bool (*is_needed)(const Profile *profile); /* NULL: always, where its role is */
} DoctorUse;

extern const DoctorUse doctor_uses[];
extern const size_t n_doctor_uses;

/* Whether a host with this profile (all defaults: with none) does what the action is used for. */
bool doctor_use_is_needed(const DoctorUse *use, const Profile *profile);

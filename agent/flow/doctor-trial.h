/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether AWS would let us do something, without its being done. DryRun tells it, where the service
 * knows it; so it is only believed as far as it was proved:
 *
 *      by an action that only reads     then one that makes something is tried dry
 *      by one that would change         then what is so already, or EC2 refuses anyhow, on an image
 *                                       of ours: the deletion of a snapshot that it uses
 *      by that deletion                 then the deregistration of that image, where it is denied
 *                                       for one that does not exist
 *
 * Before that, and for what is costly, only things that cannot exist are named. Whatever is carried
 * out in spite of DryRun ends all such trials.
 */

#include "aws/client.h"
#include "flow/bake.h"
#include "flow/doctor-action.h"

typedef enum DoctorResult {
        DOCTOR_OK,
        DOCTOR_DENIED,
        DOCTOR_FAILED,
        DOCTOR_UNKNOWN,
        DOCTOR_RESULT_MAX,
} DoctorResult;

extern const char *const doctor_result_names[];

typedef struct DoctorFinding {
        DoctorResult result;
        char *message; /* or NULL */
        bool is_known;
} DoctorFinding;

void doctor_finding_done(DoctorFinding *finding);

/* For `return`: 0 or -ENOMEM. */
int doctor_find(DoctorFinding *ret, DoctorResult result, const char *format, ...)
        _printf_(3, 4);

typedef struct DoctorPatient {
        Bake *bake; /* identified, with a client */
        char *image_id; /* of an image of ours, or NULL */
        char *image_name; /* which EC2 gives to no second one */
        char *snapshot_id; /* one of that image's, or NULL */
        bool read_proved;
        bool change_proved;
        bool deletion_proved;
        bool is_broken; /* a dry run was carried out */
        char *silence; /* why EC2 cannot be asked, or NULL */
} DoctorPatient;

void doctor_patient_done(DoctorPatient *patient);

/* Looks for an image of ours to try with: 0 or -ENOMEM; none is fine. */
int doctor_patient_init(DoctorPatient *patient, Bake *bake);

/* `region`: of CopyImage's destination; else NULL. 0 or -ENOMEM. */
int doctor_try(DoctorPatient *patient, const DoctorAction *action, const char *region,
        DoctorFinding *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* What is amiss on this host, and what AWS would not let it do: told before it matters. */

#include "flow/doctor.h"

#include "base/clock.h"
#include "base/text.h"
#include "flow/bundling.h"
#include "flow/doctor-bucket.h"
#include "flow/doctor-trial.h"
#include "flow/identify.h"

/* AWS refuses signatures that are 5 minutes off. We make that good, but nobody else does. */
#define CLOCK_FAR_USEC (INT64_C(300) * (int64_t)USEC_PER_SEC)

typedef struct Doctor {
        Bake *bake;
        json_t *checks;
} Doctor;

/* Takes the finding over. 0 or -ENOMEM. */
static int tell(Doctor *doctor, const char *what, const char *purpose, bool needed,
        DoctorFinding *finding)
{
        int r = json_array_append_new(doctor->checks,
                json_pack("{s:s, s:s, s:b, s:s, s:o*}", "what", what, "for", purpose, "needed",
                        (int)needed, "result", doctor_result_names[finding->result], "message",
                        json_text(finding->message)));

        doctor_finding_done(finding);
        return r < 0 ? -ENOMEM : 0;
}

static int tell_host(Doctor *doctor, const char *what, DoctorResult result, const char *message)
{
        DoctorFinding finding;
        int r = message ? doctor_find(&finding, result, "%s", message) :
                          doctor_find(&finding, result, NULL);

        return r < 0 ? r : tell(doctor, what, "host", /* needed= */ true, &finding);
}

/* What a step of ours has left in `bake`; its failure is told, and forgotten. */
static int tell_step(Doctor *doctor, const char *what, int outcome)
{
        Failure *failure = &doctor->bake->failure;
        int r = outcome >= 0 ? tell_host(doctor, what, DOCTOR_OK, NULL) :
                               tell_host(doctor, what, DOCTOR_FAILED,
                                       failure->message ? failure->message : strerror(-outcome));

        failure_done(failure);
        return r;
}

/* --- The host --------------------------------------------------------------------------------- */

static int check_profile(Doctor *doctor, const char *name)
{
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(freep) char *what = NULL;
        Bake *bake = doctor->bake;
        int r = profile_load(bake->settings, name, &profile, &bake->failure);

        if (r >= 0 && bundle_wish_is_whole(&profile.bundle))
                r = bundling_check_host(bake, &profile.bundle);
        if (string_printf(&what, "profile %s", name) < 0)
                return -ENOMEM;
        return tell_step(doctor, what, r);
}

static int check_profiles(Doctor *doctor)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;
        int r = profile_list_names(doctor->bake->settings, &names);

        for (size_t i = 0; r >= 0 && i < names.count; i++)
                r = check_profile(doctor, names.items[i]);
        return r;
}

static int check_freezer(Doctor *doctor)
{
        _cleanup_(freezer_client_freep) FreezerClient *client = NULL;
        const char *path = doctor->bake->settings->freezer_socket;
        _cleanup_(freep) char *message = NULL;
        int fd = -EBADF;
        int r = freezer_client_new(path, &client);

        if (r == 0)
                r = freezer_client_mountinfo(client, &fd);
        closep(&fd);
        if (r == 0)
                return tell_host(doctor, "freezer", DOCTOR_OK, NULL);
        if (string_printf(&message, "No freezer answers on %s (%s): see quiesced-freezer.socket",
                    path, r < 0 ? strerror(-r) : freezer_client_error(client)) < 0)
                return -ENOMEM;
        return tell_host(doctor, "freezer", DOCTOR_FAILED, message);
}

static int check_credentials(Doctor *doctor)
{
        _cleanup_(freep) char *message = NULL;
        const Credentials *credentials;
        int r = credentials_provider_get(doctor->bake->credentials, &credentials, &message);

        if (r < 0)
                return r;
        return tell_host(doctor, "credentials", r == 0 ? DOCTOR_OK : DOCTOR_FAILED, message);
}

/* Known once EC2 has answered. */
static int check_clock(Doctor *doctor, const DoctorPatient *patient)
{
        int64_t offset_usec = aws_client_clock_offset_usec(doctor->bake->aws);
        uint64_t off_usec = (uint64_t)(offset_usec < 0 ? -offset_usec : offset_usec);
        _cleanup_(freep) char *span = NULL, *message = NULL;

        if (patient->silence)
                return tell_host(doctor, "clock", DOCTOR_UNKNOWN, "EC2 could not be asked");
        if (offset_usec == 0)
                return tell_host(doctor, "clock", DOCTOR_OK, NULL);
        if (format_usec(off_usec, &span) < 0 ||
                string_printf(&message, "This host's clock is %s %s that of EC2", span,
                        offset_usec > 0 ? "behind" : "ahead of") < 0)
                return -ENOMEM;
        return tell_host(doctor, "clock",
                off_usec < (uint64_t)CLOCK_FAR_USEC ? DOCTOR_OK : DOCTOR_FAILED, message);
}

static int check_bucket(Doctor *doctor, const char *name)
{
        _cleanup_(freep) char *what = NULL;
        DoctorFinding finding = { 0 };
        int r = doctor_try_bucket(doctor->bake, name, &finding);

        if (r >= 0 && string_printf(&what, "bucket %s", name) < 0) {
                doctor_finding_done(&finding);
                r = -ENOMEM;
        }
        return r < 0 ? r : tell(doctor, what, "host", /* needed= */ true, &finding);
}

/* What is amiss with a profile itself was told before. */
static int add_bucket_of(const Doctor *doctor, const char *profile_name, StringList *buckets)
{
        _cleanup_(profile_done) Profile profile = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };

        if (profile_load(doctor->bake->settings, profile_name, &profile, &failure) < 0 ||
                !profile.bucket || string_list_contains(buckets, profile.bucket))
                return 0;
        return string_list_add(buckets, profile.bucket);
}

static int check_buckets(Doctor *doctor)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT, buckets = STRING_LIST_INIT;
        int r = profile_list_names(doctor->bake->settings, &names);

        for (size_t i = 0; r >= 0 && i < names.count; i++)
                r = add_bucket_of(doctor, names.items[i], &buckets);
        for (size_t i = 0; r >= 0 && i < buckets.count; i++) {
                if (bake_check_cancelled(doctor->bake) < 0)
                        return -ECANCELED;
                r = check_bucket(doctor, buckets.items[i]);
        }
        return r;
}

/* --- The permissions -------------------------------------------------------------------------- */

static int tell_uses(Doctor *doctor, const DoctorAction *action, const DoctorFinding *finding)
{
        const Profile *profile = &doctor->bake->profile;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_doctor_uses; i++) {
                const DoctorUse *use = &doctor_uses[i];
                DoctorFinding copy;

                if (!streq(use->action, action->name))
                        continue;
                r = finding->message ? doctor_find(&copy, finding->result, "%s", finding->message) :
                                       doctor_find(&copy, finding->result, NULL);
                if (r >= 0)
                        r = tell(doctor, action->name, doctor_role_names[use->role],
                                doctor_use_is_needed(use, profile), &copy);
        }
        return r;
}

static int check_action(Doctor *doctor, DoctorPatient *patient, const DoctorAction *action,
        const char *region)
{
        _cleanup_(doctor_finding_done) DoctorFinding finding = { 0 };
        _cleanup_(freep) char *message = NULL;
        int r = doctor_try(patient, action, region, &finding);

        failure_done(&doctor->bake->failure);
        if (r >= 0 && region) {
                r = string_printf(&message, "%s%s%s", region, finding.message ? ": " : "",
                        finding.message ? finding.message : "");
                free(finding.message);
                finding.message = TAKE_PTR(message);
        }
        return r < 0 ? r : tell_uses(doctor, action, &finding);
}

/* Copies are made in the regions that they are for. */
static int check_copies(Doctor *doctor, DoctorPatient *patient, const DoctorAction *action)
{
        const StringList *copies = &doctor->bake->profile.copy_to;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < copies->count; i++) {
                _cleanup_(freep) char *region =
                        strndup(copies->items[i], strcspn(copies->items[i], ":"));

                r = region ? check_action(doctor, patient, action, region) : -ENOMEM;
        }
        return r;
}

static int check_actions(Doctor *doctor, DoctorPatient *patient)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_doctor_actions; i++) {
                const DoctorAction *action = &doctor_actions[i];

                if (bake_check_cancelled(doctor->bake) < 0)
                        return -ECANCELED;
                if (streq(action->name, "ec2:CopyImage") &&
                        doctor->bake->profile.copy_to.count > 0)
                        r = check_copies(doctor, patient, action);
                else
                        r = check_action(doctor, patient, action, /* region= */ NULL);
        }
        return r;
}

static int check_aws(Doctor *doctor)
{
        _cleanup_(doctor_patient_done) DoctorPatient patient = { 0 };
        const char *region = aws_region_from_environment();
        Bake *bake = doctor->bake;
        int r, outcome = bake_identify(bake);

        r = tell_step(doctor, "metadata", outcome);
        if (r < 0 || outcome < 0)
                return r;
        r = check_credentials(doctor);
        if (r < 0)
                return r;
        outcome = bake_connect(bake, region ? region : bake->identity.region,
                region && !streq(region, bake->identity.region) ? NULL : bake->identity.domain);
        r = tell_step(doctor, "endpoint and certificate authorities", outcome);
        if (r < 0 || outcome < 0)
                return r;
        r = check_buckets(doctor);
        if (r >= 0)
                r = doctor_patient_init(&patient, bake);
        if (r >= 0)
                r = check_actions(doctor, &patient);
        return r < 0 ? r : check_clock(doctor, &patient);
}

static int check_all(Doctor *doctor, const BakeRequest *request)
{
        Bake *bake = doctor->bake;
        int r = profile_load(bake->settings, request->profile, &bake->profile, &bake->failure);

        if (r < 0)
                return r; /* what was asked about does not exist, or cannot be understood */
        r = tell_host(doctor, "configuration", DOCTOR_OK, NULL); /* or we were not here */
        if (r >= 0)
                r = check_profiles(doctor);
        if (r >= 0)
                r = check_freezer(doctor);
        return r < 0 ? r : check_aws(doctor);
}

int run_doctor(Bake *bake, const BakeRequest *request)
{
        Doctor doctor = { .bake = bake, .checks = json_array() };
        int r = doctor.checks ? check_all(&doctor, request) : -ENOMEM;

        if (r >= 0)
                r = observer_answer(bake->observer, json_pack("{s:O}", "checks", doctor.checks));
        json_decref(doctor.checks);
        if (r == -ENOMEM)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        return r;
}

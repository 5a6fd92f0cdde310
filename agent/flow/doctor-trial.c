/* SPDX-License-Identifier: Apache-2.0 */
/* Whether AWS would let us do something, without its being done. */

#include "flow/doctor-trial.h"

#include <stdarg.h>

#include "aws/autoscaling.h"
#include "aws/query-call.h"
#include "aws/ssm.h"
#include "base/clock.h"
#include "base/text.h"
#include "flow/identify.h"
#include "flow/labels.h"

#define EC2_VERSION "2016-11-15"
#define AUTOSCALING_VERSION "2011-01-01"
#define LATER_USEC (30 * 86400 * USEC_PER_SEC)
#define REASON_CHARACTERS 200

/* Well-formed, and never given to anything. */
#define NOTHING "00000000000000000"

const char *const doctor_result_names[] = { "ok", "denied", "failed", "unknown", NULL };

void doctor_finding_done(DoctorFinding *finding)
{
        free(finding->message);
        *finding = (DoctorFinding){ 0 };
}

int doctor_find(DoctorFinding *ret, DoctorResult result, const char *format, ...)
{
        char *message = NULL;
        va_list arguments;
        int n = 0;

        if (format) {
                va_start(arguments, format);
                n = vasprintf(&message, format, arguments);
                va_end(arguments);
        }
        if (n < 0)
                return -ENOMEM;
        *ret = (DoctorFinding){ .result = result, .message = message, .is_known = true };
        return 0;
}

/* --- What to try with ------------------------------------------------------------------------- */

void doctor_patient_done(DoctorPatient *patient)
{
        free(patient->image_id);
        free(patient->image_name);
        free(patient->snapshot_id);
        free(patient->silence);
        *patient = (DoctorPatient){ 0 };
}

static const char *snapshot_of(const Ec2Image *image)
{
        for (size_t i = 0; i < image->n_devices; i++)
                if (image->devices[i].snapshot_id)
                        return image->devices[i].snapshot_id;
        return NULL;
}

int doctor_patient_init(DoctorPatient *patient, Bake *bake)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2ImageFilter filter = {
                .tag_key = LABEL_INSTANCE, .tag_value = bake->identity.instance_id };

        *patient = (DoctorPatient){ .bake = bake };
        if (ec2_describe_images(bake->aws, &filter, /* flags= */ 0, &images, &error) != 0)
                return 0; /* the trial of this very action will say why */
        for (size_t i = 0; i < images.count; i++) {
                const Ec2Image *image = &images.items[i];

                if (image->state != EC2_IMAGE_AVAILABLE || !snapshot_of(image) || !image->name ||
                        !tag_list_get(&image->tags, LABEL_JOB))
                        continue;
                if (string_replace(&patient->image_id, image->id) < 0 ||
                        string_replace(&patient->image_name, image->name) < 0)
                        return -ENOMEM;
                return string_replace(&patient->snapshot_id, snapshot_of(image));
        }
        return 0;
}

/* --- One request ------------------------------------------------------------------------------ */

/* What stands for a word of a form; the word itself if nothing does. */
static const char *meaning(
        const DoctorPatient *patient, bool own, const char *word, char later[TIMESTAMP_MAX])
{
        const Identity *identity = &patient->bake->identity;
        const struct {
                const char *word, *value;
        } words[] = {
                { "$account", identity->account_id },
                { "$host", own ? identity->instance_id : "i-" NOTHING },
                { "$image", own ? patient->image_id : "ami-" NOTHING },
                { "$instance", identity->instance_id },
                { "$later", later },
                { "$name", patient->image_name ? patient->image_name : "quiesced-doctor" },
                { "$nobody", "i-" NOTHING },
                { "$region", identity->region },
                { "$snapshot", own ? patient->snapshot_id : "snap-" NOTHING },
                { "$type", identity->instance_type },
                { "$zone", identity->zone },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i].word, word) && words[i].value)
                        return words[i].value;
        return word;
}

static int write_form(
        const DoctorPatient *patient, const DoctorAction *action, bool own, Query *query)
{
        _cleanup_(string_list_done) StringList pairs = STRING_LIST_INIT;
        char later[TIMESTAMP_MAX];
        int r = string_list_split(&pairs, action->form, "&");

        timestamp_format(clock_realtime_usec() + LATER_USEC, later);
        for (size_t i = 0; r >= 0 && i < pairs.count; i++) {
                char *equals = strchr(pairs.items[i], '=');

                *equals = '\0';
                query_add(query, pairs.items[i], meaning(patient, own, equals + 1, later));
        }
        return r < 0 ? r : query_finish(query);
}

typedef enum Answer {
        ANSWER_ALLOWED, /* DryRunOperation */
        ANSWER_DONE,
        ANSWER_DENIED,
        ANSWER_ABSENT, /* what it names does not exist */
        ANSWER_USED, /* a snapshot that an image uses */
        ANSWER_REFUSED, /* otherwise */
        ANSWER_NONE,
} Answer;

static bool is_denial(const char *code)
{
        static const char *const codes[] = { "UnauthorizedOperation", "AccessDenied",
                "AccessDeniedException", "Client.UnauthorizedOperation" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(code, codes[i]))
                        return true;
        return false;
}

static Answer understand(int outcome, const ApiError *error)
{
        if (outcome == 0)
                return ANSWER_DONE;
        if (outcome != AWS_E_REFUSED)
                return ANSWER_NONE;
        if (!error->code)
                return ANSWER_REFUSED;
        if (api_error_classify(error) == API_ERROR_ALLOWED)
                return ANSWER_ALLOWED;
        if (is_denial(error->code))
                return ANSWER_DENIED;
        if (streq(error->code, "InvalidSnapshot.InUse"))
                return ANSWER_USED;
        return api_error_classify(error) == API_ERROR_NOT_FOUND ? ANSWER_ABSENT : ANSWER_REFUSED;
}

/* A negative errno, or an Answer. */
static int send_form(AwsClient *client, Query *query, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *reply = NULL;
        AwsCall call = query_make_call(query, &reply);
        int r;

        call.is_repeatable = call.only_reads;
        r = aws_client_call(client, &call, reterr);
        return r < 0 ? r : (int)understand(r, reterr);
}

static int ask_dry(DoctorPatient *patient, const DoctorAction *action, AwsClient *client, bool own,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        int r;

        api_error_done(reterr);
        query_begin(&query, strchr(action->name, ':') + 1, EC2_VERSION);
        query_add_bool(&query, "DryRun", true);
        r = write_form(patient, action, own, &query);
        return r < 0 ? r : send_form(client, &query, reterr);
}

/* --- What an answer means --------------------------------------------------------------------- */

/* The policy's verdict comes with a kilobyte of code for those who may decode it. */
static int find_error(DoctorFinding *ret, DoctorResult result, const ApiError *error)
{
        const char *message = error->message ? error->message : "no reason given";
        const char *end = strstr(message, " Encoded authorization");
        size_t length = end ? (size_t)(end - message) : strlen(message);

        return doctor_find(ret, result, "%s%s%.*s%s", error->code ? error->code : "",
                error->code ? ": " : "",
                (int)(length < REASON_CHARACTERS ? length : REASON_CHARACTERS), message,
                length > REASON_CHARACTERS ? "..." : "");
}

static int find_silence(DoctorPatient *patient, const ApiError *error, DoctorFinding *ret)
{
        if (string_replace(&patient->silence, error->message ? error->message : "no answer") < 0)
                return -ENOMEM;
        return find_error(ret, DOCTOR_FAILED, error);
}

static int find_broken(DoctorPatient *patient, DoctorFinding *ret)
{
        patient->is_broken = true;
        return doctor_find(ret, DOCTOR_FAILED,
                "The service did not understand DryRun, and may have done it: look for what it "
                "did; nothing more of the kind is tried");
}

static int conclude(DoctorPatient *patient, const DoctorAction *action, int answer, bool own,
        const ApiError *error, DoctorFinding *ret)
{
        switch (answer) {
        case ANSWER_ALLOWED:
                return doctor_find(ret, DOCTOR_OK, NULL);
        case ANSWER_DONE:
                return find_broken(patient, ret);
        case ANSWER_DENIED:
                if (own || !action->by_tag)
                        return find_error(ret, DOCTOR_DENIED, error);
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "It is denied for what does not exist; a policy by tags says so too, and "
                        "there is nothing of ours that could be tried without harm");
        case ANSWER_ABSENT:
        case ANSWER_USED:
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "The service looked at the resource before the permission: %s",
                        error->code);
        case ANSWER_NONE:
                return find_silence(patient, error, ret);
        default:
                return find_error(ret, DOCTOR_FAILED, error);
        }
}

/* --- The trials ------------------------------------------------------------------------------- */

static bool may_try_own(const DoctorPatient *patient, DoctorTrial trial)
{
        if (!patient->image_id && trial != DOCTOR_MAKES)
                return false;
        switch (trial) {
        case DOCTOR_READS:
        case DOCTOR_MAKES:
                return true;
        case DOCTOR_MARKS:
        case DOCTOR_DELETES:
                return patient->change_proved;
        case DOCTOR_DEREGISTERS:
                return patient->deletion_proved;
        default:
                return false;
        }
}

static int try_reading(DoctorPatient *patient, const DoctorAction *action, DoctorFinding *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool own = may_try_own(patient, action->trial);
        int answer = ask_dry(patient, action, patient->bake->aws, own, &error);

        if (answer < 0)
                return answer;
        if (answer == ANSWER_ALLOWED)
                patient->read_proved = true;
        if (answer == ANSWER_DONE)
                return doctor_find(ret, DOCTOR_OK, "The service did not understand DryRun");
        return conclude(patient, action, answer, own, &error, ret);
}

/* What a service without DryRun says of an image that does not exist is that it is absent. */
static bool leaves_open(const DoctorAction *action, int answer)
{
        if (answer == ANSWER_ABSENT)
                return action->trial != DOCTOR_DEREGISTERS;
        return answer == ANSWER_DENIED && (action->by_tag || action->trial == DOCTOR_MAKES);
}

static int try_changing(DoctorPatient *patient, const DoctorAction *action, AwsClient *client,
        DoctorFinding *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool own = false;
        int answer;

        if (patient->is_broken || !patient->read_proved)
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "Not tried: that this service understands DryRun is not proved");
        answer = ask_dry(patient, action, client, own, &error);
        if (leaves_open(action, answer) && may_try_own(patient, action->trial)) {
                own = true;
                answer = ask_dry(patient, action, client, own, &error);
        }
        if (answer < 0)
                return answer;
        if (answer == ANSWER_ALLOWED) {
                patient->change_proved = true;
                patient->deletion_proved |= action->trial == DOCTOR_DELETES;
        }
        return conclude(patient, action, answer, own, &error, ret);
}

static int try_parameter(DoctorPatient *patient, DoctorFinding *ret)
{
        _cleanup_(aws_client_freep) AwsClient *client = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *value = NULL;
        Bake *bake = patient->bake;
        int r;

        if (!bake->profile.ssm_parameter)
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "Not tried: name a profile that has SsmParameter=");
        r = bake_open_client(bake, SSM_SERVICE, aws_client_region(bake->aws), &client);
        if (r < 0)
                return doctor_find(ret, DOCTOR_FAILED, "%s", bake->failure.message);
        r = ssm_get_parameter(client, bake->profile.ssm_parameter, &value, &error);
        if (r < 0)
                return r;
        if (r == 0 || r == SSM_E_NOT_FOUND)
                return doctor_find(ret, DOCTOR_OK, NULL);
        return find_error(ret,
                error.code && is_denial(error.code) ? DOCTOR_DENIED : DOCTOR_FAILED, &error);
}

static int try_listing(DoctorPatient *patient, const DoctorAction *action, DoctorFinding *ret)
{
        _cleanup_(aws_client_freep) AwsClient *client = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(query_done) Query query = QUERY_INIT;
        Bake *bake = patient->bake;
        int r;

        if (streq(action->name, "ssm:GetParameter"))
                return try_parameter(patient, ret);
        r = bake_open_client(bake, AUTOSCALING_SERVICE, aws_client_region(bake->aws), &client);
        if (r < 0)
                return doctor_find(ret, DOCTOR_FAILED, "%s", bake->failure.message);
        query_begin(&query, strchr(action->name, ':') + 1, AUTOSCALING_VERSION);
        r = write_form(patient, action, /* own= */ false, &query);
        if (r >= 0)
                r = send_form(client, &query, &error);
        if (r < 0)
                return r;
        if (r == ANSWER_DONE)
                return doctor_find(ret, DOCTOR_OK, NULL);
        return find_error(ret, r == ANSWER_DENIED ? DOCTOR_DENIED : DOCTOR_FAILED, &error);
}

static int try_elsewhere(DoctorPatient *patient, const DoctorAction *action, const char *region,
        DoctorFinding *ret)
{
        _cleanup_(aws_client_freep) AwsClient *client = NULL;

        if (bake_open_client(patient->bake, "ec2", region, &client) < 0)
                return doctor_find(ret, DOCTOR_FAILED, "%s", patient->bake->failure.message);
        return try_changing(patient, action, client, ret);
}

int doctor_try(DoctorPatient *patient, const DoctorAction *action, const char *region,
        DoctorFinding *ret)
{
        if (action->trial == DOCTOR_CANNOT)
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "Parameter Store has no dry run: a bake that publishes will tell");
        if (action->trial == DOCTOR_LISTS)
                return try_listing(patient, action, ret);
        if (patient->silence)
                return doctor_find(ret, DOCTOR_UNKNOWN, "EC2 could not be asked");
        if (action->trial == DOCTOR_READS)
                return try_reading(patient, action, ret);
        if (region)
                return try_elsewhere(patient, action, region, ret);
        return try_changing(patient, action, patient->bake->aws, ret);
}

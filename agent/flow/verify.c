/* SPDX-License-Identifier: Apache-2.0 */
/* An image is proved by an instance that is launched from it. */

#include "flow/verify.h"

#include "aws/ec2-tagging.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/claims.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/proof.h"
#include "flow/trial.h"
#include "flow/turn.h"
#include "flow/undo.h"

#define VERIFIED "verified"

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

static int set(Bake *bake, const char *key, const char *value)
{
        int r = json_object_set_new(bake->record.verification, key, json_string(value));

        return r < 0 ? fail_memory(bake) : 0;
}

static const char *get(const Bake *bake, const char *key)
{
        return json_get_string(bake->record.verification, key, "");
}

int verify_want(Record *record)
{
        record->verification = json_object();
        return record->verification ? 0 : -ENOMEM;
}

/* --- Verdict ---------------------------------------------------------------------------------- */

static int put_verified(Bake *bake)
{
        char when[TIMESTAMP_MAX];
        int r;

        timestamp_format(clock_realtime_usec(), when);
        r = set(bake, "verified", when);
        if (r >= 0)
                r = set(bake, "by", verify_wait_names[bake->settings->verify.wait]);
        return r < 0 ? r : set(bake, "verdict", VERIFIED);
}

/* The failure goes on record, and comes back when the instance has ended. */
static int put_failed(Bake *bake)
{
        bake->record.error = bake->failure.kind;
        if (bake->failure.message &&
                string_replace(&bake->record.message, bake->failure.message) < 0)
                return -ENOMEM;
        failure_done(&bake->failure);
        return set(bake, "verdict", "failed");
}

/*
 * On disk before the instance ends: one that we have terminated looks like one that has ended by
 * itself. That it cannot be put there is no reason to let the instance run.
 */
static int put_verdict(Bake *bake, int r)
{
        r = r < 0 ? put_failed(bake) : put_verified(bake);
        if (r >= 0)
                r = bake_save(bake);
        bake_pause_point("verified");
        return r;
}

static int try_image(Bake *bake)
{
        int r = trial_launch(bake);

        if (r >= 0)
                r = proof_await(bake);
        if (r < 0 && bake->observer->gone(bake->observer->userdata))
                return r; /* no verdict: whoever resumes the job goes on with the instance */
        return put_verdict(bake, r);
}

/* What the verdict was, with what went wrong since behind it. */
static int give_verdict(Bake *bake, int r)
{
        const Record *record = &bake->record;
        Failure since = bake->failure;

        if (streq(get(bake, "verdict"), VERIFIED))
                return r;
        bake->failure = (Failure){ 0 };
        r = failure_set(&bake->failure, record->error,
                record->error == FAILURE_CANCELLED ? -ECANCELED : -EIO, "%s%s%s",
                record->message ? record->message : "The image does not verify",
                since.message ? "; " : "", since.message ? since.message : "");
        failure_done(&since);
        return r;
}

/* --- Tag -------------------------------------------------------------------------------------- */

static int tag_image(Bake *bake, Attempt *ret)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool verified = streq(get(bake, "verdict"), VERIFIED);
        int r;

        if (string_list_add(&ids, bake->record.image_id) < 0 ||
                tag_list_set(&tags, LABEL_VERIFIED, verified ? get(bake, "verified") : "no") < 0)
                return fail_memory(bake);
        r = ec2_create_tags(bake->aws, &ids, &tags, EC2_FRESH, &error);
        ret->complete = r == 0;
        return follow_judge(bake, "CreateTags", r, &error);
}

/* What only kept us from trying says nothing of the image. */
static int label(Bake *bake)
{
        bool verified = streq(get(bake, "verdict"), VERIFIED);
        int r;

        if (*get(bake, "labelled") ||
                (!verified && bake->record.error != FAILURE_VERIFY_FAILED))
                return 0;
        r = follow(bake, tag_image);
        if (r >= 0)
                r = set(bake, "labelled", "yes");
        return r < 0 ? r : bake_save(bake);
}

int step_verify(Bake *bake)
{
        int r = 0, end;

        if (!bake->record.verification)
                return 0;
        observer_step(bake->observer, STEP_VERIFY);
        if (!*get(bake, "verdict"))
                r = try_image(bake);
        if (!*get(bake, "verdict"))
                return r; /* the record keeps the instance in sight */
        bake->deaf = true; /* whoever cancels it wants to see the end of the instance as well */
        end = trial_end(bake);
        if (end >= 0)
                end = label(bake);
        bake->deaf = false;
        return give_verdict(bake, r < 0 ? r : end);
}

/* --- A job of its own ------------------------------------------------------------------------- */

static int read_id(Bake *bake, const BakeRequest *request, const char **ret)
{
        const char *id = json_string_value(json_array_get(request->ids, 0));

        if (json_array_size(request->ids) != 1 || !id || !startswith(id, "ami-"))
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "'%s' is no image: verify takes the id of one, as ami-0123456789abcdef0",
                        id ? id : "");
        *ret = id;
        return 0;
}

static int fill_record(Bake *bake, const BakeRequest *request, const char *image_id)
{
        Record *record = &bake->record;

        record->state = RECORD_MADE;
        record->reached = CONSISTENCY_CRASH;
        record->started_usec = clock_realtime_usec();
        if (string_replace(&record->folder, bake->settings->job_folder) < 0 ||
                string_replace(&record->id, request->job) < 0 ||
                string_replace(&record->kind, "verify") < 0 ||
                string_replace(&record->image_id, image_id) < 0 ||
                string_replace(&record->instance_id, bake->identity.instance_id) < 0 ||
                string_replace(&record->region, aws_client_region(bake->aws)) < 0)
                return fail_memory(bake);
        if (streq(record->region, bake->identity.region) && bake->identity.domain &&
                string_replace(&record->domain, bake->identity.domain) < 0)
                return fail_memory(bake);
        return verify_want(record) < 0 ? fail_memory(bake) : bake_save(bake);
}

static int tell_details(Bake *bake)
{
        json_t *details = json_pack("{s:s,s:s*,s:s,s:s}", "image", bake->record.image_id,
                "instance", trial_instance(bake), "by", get(bake, "by"), "verified",
                get(bake, "verified"));

        json_decref(bake->record.details);
        bake->record.details = json_incref(details);
        return observer_details(bake->observer, details) < 0 ? fail_memory(bake) : 0;
}

int verify_finish(Bake *bake)
{
        int r = step_verify(bake);

        if (r >= 0)
                r = tell_details(bake);
        if (r < 0)
                return r;
        bake->record.state = RECORD_DONE;
        bake->record.finished_usec = clock_realtime_usec();
        r = bake_save(bake);
        if (r >= 0)
                log_notice("%s is verified by its %s", bake->record.image_id, get(bake, "by"));
        return r;
}

static int check_removals(Bake *bake, const char *image_id)
{
        _cleanup_(freep) char *job = NULL;
        int r = claims_find_removal(bake->settings, image_id, &job, &bake->failure);

        if (r < 0 || !job)
                return r;
        return failure_set(&bake->failure, FAILURE_IN_USE, -EBUSY,
                "Image %s is being deleted by job %s, see quiescectl jobs", image_id, job);
}

/* On record between two removals: each sees either the image gone, or that it is being verified. */
static int begin(Bake *bake, const BakeRequest *request, const char *image_id)
{
        _cleanup_(closep) int turn = -EBADF;
        int r = turn_await(bake, TURN_REMOVAL, &turn);

        if (r >= 0)
                r = check_removals(bake, image_id);
        return r < 0 ? r : fill_record(bake, request, image_id);
}

int run_verify(Bake *bake, const BakeRequest *request)
{
        const char *image_id = NULL;
        int r;

        r = read_id(bake, request, &image_id);
        if (r >= 0)
                r = step_identity(bake);
        if (r >= 0) {
                observer_say(bake->observer, "followed"); /* what it does from now on, EC2 does */
                r = begin(bake, request, image_id);
        }
        if (r >= 0)
                r = verify_finish(bake);
        if (r < 0)
                (void)bake_undo(bake);
        return r;
}

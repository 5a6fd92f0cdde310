/* SPDX-License-Identifier: Apache-2.0 */
/* The instance that an image is tried with. */

#include "flow/trial.h"

#include "aws/ec2-launch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/follow.h"
#include "flow/labels.h"

/* --- On record -------------------------------------------------------------------------------- */

static uint64_t get_usec(const Bake *bake, const char *key)
{
        return json_get_u64(bake->record.verification, key, 0);
}

/* Not on disk before bake_save(). */
static int set(Bake *bake, const char *key, json_t *value)
{
        if (json_object_set_new(bake->record.verification, key, value) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return 0;
}

static int set_now(Bake *bake, const char *key)
{
        return set(bake, key, json_integer((json_int_t)clock_realtime_usec()));
}

const char *trial_instance(const Bake *bake)
{
        return json_get_string(bake->record.verification, "instance", NULL);
}

uint64_t trial_launched_usec(const Bake *bake)
{
        return get_usec(bake, "launched-usec");
}

bool trial_is_late(const Bake *bake)
{
        return clock_realtime_usec() >=
                get_usec(bake, "begun-usec") + bake->settings->verify.timeout_usec;
}

bool trial_is_fresh(const Bake *bake)
{
        uint64_t launched_usec = get_usec(bake, "launching-usec"), now_usec = clock_realtime_usec();

        /* A clock that was set back since must not keep us waiting. */
        return launched_usec <= now_usec &&
                now_usec - launched_usec < bake->settings->settle_usec;
}

bool trial_is_over(const Record *record)
{
        return !json_object_get(record->verification, "launching-usec") ||
                json_get_bool(record->verification, "ended", false);
}

/* The only instance of the job that EC2 has told of. */
static int put_instance(Bake *bake, const char *id)
{
        int r = set(bake, "instance", json_string(id));

        if (r >= 0)
                r = set_now(bake, "launched-usec");
        return r < 0 ? r : bake_save(bake);
}

/* --- Arguments -------------------------------------------------------------------------------- */

/* What a launch is asked for: the same in every attempt, or EC2 refuses the token. */
typedef struct Arguments {
        Ec2Launch launch; /* refers to what follows, to the record and to the settings */
        StringList groups;
        StringList devices;
        TagList tags;
} Arguments;

static void arguments_done(Arguments *arguments)
{
        string_list_done(&arguments->groups);
        string_list_done(&arguments->devices);
        tag_list_done(&arguments->tags);
}

static int read_list(const json_t *array, StringList *ret)
{
        json_t *value;
        size_t i;

        json_array_foreach(array, i, value)
                if (string_list_add(ret, json_string_value(value)) < 0)
                        return -ENOMEM;
        return 0;
}

static int make_tags(const Record *record, TagList *ret)
{
        _cleanup_(freep) char *name = NULL;

        if (string_printf(&name, "verification of %s", record->image_id) < 0 ||
                tag_list_set(ret, "Name", name) < 0 ||
                tag_list_set(ret, LABEL_VERIFY, record->image_id) < 0 ||
                tag_list_set(ret, LABEL_JOB, record->id) < 0 ||
                tag_list_set(ret, LABEL_INSTANCE, record->instance_id) < 0)
                return -ENOMEM;
        return record->profile ? tag_list_set(ret, LABEL_PROFILE, record->profile) : 0;
}

static int arguments_read(const Record *record, Arguments *ret)
{
        const json_t *object = json_object_get(record->verification, "arguments");

        if (read_list(json_object_get(object, "groups"), &ret->groups) < 0 ||
                read_list(json_object_get(object, "devices"), &ret->devices) < 0 ||
                make_tags(record, &ret->tags) < 0)
                return -ENOMEM;
        ret->launch = (Ec2Launch){
                .image_id = record->image_id,
                .instance_type = json_get_string(object, "type", NULL),
                .subnet_id = json_get_string(object, "subnet", NULL),
                .instance_profile = json_get_string(object, "profile", NULL),
                .is_on_store = json_get_bool(object, "on-store", false),
                .security_groups = &ret->groups,
                .devices = &ret->devices,
                .tags = &ret->tags,
                .client_token = record->id,
        };
        return 0;
}

static json_t *list_to_json(const StringList *list)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < list->count; i++)
                if (json_array_append_new(array, json_string(list->items[i])) < 0)
                        return json_decref(array), NULL;
        return array;
}

static json_t *ebs_devices(const Ec2Image *image)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < image->n_devices; i++)
                if (image->devices[i].is_ebs &&
                        json_array_append_new(
                                array, json_string(image->devices[i].device_name)) < 0)
                        return json_decref(array), NULL;
        return array;
}

static int choose_arguments(Bake *bake, const Ec2Image *image)
{
        const VerifySettings *settings = &bake->settings->verify;
        const char *own_type = bake->identity.instance_type;

        return set(bake, "arguments",
                json_pack("{s:s*,s:s*,s:s*,s:b,s:o,s:o}", "type",
                        settings->instance_type ? settings->instance_type : own_type, "subnet",
                        settings->subnet_id, "profile", settings->instance_profile, "on-store",
                        streq_ptr(image->root_device_type, "instance-store"), "groups",
                        list_to_json(&settings->security_groups), "devices", ebs_devices(image)));
}

static bool is_just_made(const Record *record)
{
        return record->snapshots.count > 0 || record->bundle;
}

/* An image that was made a moment ago may not be seen everywhere; one that a person names is. */
static int look_at_image(Bake *bake)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .id = bake->record.image_id };
        Ec2Flags flags = is_just_made(&bake->record) ? EC2_FRESH : 0;
        int r = ec2_describe_images(bake->aws, &filter, flags, &images, &error);

        if (r == EC2_E_NOT_FOUND)
                return failure_set(&bake->failure, FAILURE_NO_SUCH_IMAGE, -ENOENT,
                        "There is no image %s in %s", bake->record.image_id,
                        aws_client_region(bake->aws));
        if (r != 0)
                return bake_fail_api(bake, "DescribeImages", r, &error);
        if (images.items[0].state != EC2_IMAGE_AVAILABLE)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "%s cannot be launched, since it is not available: it was %s",
                        bake->record.image_id,
                        images.items[0].state == EC2_IMAGE_PENDING  ? "not complete yet" :
                        images.items[0].state == EC2_IMAGE_DISABLED ? "disabled" :
                                                                       "not made as it should");
        return choose_arguments(bake, &images.items[0]);
}

/* --- Launch ----------------------------------------------------------------------------------- */

static bool is_ours(const Bake *bake, const Ec2Instance *instance)
{
        return streq_ptr(tag_list_get(&instance->tags, LABEL_JOB), bake->record.id) &&
                streq_ptr(tag_list_get(&instance->tags, LABEL_VERIFY), bake->record.image_id) &&
                !streq_ptr(instance->id, bake->record.instance_id);
}

/* What carries the tags of this trial, *ret_id NULL for nothing. 0 or an Ec2Outcome, or -ENOMEM. */
static int look_up(Bake *bake, char **ret_id, ApiError *reterr)
{
        _cleanup_(ec2_instance_list_done) Ec2InstanceList instances = { 0 };
        Ec2InstanceFilter filter = { .tag_key = LABEL_JOB, .tag_value = bake->record.id };
        int r = ec2_describe_instances(bake->aws, &filter, &instances, reterr);

        for (size_t i = 0; r == 0 && i < instances.count; i++)
                if (is_ours(bake, &instances.items[i]))
                        return string_replace(ret_id, instances.items[i].id);
        return r;
}

/* The launch of an earlier worker: its instance, or the time begins anew. */
static int adopt(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *id = NULL;
        int r = look_up(bake, &id, &error);

        if (r != 0)
                return follow_judge(bake, "DescribeInstances", r, &error);
        ret->complete = true;
        return id ? put_instance(bake, id) : set_now(bake, "begun-usec");
}

/* EC2 has refused for certain: nothing is out. */
static int forget_launch(Bake *bake)
{
        (void)json_object_del(bake->record.verification, "launching-usec");
        return bake_save(bake);
}

static int await_capacity(Bake *bake, const char *type, const ApiError *error)
{
        int r = forget_launch(bake);

        if (r < 0)
                return r;
        if (!trial_is_late(bake)) {
                log_info("EC2 has no %s to give at the moment, and is asked again", type);
                return EC2_E_REFUSED;
        }
        return failure_set(&bake->failure, FAILURE_API_ERROR, -EREMOTEIO,
                "EC2 had no machine to launch %s on for as long as TimeoutSec= allows: %s; choose "
                "another InstanceType= or SubnetId= in [Verify] of quiesced.conf",
                bake->record.image_id, error->message ? error->message : error->code);
}

/* A snapshot or an image that was just made is not seen everywhere yet. */
static bool is_invisible(const Bake *bake, int outcome, const ApiError *error)
{
        return outcome == EC2_E_NOT_FOUND && is_just_made(&bake->record) && error->code &&
                startswith(error->code, "InvalidAMIID") && !trial_is_late(bake);
}

static int judge_launch(Bake *bake, int outcome, const char *type, const ApiError *error)
{
        if (outcome == EC2_E_REFUSED && ec2_lacks_capacity(error))
                return await_capacity(bake, type, error);
        if (is_invisible(bake, outcome, error))
                return outcome;
        if (outcome == EC2_E_REFUSED || outcome == EC2_E_NOT_FOUND) {
                if (bake_outcome_passes(outcome, error) && !trial_is_late(bake))
                        return outcome;
                (void)forget_launch(bake);
        }
        return trial_is_late(bake) ? bake_fail_api(bake, "RunInstances", outcome, error) :
                                     follow_judge(bake, "RunInstances", outcome, error);
}

/* The token makes a repetition safe, whatever became of the attempt before. */
static int launch(Bake *bake, Attempt *ret)
{
        _cleanup_(arguments_done) Arguments arguments = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *id = NULL;
        int r = arguments_read(&bake->record, &arguments);

        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        r = set_now(bake, "launching-usec");
        if (r >= 0)
                r = bake_save(bake);
        if (r < 0)
                return r;
        bake_pause_point("launching");
        r = ec2_run_instance(bake->aws, &arguments.launch, &id, &error);
        if (r != 0)
                return judge_launch(bake, r, arguments.launch.instance_type, &error);
        ret->complete = true;
        return put_instance(bake, id);
}

int trial_launch(Bake *bake)
{
        int r = 0;

        if (get_usec(bake, "launching-usec") > 0 && !trial_instance(bake))
                r = follow(bake, adopt);
        if (r < 0 || trial_instance(bake))
                return r;
        if (!json_object_get(bake->record.verification, "arguments")) {
                r = look_at_image(bake);
                if (r >= 0)
                        r = set_now(bake, "begun-usec");
        }
        if (r >= 0)
                r = follow(bake, launch);
        if (r >= 0) {
                log_notice("%s is launched from %s", trial_instance(bake), bake->record.image_id);
                bake_pause_point("launched");
        }
        return r;
}

/* --- End -------------------------------------------------------------------------------------- */

static int name_left(Bake *bake)
{
        _cleanup_(freep) char *message = NULL;
        const char *id = trial_instance(bake);

        if (string_printf(&message,
                    "%s; %s%s, launched to verify %s, may still run: terminate it, unless quiesced "
                    "can do so later",
                    bake->failure.message ? bake->failure.message : "Failed",
                    id ? id : "what carries the tag " LABEL_JOB "=", id ? "" : bake->record.id,
                    bake->record.image_id) < 0)
                return -ENOMEM;
        free(bake->failure.message);
        bake->failure.message = TAKE_PTR(message);
        return 0;
}

static int note_end(Bake *bake)
{
        int r = set(bake, "ended", json_true());

        return r < 0 ? r : bake_save(bake);
}

/* One whose launch was not answered: nothing that is missing is believed to be so for a while. */
static int find_for_end(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *id = NULL;
        bool fresh = trial_is_fresh(bake);
        int r = look_up(bake, &id, &error);

        if (r != 0)
                return follow_judge(bake, "DescribeInstances", r, &error);
        ret->complete = id || !fresh;
        return id ? put_instance(bake, id) : 0;
}

static int terminate(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool fresh = trial_is_fresh(bake);
        int r = ec2_terminate_instance(bake->aws, trial_instance(bake), &error);

        if (r == EC2_E_NOT_FOUND && fresh)
                return r;
        ret->complete = r == 0 || r == EC2_E_NOT_FOUND;
        return ret->complete ? 0 : follow_judge(bake, "TerminateInstances", r, &error);
}

int trial_end(Bake *bake)
{
        bool was_deaf = bake->deaf;
        int r = 0;

        if (trial_is_over(&bake->record))
                return 0;
        bake->deaf = true;
        if (!trial_instance(bake))
                r = follow(bake, find_for_end);
        if (r >= 0 && trial_instance(bake))
                r = follow(bake, terminate);
        bake->deaf = was_deaf;
        if (r < 0) {
                (void)name_left(bake);
                return r;
        }
        bake_pause_point("terminating");
        return note_end(bake);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager's methods about what was made earlier: to list, verify, publish, prune and delete
 * it.
 */

#include "daemon/life-methods.h"

#include "base/json.h"
#include "base/text.h"
#include "daemon/admission.h"
#include "daemon/options.h"
#include "daemon/resource-id.h"

/* A question whose arguments are its options, and no more. */
typedef struct Inventory {
        const char *verb; /* of the worker */
        OptionScope scope;
        QuestionReply reply;
} Inventory;

static int ask(sd_bus_message *message, Manager *manager, const Inventory *inventory,
        sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *request = NULL;
        int r;

        r = options_read(message, inventory->scope, &options, reterr);
        if (r < 0)
                return r;
        request = json_pack("{s:s, s:O}", "verb", inventory->verb, "options", options);
        return admission_ask(manager, message, request, inventory->reply, reterr);
}

static int reply_answer(sd_bus_message *message, const json_t *answers)
{
        return question_reply_text(message, json_object_get(answers, "answer"));
}

static int reply_images(sd_bus_message *message, const json_t *answers)
{
        return question_reply_objects(
                message, json_object_get(json_object_get(answers, "answer"), "images"));
}

static int reply_snapshots(sd_bus_message *message, const json_t *answers)
{
        return question_reply_objects(
                message, json_object_get(json_object_get(answers, "answer"), "snapshots"));
}

int method_list_images(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        static const Inventory images = { "list-images", OPTIONS_LIST, reply_images };

        return ask(message, userdata, &images, reterr);
}

int method_list_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        static const Inventory snapshots = { "list-snapshots", OPTIONS_LIST, reply_snapshots };

        return ask(message, userdata, &snapshots, reterr);
}

int method_find_orphans(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        static const Inventory orphans = { "orphans", OPTIONS_ORPHANS, reply_answer };

        return ask(message, userdata, &orphans, reterr);
}

int method_doctor(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *request = NULL;
        _cleanup_(freep) char *profile = NULL;
        int r;

        r = options_read(message, OPTIONS_DOCTOR, &options, reterr);
        if (r >= 0)
                r = options_take(options, "profile", NULL, &profile);
        if (r < 0)
                return r;
        request = json_pack(
                "{s:s, s:s*, s:O}", "verb", "doctor", "profile", profile, "options", options);
        return admission_ask(userdata, message, request, reply_answer, reterr);
}

int method_plan_prune(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *request = NULL;
        const char *profile;
        int r;

        r = profile_name_read(message, &profile, reterr);
        if (r >= 0)
                r = options_read(message, OPTIONS_PLAN_PRUNE, &options, reterr);
        if (r < 0)
                return r;
        request = json_pack("{s:s, s:s, s:O}", "verb", "plan-prune", "profile", profile, "options",
                options);
        return admission_ask(userdata, message, request, reply_answer, reterr);
}

int method_prune(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        const char *profile;
        int r;

        r = profile_name_read(message, &profile, reterr);
        if (r >= 0)
                r = options_read(message, OPTIONS_PRUNE, &options, reterr);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "prune", .kind = "prune", .profile = profile,
                        .options = options },
                JOB_WAIT_QUEUED, reterr);
}

/* A job about one image, of the kind that its verb is called. */
static int begin_with_image(sd_bus_message *message, Manager *manager, const char *verb,
        OptionScope scope, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *ids = NULL;
        _cleanup_(freep) char *profile = NULL;
        const char *image;
        int r;

        r = sd_bus_message_read(message, "s", &image);
        if (r >= 0)
                r = resource_id_check(image, RESOURCE_IMAGE, reterr);
        if (r >= 0)
                r = options_read(message, scope, &options, reterr);
        if (r >= 0)
                r = options_take(options, "profile", NULL, &profile);
        if (r < 0)
                return r;
        ids = json_pack("[s]", image);
        if (!ids)
                return -ENOMEM;
        return admission_begin(manager, message,
                &(JobRequest){ .verb = verb, .kind = verb, .name = image, .profile = profile,
                        .options = options, .ids = ids },
                JOB_WAIT_QUEUED, reterr);
}

int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        return begin_with_image(message, userdata, "verify", OPTIONS_VERIFY, reterr);
}

int method_publish(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        return begin_with_image(message, userdata, "publish", OPTIONS_PUBLISH, reterr);
}

/* What a job is about, for people: "ami-1", "ami-1 and 2 more". */
static int name_ids(const json_t *ids, char **ret)
{
        const char *first = json_string_value(json_array_get(ids, 0));
        size_t n = json_array_size(ids);

        return n == 1 ? string_printf(ret, "%s", first) :
                        string_printf(ret, "%s and %zu more", first, n - 1);
}

int method_deregister(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *ids = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        r = resource_ids_read(message, RESOURCE_IMAGE, &ids, reterr);
        if (r >= 0)
                r = options_read(message, OPTIONS_DEREGISTER, &options, reterr);
        if (r >= 0)
                r = name_ids(ids, &name);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "deregister", .kind = "deregister", .name = name,
                        .options = options, .ids = ids },
                JOB_WAIT_QUEUED, reterr);
}

int method_delete_orphans(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *ids = NULL;
        _cleanup_(freep) char *name = NULL;
        int r;

        r = resource_ids_read(message, RESOURCE_IMAGE | RESOURCE_SNAPSHOT | RESOURCE_INSTANCE |
                RESOURCE_BUNDLE, &ids, reterr);
        if (r >= 0)
                r = options_read(message, OPTIONS_DELETE_ORPHANS, &options, reterr);
        if (r >= 0)
                r = name_ids(ids, &name);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "delete-orphans", .kind = "orphans", .name = name,
                        .options = options, .ids = ids },
                JOB_WAIT_QUEUED, reterr);
}

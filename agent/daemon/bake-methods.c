/* SPDX-License-Identifier: Apache-2.0 */
/* The manager's methods about a point in time of this host: to take it, to plan it, to hold it. */

#include "daemon/bake-methods.h"

#include "base/json.h"
#include "base/text.h"
#include "daemon/admission.h"
#include "daemon/errors.h"
#include "daemon/options.h"

/* What a profile says is read by the worker, when its caller may be gone. */
static bool may_reboot(const Manager *manager, const json_t *options)
{
        return manager->policy.is_root || streq(json_get_string(options, "method", ""), "reboot");
}

int method_bake(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        const char *profile;
        int r;

        r = profile_name_read(message, &profile, reterr);
        if (r < 0)
                return r;
        r = options_read(message, OPTIONS_BAKE, &options, reterr);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "bake", .kind = "bake", .profile = profile,
                        .options = options, .may_reboot = may_reboot(userdata, options) },
                JOB_WAIT_QUEUED, reterr);
}

int method_create_image(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = image_name_check(name, reterr);
        if (r < 0)
                return r;
        r = options_read(message, OPTIONS_IMAGE, &options, reterr);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "bake", .kind = "image", .name = name, .options = options,
                        .may_reboot = may_reboot(userdata, options) },
                JOB_WAIT_SECURED, reterr);
}

int method_create_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        int r;

        r = options_read(message, OPTIONS_SNAPSHOTS, &options, reterr);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "bake", .kind = "snapshots", .options = options },
                JOB_WAIT_SECURED, reterr);
}

int method_freeze(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        int r;

        r = options_read(message, OPTIONS_FREEZE, &options, reterr);
        if (r < 0)
                return r;
        return admission_begin(userdata, message,
                &(JobRequest){ .verb = "freeze", .kind = "freeze", .options = options },
                JOB_WAIT_FROZEN, reterr);
}

static int reply_plan(sd_bus_message *message, const json_t *answers)
{
        return question_reply_text(
                message, json_object_get(json_object_get(answers, "plan"), "plan"));
}

int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(json_decrefp) json_t *options = NULL, *request = NULL;
        _cleanup_(freep) char *kind = NULL, *name = NULL;
        const char *profile;
        int r;

        r = sd_bus_message_read(message, "s", &profile);
        if (r >= 0 && *profile)
                r = profile_name_check(profile, reterr);
        if (r >= 0)
                r = options_read(message, OPTIONS_PLAN, &options, reterr);
        if (r >= 0 && *profile && json_object_get(options, "kind"))
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "The option 'kind' goes without a profile: Type= of '%s' says it", profile);
        if (r >= 0)
                r = options_take(options, "kind", *profile ? "bake" : "image", &kind);
        if (r >= 0)
                r = options_take(options, "name", NULL, &name);
        if (r < 0)
                return r;
        request = json_pack("{s:s, s:s, s:s*, s:s*, s:O}", "verb", "plan", "kind", kind, "profile",
                *profile ? profile : NULL, "name", name, "options", options);
        return admission_ask(userdata, message, request, reply_plan, reterr);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of this machine: asked of a worker at the start, and refreshed by every bake. */

#include "daemon/survey.h"

#include <string.h>

#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/errors.h"

#define WAITERS_MAX 64
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

void survey_init(Survey *survey, sd_event *event, SurveyChanged changed, void *userdata)
{
        *survey = (Survey){ .event = event, .changed = changed, .userdata = userdata };
}

void survey_done(Survey *survey)
{
        (void)inquiry_free(survey->inquiry);
        for (size_t i = 0; i < survey->n_waiters; i++)
                (void)sd_bus_message_unref(survey->waiters[i]);
        free(survey->waiters);
        json_decref(survey->identity);
        json_decref(survey->volumes);
        json_decref(survey->filesystems);
        free(survey->error);
}

/* True if it is another value than before. */
static bool take(json_t **target, json_t *value)
{
        if (!value || (*target && json_equal(*target, value)))
                return false;
        json_decref(*target);
        *target = json_incref(value);
        return true;
}

static void set_error(Survey *survey, const char *message)
{
        if (streq_ptr(survey->error, message))
                return;
        free(survey->error);
        survey->error = message ? strdup(message) : NULL;
        survey->changed(survey->userdata, NAMES("SurveyError"));
}

void survey_take(Survey *survey, const json_t *report)
{
        bool volumes, filesystems;

        if (streq(json_get_string(report, "report", ""), "identity")) {
                if (take(&survey->identity, (json_t *)report))
                        survey->changed(survey->userdata,
                                NAMES("InstanceId", "InstanceType", "ImageId", "Region",
                                        "AvailabilityZone", "AccountId", "Architecture"));
                return;
        }
        volumes = take(&survey->volumes, json_object_get(report, "volumes"));
        filesystems = take(&survey->filesystems, json_object_get(report, "filesystems"));
        if (volumes || filesystems)
                survey->changed(survey->userdata, NAMES("Volumes", "FileSystems"));
}

const char *survey_get(const Survey *survey, const char *key)
{
        return json_get_string(survey->identity, key, "");
}

static void survey_answer(Survey *survey, const json_t *result)
{
        bool done = streq(json_get_string(result, "result", ""), "done");

        set_error(survey, done ? NULL : json_get_string(result, "message", "The survey failed"));
        for (size_t i = 0; i < survey->n_waiters; i++) {
                if (done)
                        (void)sd_bus_reply_method_return(survey->waiters[i], NULL);
                else
                        (void)error_reply(survey->waiters[i], result);
                (void)sd_bus_message_unref(survey->waiters[i]);
        }
        survey->n_waiters = 0;
}

static void survey_ended(void *userdata, Inquiry *inquiry, const json_t *answers)
{
        const json_t *identity = json_object_get(answers, "identity");
        const json_t *topology = json_object_get(answers, "topology");
        Survey *survey = userdata;

        if (identity)
                survey_take(survey, identity);
        if (topology)
                survey_take(survey, topology);
        survey_answer(survey, json_object_get(answers, "result"));
        survey->inquiry = inquiry_free(inquiry);
}

static int survey_start(Survey *survey)
{
        _cleanup_(json_decrefp) json_t *request =
                json_pack("{s:s, s:{}}", "verb", "survey", "options");
        _cleanup_(freep) char *message = NULL;
        int r;

        if (!request)
                return -ENOMEM;
        r = inquiry_new(survey->event, request, survey_ended, survey, &survey->inquiry);
        if (r >= 0)
                return 0;
        (void)string_printf(&message, "The worker could not be started: %s", strerror(-r));
        set_error(survey, message ? message : "The worker could not be started");
        return r;
}

int survey_begin(Survey *survey, sd_bus_message *message)
{
        sd_bus_message **slot;
        int r = survey->inquiry ? 0 : survey_start(survey);

        if (!message)
                return r;
        if (r < 0 || survey->n_waiters >= WAITERS_MAX)
                return sd_bus_reply_method_errorf(message, r < 0 ? ERROR_WORKER_DIED : ERROR_BUSY,
                        "%s",
                        r < 0 ? survey->error : "Too many wait for this already; try again later");
        slot = ARRAY_ADD(survey->waiters, survey->n_waiters);
        if (!slot)
                return -ENOMEM;
        *slot = sd_bus_message_ref(message);
        return 1;
}

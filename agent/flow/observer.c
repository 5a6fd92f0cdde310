/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches a job: is told what happens, and may say that it shall end. */

#include "flow/observer.h"

static const char *const step_names[STEP_MAX] = {
        [STEP_IDENTITY] = "identity",
        [STEP_TOPOLOGY] = "topology",
        [STEP_PLAN] = "plan",
        [STEP_QUIESCE] = "quiesce",
        [STEP_CUT] = "cut",
        [STEP_THAW] = "thaw",
        [STEP_COMPLETE] = "complete",
        [STEP_PUBLISH] = "publish",
};

void observer_send(const Observer *observer, const char *kind, json_t *object)
{
        if (object && json_object_set_new(object, "report", json_string(kind)) < 0) {
                json_decref(object);
                object = NULL;
        }
        observer->report(observer->userdata, object);
}

void observer_say(const Observer *observer, const char *kind)
{
        observer_send(observer, kind, json_object());
}

void observer_step(const Observer *observer, Step step)
{
        observer_send(observer, "step", json_pack("{s:s}", "step", step_names[step]));
}

void observer_progress(const Observer *observer, unsigned percent)
{
        observer_send(observer, "progress", json_pack("{s:i}", "percent", (int)percent));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of Plan that are under way, each with its worker. */

#include "daemon/plan.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/list.h"
#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/inquiry.h"

/* Whoever may read may ask, and each question is a process. */
#define PLANS_MAX 4

struct PlanCall {
        Plans *plans;
        Inquiry *inquiry;
        sd_bus_message *message;
};

static PlanCall *plan_call_free(PlanCall *call)
{
        if (!call)
                return NULL;
        (void)inquiry_free(call->inquiry);
        (void)sd_bus_message_unref(call->message);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(PlanCall *, plan_call_free)

void plans_init(Plans *plans, sd_event *event)
{
        *plans = (Plans){ .event = event };
}

void plans_done(Plans *plans)
{
        for (size_t i = 0; i < plans->n_calls; i++)
                (void)plan_call_free(plans->calls[i]);
        free(plans->calls);
        *plans = (Plans){ 0 };
}

static void plan_answer(sd_bus_message *message, const json_t *answers)
{
        const json_t *result = json_object_get(answers, "result");
        const json_t *plan = json_object_get(json_object_get(answers, "plan"), "plan");
        _cleanup_(freep) char *text = plan ? json_dumps(plan, JSON_COMPACT) : NULL;

        if (text && streq(json_get_string(result, "result", ""), "done"))
                (void)sd_bus_reply_method_return(message, "s", text);
        else
                (void)error_reply(message, result);
}

static void plan_done(void *userdata, Inquiry *inquiry, const json_t *answers)
{
        PlanCall *call = userdata;
        Plans *plans = call->plans;

        plan_answer(call->message, answers);
        for (size_t i = 0; i < plans->n_calls; i++) {
                if (plans->calls[i] != call)
                        continue;
                plans->calls[i] = plans->calls[--plans->n_calls];
                break;
        }
        (void)plan_call_free(call);
}

int plans_add(Plans *plans, sd_bus_message *message, const json_t *request)
{
        _cleanup_(plan_call_freep) PlanCall *call = NULL;
        PlanCall **slot;
        int r;

        if (plans->n_calls >= PLANS_MAX)
                return sd_bus_reply_method_errorf(message, ERROR_BUSY,
                        "%d plans are being made already; try again in a moment", PLANS_MAX);
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (PlanCall){ .plans = plans, .message = sd_bus_message_ref(message) };
        r = inquiry_new(plans->event, request, plan_done, call, &call->inquiry);
        if (r < 0)
                return sd_bus_reply_method_errorf(message, ERROR_WORKER_DIED,
                        "The worker could not be started: %s", strerror(-r));
        slot = ARRAY_ADD(plans->calls, plans->n_calls);
        if (!slot)
                return -ENOMEM;
        *slot = TAKE_PTR(call);
        return 1;
}

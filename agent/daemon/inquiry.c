/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that only answers a question (survey, plan, lists), and is no job. */

#include "daemon/inquiry.h"

#include "base/answer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/worker-link.h"

/* A listing of a large account is hundreds of calls, and quiescectl waits for ten minutes. */
#define LIMIT_USEC (9 * 60 * USEC_PER_SEC)

/* Beyond the worker's own limits on each request: for one that hangs. */
#define SILENCE_USEC (120 * USEC_PER_SEC)

struct Inquiry {
        WorkerLink *link;
        sd_event_source *limit_source;
        json_t *answers;
        Answer answer;
        InquiryDone done;
        void *userdata;
};

Inquiry *inquiry_free(Inquiry *inquiry)
{
        if (!inquiry)
                return NULL;
        (void)sd_event_source_disable_unref(inquiry->limit_source);
        (void)worker_link_free(inquiry->link);
        json_decref(inquiry->answers);
        answer_done(&inquiry->answer);
        free(inquiry);
        return NULL;
}

/* It fails, unless it has already ended in some way. */
static void inquiry_fail(Inquiry *inquiry, const char *error, const char *message)
{
        json_t *result;

        if (json_object_get(inquiry->answers, "result"))
                return;
        result = json_pack("{s:s, s:s, s:s}", "result", "failed", "error", error, "message",
                message);
        (void)json_object_set_new(inquiry->answers, "result", result);
}

/* See base/answer.h. */
static void inquiry_piece(Inquiry *inquiry, const json_t *piece)
{
        int r = answer_join(&inquiry->answer, piece);

        if (r >= 0) {
                (void)json_object_set(inquiry->answers, "answer", inquiry->answer.object);
                return;
        }
        if (r == -EMSGSIZE)
                inquiry_fail(inquiry, ERROR_ANSWER_TOO_LONG,
                        "What was found is longer than the 24 MiB that an answer may have; ask for "
                        "less, as for that of one profile");
        worker_link_kill(inquiry->link);
}

static void inquiry_report(void *userdata, const json_t *report)
{
        const char *name = json_get_string(report, "report", "");
        Inquiry *inquiry = userdata;

        if (json_object_get(inquiry->answers, "result"))
                return;
        if (streq(name, "answer")) {
                inquiry_piece(inquiry, json_object_get(report, "answer"));
                return;
        }
        (void)json_object_set(inquiry->answers, name, (json_t *)report);
        if (streq(name, "result"))
                worker_link_expect_end(inquiry->link);
}

static void inquiry_ended(void *userdata, const char *how)
{
        _cleanup_(freep) char *message = NULL;
        Inquiry *inquiry = userdata;

        (void)string_printf(&message,
                "The worker ended without a result: %s. See journalctl -u quiesced", how);
        inquiry_fail(inquiry, ERROR_WORKER_DIED, message ? message : how);
        inquiry->done(inquiry->userdata, inquiry, inquiry->answers);
}

static const WorkerEvents inquiry_events = { inquiry_report, inquiry_ended };

static int inquiry_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Inquiry *inquiry = userdata;

        worker_link_kill(inquiry->link);
        return 0;
}

int inquiry_new(sd_event *event, const json_t *request, InquiryDone done, void *userdata,
        Inquiry **ret)
{
        _cleanup_(inquiry_freep) Inquiry *inquiry = calloc(1, sizeof(*inquiry));
        int r;

        if (!inquiry)
                return -ENOMEM;
        *inquiry = (Inquiry){ .done = done, .userdata = userdata, .answers = json_object() };
        if (!inquiry->answers)
                return -ENOMEM;
        r = worker_link_new(event, request, &inquiry_events, inquiry, &inquiry->link);
        if (r < 0)
                return r;
        worker_link_watch(inquiry->link, SILENCE_USEC);
        r = sd_event_add_time(event, &inquiry->limit_source, CLOCK_BOOTTIME,
                clock_usec() + LIMIT_USEC, 0, inquiry_over, inquiry);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(inquiry);
        return 0;
}

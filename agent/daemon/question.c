/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that ask something which a worker has to find out, each with its worker. */

#include "daemon/question.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/list.h"
#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/inquiry.h"
#include "daemon/variant.h"

/* Whoever may read may ask, and each question is a process. */
#define QUESTIONS_MAX 4

/* The system's bus ends a connection that sends it 32 MiB in one message. */
#define REPLY_BYTES_MAX (28 * 1024 * 1024)

struct Question {
        Questions *questions;
        Inquiry *inquiry;
        sd_bus_message *message;
        QuestionReply reply;
};

static Question *question_free(Question *question)
{
        if (!question)
                return NULL;
        (void)inquiry_free(question->inquiry);
        (void)sd_bus_message_unref(question->message);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(Question *, question_free)

void questions_init(Questions *questions, sd_event *event)
{
        *questions = (Questions){ .event = event };
}

void questions_done(Questions *questions)
{
        for (size_t i = 0; i < questions->n_pending; i++)
                (void)question_free(questions->pending[i]);
        free(questions->pending);
        *questions = (Questions){ 0 };
}

int question_reply_text(sd_bus_message *message, const json_t *value)
{
        _cleanup_(freep) char *text = NULL;

        if (!value)
                return -ENODATA;
        text = json_dumps(value, JSON_COMPACT | JSON_DECIMALS);
        return text ? sd_bus_reply_method_return(message, "s", text) : -ENOMEM;
}

int question_reply_objects(sd_bus_message *message, const json_t *array)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (!json_is_array(array))
                return -ENODATA;
        if (variant_objects_bytes(array) > REPLY_BYTES_MAX)
                return sd_bus_reply_method_errorf(message, ERROR_ANSWER_TOO_LONG,
                        "There are %zu, which is more than fits into one answer; ask for those of "
                        "one profile (option profile, quiescectl --profile)",
                        json_array_size(array));
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = variant_append_objects(reply, array);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void question_answer(const Question *question, const json_t *answers)
{
        const json_t *result = json_object_get(answers, "result");
        int r = -ENODATA;

        if (streq(json_get_string(result, "result", ""), "done"))
                r = question->reply(question->message, answers);
        if (r == -ENODATA)
                r = error_reply(question->message, result);
        if (r < 0)
                (void)sd_bus_reply_method_errno(question->message, r, NULL);
}

static void question_done(void *userdata, Inquiry *inquiry, const json_t *answers)
{
        Question *question = userdata;
        Questions *questions = question->questions;

        question_answer(question, answers);
        for (size_t i = 0; i < questions->n_pending; i++) {
                if (questions->pending[i] != question)
                        continue;
                questions->pending[i] = questions->pending[--questions->n_pending];
                break;
        }
        (void)question_free(question);
}

int questions_add(Questions *questions, sd_bus_message *message, const json_t *request,
        QuestionReply reply)
{
        _cleanup_(question_freep) Question *question = NULL;
        Question **slot;
        int r;

        if (questions->n_pending >= QUESTIONS_MAX)
                return sd_bus_reply_method_errorf(message, ERROR_BUSY,
                        "%d questions are being answered already; try again in a moment",
                        QUESTIONS_MAX);
        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        *question = (Question){ .questions = questions, .reply = reply };
        question->message = sd_bus_message_ref(message);
        r = inquiry_new(questions->event, request, question_done, question, &question->inquiry);
        if (r < 0)
                return sd_bus_reply_method_errorf(message, ERROR_WORKER_DIED,
                        "The worker could not be started: %s", strerror(-r));
        slot = ARRAY_ADD(questions->pending, questions->n_pending);
        if (!slot)
                return -ENOMEM;
        *slot = TAKE_PTR(question);
        return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The calls that ask something which a worker has to find out: Plan, ListImages and the like. */

#include <jansson.h>
#include <stddef.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Question Question;

typedef struct Questions {
        sd_event *event;
        Question **pending;
        size_t n_pending;
} Questions;

/*
 * Answers the message from what a worker has reported, by the reports' names, and which went well.
 * -ENODATA if it did not report what it was asked for.
 */
typedef int (*QuestionReply)(sd_bus_message *message, const json_t *answers);

void questions_init(Questions *questions, sd_event *event);
void questions_done(Questions *questions);

/* Has a worker do what is requested, and answers the message by `reply`, or with its error. */
int questions_add(Questions *questions, sd_bus_message *message, const json_t *request,
        QuestionReply reply);

/* A reply of one string: the value as JSON. -ENODATA if it is NULL. */
int question_reply_text(sd_bus_message *message, const json_t *value);

/* A reply of aa{sv}: the objects of an array. -ENODATA if it is none. */
int question_reply_objects(sd_bus_message *message, const json_t *array);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The names of what can go wrong, as callers see them on the bus. */

#include <jansson.h>
#include <systemd/sd-bus.h>

#define ERROR_PREFIX "org.quiesced1.Error."

#define ERROR_INVALID_ARGUMENT ERROR_PREFIX "InvalidArgument"
#define ERROR_UNKNOWN_OPTION ERROR_PREFIX "UnknownOption"
#define ERROR_NO_SUCH_JOB ERROR_PREFIX "NoSuchJob"
#define ERROR_BUSY ERROR_PREFIX "Busy"
#define ERROR_ACCESS_DENIED ERROR_PREFIX "AccessDenied"
#define ERROR_CANCELLED ERROR_PREFIX "Cancelled"
#define ERROR_ANSWER_TOO_LONG ERROR_PREFIX "AnswerTooLong"
#define ERROR_WORKER_DIED ERROR_PREFIX "WorkerDied"

/* A worker's word for an error, with or without the prefix, as a name the bus takes; or -ENOMEM. */
int error_name(const char *word, char **ret);

/* Answers with the error and message of a worker's result. */
int error_reply(sd_bus_message *message, const json_t *result);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a job failed, in the words that its caller reads: a name of the bus, and a sentence. */

#include "aws/api-error.h"
#include "base/cleanup.h"

/* The errors of org.quiesced1(5), without their prefix. */
typedef enum FailureKind {
        FAILURE_NONE,
        FAILURE_INVALID_ARGUMENT,
        FAILURE_NO_SUCH_PROFILE,
        FAILURE_CONFIG_INVALID,
        FAILURE_NO_SUCH_JOB,
        FAILURE_BUSY,
        FAILURE_NOT_ON_EC2,
        FAILURE_NO_CREDENTIALS,
        FAILURE_ACCESS_DENIED,
        FAILURE_API_ERROR,
        FAILURE_API_TIMEOUT,
        FAILURE_API_UNREACHABLE,
        FAILURE_TOPOLOGY_MISMATCH,
        FAILURE_NOT_COVERED,
        FAILURE_PLAN_REFUSED,
        FAILURE_FREEZER_UNAVAILABLE,
        FAILURE_FREEZE_FAILED,
        FAILURE_FREEZE_TIMEOUT,
        FAILURE_FOREIGN_FREEZE,
        FAILURE_MOUNT_VANISHED,
        FAILURE_CONSISTENCY_NOT_REACHED,
        FAILURE_NAME_TAKEN,
        FAILURE_SNAPSHOT_FAILED,
        FAILURE_IMAGE_FAILED,
        FAILURE_CAPTURE_FAILED,
        FAILURE_NO_SUCH_IMAGE,
        FAILURE_IN_USE,
        FAILURE_PROTECTED,
        FAILURE_LEFT_OVER,
        FAILURE_VERIFY_FAILED,
        FAILURE_PUBLISH_FAILED,
        FAILURE_NOT_SUPPORTED,
        FAILURE_CANCELLED,
        FAILURE_WORKER_DIED,
        FAILURE_INTERNAL,
        FAILURE_MAX,
} FailureKind;

typedef struct Failure {
        FailureKind kind;
        char *message;
} Failure;

void failure_done(Failure *failure);

/* "ApiTimeout": the last part of the bus error's name. */
const char *failure_name(FailureKind kind);

/* The kind of a name, FAILURE_INTERNAL for one that is unknown. */
FailureKind failure_from_name(const char *name);

/* Fills it, unless a cause is there already (the first counts), and returns `error`. */
int failure_set(Failure *failure, FailureKind kind, int error, const char *format, ...)
        _printf_(4, 5);

/*
 * The failure of an API call `what` ("CreateSnapshots"): an error reply, a time-out or a connection
 * that broke, told apart by `error` and `api`, with what the person can do about it.
 */
int failure_set_api(Failure *failure, const char *what, int error, const ApiError *api);

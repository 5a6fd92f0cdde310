/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A call of a service as its protocol describes it: what is sent, how the reply is read. */

#include "aws/api-error.h"
#include "aws/http.h"
#include "aws/sigv4.h"

typedef enum AwsOutcome {
        AWS_E_REFUSED = 1, /* an error reply, and retries were no use */
        AWS_E_TIMEOUT, /* no answer in time: whether it was done is not known */
        AWS_E_LOST, /* connection lost, or an answer that is none: likewise */
        AWS_E_UNREACHABLE, /* nothing was sent: no connection, or TLS refused the peer */
        AWS_E_NO_CREDENTIALS, /* nothing was sent */
        AWS_E_CANCELLED, /* nothing is under way */
} AwsOutcome;

/* The code of an ApiError where there is a whole reply, but of more bytes than the call wants. */
#define AWS_CODE_TOO_LARGE "ReplyTooLarge"

/* Reads a reply: 0, AWS_E_REFUSED (an error reply), AWS_E_LOST (not to be understood), -ENOMEM. */
typedef int (*AwsJudge)(void *userdata, const HttpReply *reply, ApiError *reterr);

typedef struct AwsCall {
        SigV4Request request; /* without the host */
        SigV4Flags flags;
        bool retries_not_found; /* what it refers to was just created */
        bool only_reads; /* as far as its name tells */
        bool is_repeatable; /* safe to send again after TIMEOUT and LOST */
        size_t reply_max; /* a longer reply is LOST, with AWS_CODE_TOO_LARGE; 0: HTTP_BODY_MAX */
        uint64_t attempt_usec; /* one may take so long; 0: 20 s */
        uint64_t stall_usec; /* see HttpRequest */
        bool is_interruptible; /* `cancelled` is asked while it is under way, too */
        HttpOnBody on_body; /* see HttpRequest; what it returns is forwarded */
        void *on_body_userdata;
        AwsJudge judge;
        void *userdata;
} AwsCall;

/* Whether an action is named as those that change nothing are: "DescribeImages", "GetParameter". */
bool aws_action_only_reads(const char *action);

/* For judges: the reply is not in the protocol's words. AWS_E_REFUSED, AWS_E_LOST or -ENOMEM. */
int aws_call_fail_unintelligible(const HttpReply *reply, ApiError *reterr);

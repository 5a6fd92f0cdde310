/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* EC2's Query API, version 2016-11-15: what its calls have in common. */

#include "aws/query-call.h"

/* Every call names those it may have; "the common outcomes" are the first six. */
typedef enum Ec2Outcome {
        EC2_E_REFUSED = AWS_E_REFUSED, /* an error reply, and retries were no use: not done */
        EC2_E_TIMEOUT = AWS_E_TIMEOUT, /* no answer in time: whether it was done is not known */
        EC2_E_LOST = AWS_E_LOST, /* connection lost, or an answer that is none: likewise */
        EC2_E_UNREACHABLE = AWS_E_UNREACHABLE, /* nothing was sent */
        EC2_E_NO_CREDENTIALS = AWS_E_NO_CREDENTIALS, /* nothing was sent */
        EC2_E_CANCELLED = AWS_E_CANCELLED, /* nothing is under way */
        EC2_E_NOT_FOUND,
        EC2_E_IN_USE, /* a snapshot that an image refers to */
        EC2_E_NAME_TAKEN, /* look the name up: the image may be ours */
        EC2_E_MAX,
} Ec2Outcome;

/* "refused", "not answered in time", ...: for messages. */
const char *ec2_outcome_to_string(Ec2Outcome outcome);

/* Ids in one call, and values of one filter. */
#define EC2_IDS_MAX 1000
#define EC2_FILTER_VALUES_MAX 200

/* Items of one page: large enough for few calls, small enough to be read quickly. */
#define EC2_PAGE_ITEMS "500"

/*
 * EC2 is eventually consistent: what was created moments ago may be NotFound for a while. With
 * EC2_FRESH a NotFound is asked again for up to 2.5 minutes.
 */
typedef enum Ec2Flags {
        EC2_FRESH = 1 << 0,
        EC2_UNREPEATABLE = 1 << 1, /* never sent again after TIMEOUT and LOST */
} Ec2Flags;

/* A form that begins with Action and Version. */
void ec2_begin(Query *query, const char *action);

/* With retries. 0 and the reply, or an Ec2Outcome, or -ENOMEM, ... */
int ec2_call(AwsClient *client, const Query *query, Ec2Flags flags, Xml **ret, ApiError *reterr);

typedef QueryOnPage Ec2OnPage;

/* Follows nextToken; `on_page` is called for each page in turn. */
int ec2_call_pages(AwsClient *client, const Query *query, Ec2Flags flags, Ec2OnPage on_page,
        void *userdata, ApiError *reterr);

/* An AwsOutcome, with the codes that have outcomes of their own. */
int ec2_outcome(int outcome, const ApiError *error);

/* Whether it is about a parameter of the call: one that an EC2-compatible cloud does not know. */
bool ec2_is_unknown_parameter(const ApiError *error);

/*
 * How long the id is that `text` begins with: `prefix` ("ami-") and 8 to 17 hexadecimal digits, with
 * none behind them. 0 if it begins with none.
 */
size_t ec2_id_length(const char *text, const char *prefix);
bool ec2_id_is_valid(const char *id, const char *prefix);

/* The AwsCall of a form. */
AwsCall ec2_make_call(const Query *query, Ec2Flags flags, Xml **reply);

/* The marketplace codes of an instance or an image. 0 or -ENOMEM. */
int ec2_read_product_codes(const XmlNode *item, StringList *codes);

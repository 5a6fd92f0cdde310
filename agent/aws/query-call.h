/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A call by the Query protocol: a form goes out, XML comes back, in pages where there is much. */

#include "aws/client.h"
#include "aws/query.h"
#include "aws/xml.h"

/*
 * The AwsJudge of this protocol, of EC2's dialect too; `userdata` is an Xml **, which it frees and
 * replaces.
 */
int query_judge(void *userdata, const HttpReply *reply, ApiError *reterr);

/* The AwsCall of a form; it may be sent again, and takes a NotFound for an answer. */
AwsCall query_make_call(const Query *query, Xml **reply);

/* 0 or a negative error, which ends the call. */
typedef int (*QueryOnPage)(void *userdata, const XmlNode *root);

typedef struct QueryPager {
        const char *token_path; /* of the next page, in a reply */
        bool retries_not_found; /* what is asked for was just created */
        QueryOnPage on_page; /* for each page in turn */
        void *userdata;
} QueryPager;

/* With retries, page after page. 0, an AwsOutcome, -ENOMEM, ..., or what `on_page` returned. */
int query_call_pages(AwsClient *client, const Query *query, const QueryPager *pager,
        ApiError *reterr);

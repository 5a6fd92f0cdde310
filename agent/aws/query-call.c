/* SPDX-License-Identifier: Apache-2.0 */
/* A call by the Query protocol: a form goes out, XML comes back, in pages where there is much. */

#include "aws/query-call.h"

#define PAGES_MAX 1000
#define TOKEN_BYTES_MAX 16384

/* Where a reply has its error and, beside that, the request's id. */
static const char *const error_paths[][2] = {
        { "Errors/Error", "RequestID" }, /* EC2: <Response> */
        { "Error", "RequestId" }, /* the others: <ErrorResponse> */
};

/* 0 if the reply is no error. */
static int read_error(const XmlNode *root, ApiError *reterr)
{
        for (size_t i = 0; i < ELEMENTSOF(error_paths); i++) {
                const XmlNode *error = xml_find(root, error_paths[i][0]);

                if (!xml_text(error, "Code"))
                        continue;
                if (api_error_set(reterr, xml_text(error, "Code"), xml_text(error, "Message")) < 0)
                        return -ENOMEM;
                return xml_copy(root, error_paths[i][1], &reterr->request_id) < 0 ? -ENOMEM :
                                                                                    AWS_E_REFUSED;
        }
        return 0;
}

int query_judge(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        Xml **kept = userdata;
        const XmlNode *root;
        int r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, &xml);

        if (r < 0)
                return r;
        root = xml_root(xml);
        r = read_error(root, reterr);
        if (r != 0)
                return r;
        if (reply->status != 200 || !root || !endswith(xml_name(root), "Response"))
                return aws_call_fail_unintelligible(reply, reterr);
        *kept = xml_free(*kept);
        *kept = TAKE_PTR(xml);
        return 0;
}

static bool only_reads(const Query *query)
{
        const char *action = query->form.data ? startswith(query->form.data, "Action=") : NULL;

        return action && aws_action_only_reads(action);
}

AwsCall query_make_call(const Query *query, Xml **reply)
{
        static const KeyValue headers[] = {
                { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
        };

        return (AwsCall){
                .request = {
                        .method = "POST",
                        .path = "/",
                        .headers = headers,
                        .n_headers = ELEMENTSOF(headers),
                        .body = query->form.data,
                        .body_size = query->form.length,
                },
                .flags = SIGV4_FLAGS_DEFAULT,
                .only_reads = only_reads(query),
                .is_repeatable = true,
                .judge = query_judge,
                .userdata = reply,
        };
}

static int call_page(AwsClient *client, const Query *query, const QueryPager *pager, Xml **ret,
        ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *reply = NULL;
        AwsCall call = query_make_call(query, &reply);
        int r = query_finish(query);

        if (r < 0)
                return r;
        call.retries_not_found = pager->retries_not_found;
        r = aws_client_call(client, &call, reterr);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(reply);
        return 0;
}

static int fail_pages(ApiError *reterr)
{
        return api_error_set(reterr, NULL, "The pages of the answer do not come to an end") < 0 ?
                -ENOMEM :
                AWS_E_LOST;
}

/* The form of the page behind `token`: 0, or -ENOMEM. */
static int make_next_page(const Query *query, const char *token, Query *ret)
{
        int r;

        query_done(ret);
        r = text_add_bytes(&ret->form, query->form.data, query->form.length);
        if (r < 0)
                return r;
        query_add(ret, "NextToken", token);
        return query_finish(ret);
}

int query_call_pages(AwsClient *client, const Query *query, const QueryPager *pager,
        ApiError *reterr)
{
        _cleanup_(query_done) Query page = QUERY_INIT;

        for (unsigned n = 0; n < PAGES_MAX; n++) {
                _cleanup_(xml_freep) Xml *reply = NULL;
                const char *token;
                int r = call_page(client, n == 0 ? query : &page, pager, &reply, reterr);

                if (r != 0)
                        return r;
                r = pager->on_page(pager->userdata, xml_root(reply));
                if (r < 0)
                        return r;
                token = xml_text(xml_root(reply), pager->token_path);
                if (!token)
                        return 0;
                if (strlen(token) > TOKEN_BYTES_MAX)
                        break;
                r = make_next_page(query, token, &page);
                if (r < 0)
                        return r;
        }
        return fail_pages(reterr);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* EC2's Query API, version 2016-11-15: what its calls have in common. */

#include "aws/ec2.h"

#define API_VERSION "2016-11-15"
#define PAGES_MAX 1000
#define TOKEN_BYTES_MAX 16384

const char *ec2_outcome_to_string(Ec2Outcome outcome)
{
        static const char *const names[EC2_E_MAX] = {
                [EC2_E_REFUSED] = "refused",
                [EC2_E_TIMEOUT] = "not answered in time",
                [EC2_E_LOST] = "not answered",
                [EC2_E_UNREACHABLE] = "not sent",
                [EC2_E_NO_CREDENTIALS] = "not signed",
                [EC2_E_CANCELLED] = "cancelled",
                [EC2_E_NOT_FOUND] = "not found",
                [EC2_E_IN_USE] = "in use",
                [EC2_E_NAME_TAKEN] = "name taken",
        };

        return outcome > 0 && outcome < EC2_E_MAX ? names[outcome] : "done";
}

void ec2_begin(Query *query, const char *action)
{
        query_begin(query, action, API_VERSION);
}

/* <Response><Errors><Error><Code/><Message/></Error></Errors><RequestID/></Response> */
static int read_error(const XmlNode *root, ApiError *reterr)
{
        const XmlNode *error = xml_find(root, "Errors/Error");

        if (api_error_set(reterr, xml_text(error, "Code"), xml_text(error, "Message")) < 0)
                return -ENOMEM;
        return xml_copy(root, "RequestID", &reterr->request_id);
}

static int fail_unintelligible(const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message, "The answer (HTTP status %d, %zu bytes) is none of EC2's",
                    reply->status, reply->body.length) < 0 ||
                api_error_set(reterr, NULL, message) < 0)
                return -ENOMEM;
        /* Something on the way said no, without EC2's words; or it was cut short. */
        return reply->status >= 400 ? AWS_E_REFUSED : AWS_E_LOST;
}

int ec2_judge(void *userdata, const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        Xml **kept = userdata;
        const XmlNode *root;
        int r = xml_parse(reply->body.data ? reply->body.data : "", reply->body.length, &xml);

        if (r < 0)
                return r;
        root = xml_root(xml);
        if (xml_text(root, "Errors/Error/Code"))
                return read_error(root, reterr) < 0 ? -ENOMEM : AWS_E_REFUSED;
        if (reply->status != 200 || !root || !endswith(xml_name(root), "Response"))
                return fail_unintelligible(reply, reterr);
        *kept = xml_free(*kept);
        *kept = TAKE_PTR(xml);
        return 0;
}

int ec2_outcome(int outcome, const ApiError *error)
{
        static const struct {
                const char *code;
                Ec2Outcome outcome;
        } codes[] = {
                { "InvalidSnapshot.InUse", EC2_E_IN_USE },
                { "InvalidAMIName.Duplicate", EC2_E_NAME_TAKEN },
                { "InvalidAMIID.Unavailable", EC2_E_NOT_FOUND }, /* it was deregistered */
        };

        if (outcome != AWS_E_REFUSED || !error->code)
                return outcome;
        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(error->code, codes[i].code))
                        return codes[i].outcome;
        return api_error_classify(error) == API_ERROR_NOT_FOUND ? EC2_E_NOT_FOUND : EC2_E_REFUSED;
}

bool ec2_is_unknown_parameter(const ApiError *error)
{
        static const char *const codes[] = { "UnknownParameter", "InvalidParameter",
                "InvalidParameterCombination", "InvalidParameterValue" };

        for (size_t i = 0; error->code && i < ELEMENTSOF(codes); i++)
                if (streq(error->code, codes[i]))
                        return true;
        return false;
}

size_t ec2_id_length(const char *text, const char *prefix)
{
        const char *digits = startswith(text, prefix);
        size_t count = digits ? strspn(digits, "0123456789abcdef") : 0;

        return count >= 8 && count <= 17 ? strlen(prefix) + count : 0;
}

bool ec2_id_is_valid(const char *id, const char *prefix)
{
        size_t length = ec2_id_length(id, prefix);

        return length > 0 && id[length] == '\0';
}

AwsCall ec2_make_call(const Query *query, Ec2Flags flags, Xml **reply)
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
                .retries_not_found = flags & EC2_FRESH,
                .is_repeatable = !(flags & EC2_UNREPEATABLE),
                .judge = ec2_judge,
                .userdata = reply,
        };
}

int ec2_call(AwsClient *client, const Query *query, Ec2Flags flags, Xml **ret, ApiError *reterr)
{
        _cleanup_(xml_freep) Xml *reply = NULL;
        AwsCall call = ec2_make_call(query, flags, &reply);
        int r = query_finish(query);

        if (r < 0)
                return r;
        r = aws_client_call(client, &call, reterr);
        if (r != 0)
                return ec2_outcome(r, reterr);
        *ret = TAKE_PTR(reply);
        return 0;
}

static int fail_pages(ApiError *reterr)
{
        return api_error_set(reterr, NULL, "The pages of the answer do not come to an end") < 0 ?
                -ENOMEM :
                EC2_E_LOST;
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

int ec2_call_pages(AwsClient *client, const Query *query, Ec2Flags flags, Ec2OnPage on_page,
        void *userdata, ApiError *reterr)
{
        _cleanup_(query_done) Query page = QUERY_INIT;

        for (unsigned n = 0; n < PAGES_MAX; n++) {
                _cleanup_(xml_freep) Xml *reply = NULL;
                const char *token;
                int r = ec2_call(client, n == 0 ? query : &page, flags, &reply, reterr);

                if (r != 0)
                        return r;
                r = on_page(userdata, xml_root(reply));
                if (r < 0)
                        return r;
                token = xml_text(xml_root(reply), "nextToken");
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

int ec2_read_product_codes(const XmlNode *item, StringList *codes)
{
        const XmlNode *code = xml_first(xml_find(item, "productCodes"));
        int r = 0;

        for (; code && r >= 0; code = xml_next(code))
                if (xml_text(code, "productCode"))
                        r = string_list_add(codes, xml_text(code, "productCode"));
        return r;
}

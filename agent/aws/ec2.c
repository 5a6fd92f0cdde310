/* SPDX-License-Identifier: Apache-2.0 */
/* EC2's Query API, version 2016-11-15: what its calls have in common. */

#include "aws/ec2.h"

#define API_VERSION "2016-11-15"

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

int ec2_outcome(int outcome, const ApiError *error)
{
        static const struct {
                const char *code;
                Ec2Outcome outcome;
        } codes[] = {
                { "InvalidSnapshot.InUse", EC2_E_IN_USE },
                { "InvalidAMIName.Duplicate", EC2_E_NAME_TAKEN },
                { "InvalidAMIID.Unavailable", EC2_E_NOT_FOUND }, /* it was deregistered */
                { "InvalidLaunchTemplateId.VersionNotFound", EC2_E_NOT_FOUND },
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
        AwsCall call = query_make_call(query, reply);

        call.retries_not_found = flags & EC2_FRESH;
        call.is_repeatable = !(flags & EC2_UNREPEATABLE);
        return call;
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

int ec2_call_pages(AwsClient *client, const Query *query, Ec2Flags flags, Ec2OnPage on_page,
        void *userdata, ApiError *reterr)
{
        const QueryPager pager = {
                .token_path = "nextToken",
                .retries_not_found = flags & EC2_FRESH,
                .on_page = on_page,
                .userdata = userdata,
        };

        return ec2_outcome(query_call_pages(client, query, &pager, reterr), reterr);
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

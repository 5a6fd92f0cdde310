/* SPDX-License-Identifier: Apache-2.0 */
/* SSM's Parameter Store: where those who launch look up which image is the current one. */

#include "aws/ssm.h"

#include "aws/json-call.h"
#include "base/text.h"

#define GET_PARAMETER "AmazonSSM.GetParameter"
#define PUT_PARAMETER "AmazonSSM.PutParameter"
#define CODE_EXISTS "ParameterAlreadyExists"

static int fail(int outcome, ApiError *reterr, const char *message)
{
        return api_error_set(reterr, NULL, message) < 0 ? -ENOMEM : outcome;
}

static int ssm_outcome(int outcome, const ApiError *error)
{
        return outcome == AWS_E_REFUSED && api_error_classify(error) == API_ERROR_NOT_FOUND ?
                SSM_E_NOT_FOUND :
                outcome;
}

typedef enum GetFlags {
        GET_FRESH = 1 << 0, /* NotFound is asked again for a while */
        GET_DECRYPTED = 1 << 1,
} GetFlags;

/* `ret_type` may be NULL. */
static int get_value(AwsClient *client, const char *name, GetFlags flags, char **ret_value,
        char **ret_type, ApiError *reterr)
{
        _cleanup_(json_decrefp) json_t *input = json_pack("{s:s,s:b}", "Name", name,
                "WithDecryption", (int)((flags & GET_DECRYPTED) != 0));
        _cleanup_(json_decrefp) json_t *reply = NULL;
        const JsonCall call = {
                .target = GET_PARAMETER,
                .input = input,
                .retries_not_found = flags & GET_FRESH,
        };
        const json_t *parameter;
        const char *value;
        int r;

        if (!input)
                return -ENOMEM;
        r = json_call(client, &call, &reply, reterr);
        if (r != 0)
                return ssm_outcome(r, reterr);
        parameter = json_object_get(reply, "Parameter");
        value = json_get_string(parameter, "Value", NULL);
        if (!value)
                return fail(SSM_E_LOST, reterr, "The answer has no value of the parameter");
        if (ret_type && string_replace(ret_type, json_get_string(parameter, "Type", "String")) < 0)
                return -ENOMEM;
        return string_replace(ret_value, value);
}

int ssm_get_parameter(AwsClient *client, const char *name, char **ret_value, ApiError *reterr)
{
        return get_value(client, name, /* flags= */ 0, ret_value, /* ret_type= */ NULL, reterr);
}

/* What is no secret is asked for as such: a key is another permission. */
int ssm_read_values(AwsClient *client, const char *name, StringList *values, ApiError *reterr)
{
        _cleanup_(freep) char *value = NULL, *type = NULL;
        int r = get_value(client, name, /* flags= */ 0, &value, &type, reterr);

        if (r == 0 && streq(type, "SecureString"))
                r = get_value(client, name, GET_DECRYPTED, &value, /* ret_type= */ NULL, reterr);
        if (r != 0)
                return r;
        if (streq(type, "StringList"))
                return string_list_split(values, value, ",");
        return string_list_add(values, value);
}

static json_t *make_tags(const TagList *tags)
{
        json_t *array = json_array();

        for (size_t i = 0; i < tags->count; i++)
                (void)json_array_append_new(array, json_pack("{s:s, s:s}", "Key",
                        tags->items[i].key, "Value", tags->items[i].value));
        if (json_array_size(array) == tags->count)
                return array;
        json_decref(array);
        return NULL;
}

static json_t *make_input(const SsmParameter *parameter, bool overwrite)
{
        json_t *input = json_pack("{s:s, s:s, s:s, s:b, s:s*, s:s*}", "Name", parameter->name,
                "Value", parameter->value, "Type", "String", "Overwrite", (int)overwrite,
                "DataType", parameter->data_type, "Description", parameter->description);

        if (!input || overwrite || !parameter->tags || parameter->tags->count == 0)
                return input;
        if (json_object_set_new(input, "Tags", make_tags(parameter->tags)) == 0)
                return input;
        json_decref(input);
        return NULL;
}

static int put_value(AwsClient *client, const SsmParameter *parameter, bool overwrite,
        uint64_t *ret_version, ApiError *reterr)
{
        _cleanup_(json_decrefp) json_t *input = make_input(parameter, overwrite);
        _cleanup_(json_decrefp) json_t *reply = NULL;
        const JsonCall call = { .target = PUT_PARAMETER, .input = input };
        int r;

        if (!input)
                return -ENOMEM;
        r = json_call(client, &call, &reply, reterr);
        if (r != 0)
                return r;
        *ret_version = json_get_u64(reply, "Version", 0);
        return *ret_version > 0 ?
                0 :
                fail(SSM_E_LOST, reterr, "The answer has no version of the parameter");
}

/* What was created meanwhile, by an earlier attempt or by somebody else, is given our value. */
static int create_or_replace(AwsClient *client, const SsmParameter *parameter, bool exists,
        uint64_t *ret_version, ApiError *reterr)
{
        int r = put_value(client, parameter, /* overwrite= */ exists, ret_version, reterr);

        if (r != AWS_E_REFUSED || exists || !streq_ptr(reterr->code, CODE_EXISTS))
                return r;
        api_error_done(reterr);
        return put_value(client, parameter, /* overwrite= */ true, ret_version, reterr);
}

static int await_version(AwsClient *client, const SsmParameter *parameter, uint64_t version,
        ApiError *reterr)
{
        _cleanup_(freep) char *name = NULL, *value = NULL;
        int r = string_printf(&name, "%s:%llu", parameter->name, (unsigned long long)version);

        if (r < 0)
                return r;
        r = get_value(client, name, GET_FRESH, &value, /* ret_type= */ NULL, reterr);
        if (r == 0 && streq(value, parameter->value))
                return 0;
        if (r == 0 || r == SSM_E_NOT_FOUND)
                return fail(SSM_E_NOT_TAKEN, reterr,
                        "SSM answered, but does not show the new value: it takes only an image "
                        "that is available in this region, and needs ec2:DescribeImages to see it");
        return r;
}

int ssm_put_parameter(AwsClient *client, const SsmParameter *parameter, ApiError *reterr)
{
        _cleanup_(freep) char *value = NULL;
        uint64_t version;
        int r = ssm_get_parameter(client, parameter->name, &value, reterr);

        if (r == 0 && streq(value, parameter->value))
                return 0;
        if (r != 0 && r != SSM_E_NOT_FOUND)
                return r;
        api_error_done(reterr);
        r = create_or_replace(client, parameter, /* exists= */ value != NULL, &version, reterr);
        return r != 0 ? r : await_version(client, parameter, version, reterr);
}

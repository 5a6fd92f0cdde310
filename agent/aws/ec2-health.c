/* SPDX-License-Identifier: Apache-2.0 */
/* How an instance is: its state, EC2's checks of it, and what it wrote to its console. */

#include "aws/ec2-health.h"

#include <openssl/evp.h>

#include "base/text.h"

/* Base64 of the largest console, with a line feed after every 64 characters. */
#define CONSOLE_BASE64_MAX (EC2_CONSOLE_BYTES_MAX / 48 * 66)

void ec2_health_done(Ec2Health *health)
{
        free(health->state);
        *health = (Ec2Health){ 0 };
}

static Ec2Check read_check(const XmlNode *item, const char *path)
{
        const char *text = xml_text(item, path);

        if (text && streq(text, "ok"))
                return EC2_CHECK_OK;
        return text && streq(text, "impaired") ? EC2_CHECK_IMPAIRED : EC2_CHECK_PENDING;
}

int ec2_describe_health(AwsClient *client, const char *id, Ec2Health *ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const XmlNode *item;
        int r;

        ec2_begin(&query, "DescribeInstanceStatus");
        query_add(&query, "InstanceId.1", id);
        query_add_bool(&query, "IncludeAllInstances", true);
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r != 0)
                return r;
        item = xml_find(xml_root(reply), "instanceStatusSet/item");
        if (!item) /* known, as it seems, but not to this part of EC2 yet */
                return api_error_set(reterr, NULL, "There is no such instance") < 0 ?
                        -ENOMEM :
                        EC2_E_NOT_FOUND;
        if (!streq_ptr(xml_text(item, "instanceId"), id))
                return api_error_set(reterr, NULL, "The answer is about another instance") < 0 ?
                        -ENOMEM :
                        EC2_E_LOST;
        ret->system = read_check(item, "systemStatus/status");
        ret->instance = read_check(item, "instanceStatus/status");
        return xml_copy(item, "instanceState/name", &ret->state);
}

/* --- Console ---------------------------------------------------------------------------------- */

/* Line feeds and blanks in between are skipped; what is no base64 ends it. */
static int decode(const char *base64, char **ret)
{
        _cleanup_(freep) char *text = malloc(strlen(base64) / 4 * 3 + 4);
        EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
        int length = 0, rest = 0;

        if (!text || !context) {
                EVP_ENCODE_CTX_free(context);
                return -ENOMEM;
        }
        EVP_DecodeInit(context);
        (void)EVP_DecodeUpdate(context, (unsigned char *)text, &length,
                (const unsigned char *)base64, (int)strlen(base64));
        (void)EVP_DecodeFinal(context, (unsigned char *)text + length, &rest);
        EVP_ENCODE_CTX_free(context);
        length += rest;
        for (int i = 0; i < length; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        text[length] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int ec2_get_console(AwsClient *client, const char *id, bool latest, char **ret, ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        const char *output;
        int r;

        ec2_begin(&query, "GetConsoleOutput");
        query_add(&query, "InstanceId", id);
        if (latest)
                query_add_bool(&query, "Latest", true);
        r = ec2_call(client, &query, /* flags= */ 0, &reply, reterr);
        if (r != 0)
                return r;
        output = xml_text(xml_root(reply), "output");
        if (output && strlen(output) > CONSOLE_BASE64_MAX)
                return -EMSGSIZE;
        return decode(output ? output : "", ret);
}

bool ec2_lacks_latest_console(const ApiError *error)
{
        return error->code && streq(error->code, "UnsupportedOperation");
}

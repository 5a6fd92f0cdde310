/* SPDX-License-Identifier: Apache-2.0 */
/* A call of a service as its protocol describes it: what is sent, how the reply is read. */

#include "aws/call.h"

#include "base/text.h"

bool aws_action_only_reads(const char *action)
{
        static const char *const prefixes[] = { "Describe", "Get", "List" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (startswith(action, prefixes[i]))
                        return true;
        return false;
}

int aws_call_fail_unintelligible(const HttpReply *reply, ApiError *reterr)
{
        _cleanup_(freep) char *message = NULL;

        if (string_printf(&message, "The answer (HTTP status %d, %zu bytes) is none of AWS's",
                    reply->status, reply->body.length) < 0 ||
                api_error_set(reterr, NULL, message) < 0)
                return -ENOMEM;
        /* Something on the way said no, without the service's words; or it was cut short. */
        return reply->status >= 400 ? AWS_E_REFUSED : AWS_E_LOST;
}

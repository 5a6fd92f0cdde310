/* SPDX-License-Identifier: Apache-2.0 */
/* The names of what can go wrong, as callers see them on the bus. */

#include "daemon/errors.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define WORD_MAX 64

int error_name(const char *word, char **ret)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        const char *rest = startswith(word, ERROR_PREFIX);
        size_t length;

        if (rest)
                word = rest;
        length = strlen(word);
        /* A message with a malformed name would cost us the connection to the bus. */
        if (length == 0 || length > WORD_MAX || strspn(word, letters) != length ||
                (*word >= '0' && *word <= '9'))
                word = "WorkerDied";
        return string_printf(ret, ERROR_PREFIX "%s", word);
}

int error_reply(sd_bus_message *message, const json_t *result)
{
        _cleanup_(freep) char *name = NULL;
        int r;

        r = error_name(json_get_string(result, "error", ""), &name);
        if (r < 0)
                return r;
        return sd_bus_reply_method_errorf(message, name, "%s",
                json_get_string(result, "message", "The worker did not say why it failed"));
}

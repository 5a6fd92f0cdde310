/* SPDX-License-Identifier: Apache-2.0 */
/* Method calls with their a{sv} of options, from what the command line gave. */

#include "cli/request.h"

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/bus-json.h"
#include "cli/client.h"

static int append_strings(sd_bus_message *call, const char *option, const StringList *list)
{
        int r;

        if (list->count == 0)
                return 0;
        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", option);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(call, list->items);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_tag(sd_bus_message *call, const char *tag)
{
        _cleanup_(freep) char *key = strndup(tag, strcspn(tag, "="));

        if (!key)
                return -ENOMEM;
        return sd_bus_message_append(call, "{ss}", key, strchr(tag, '=') + 1);
}

static int append_tags(sd_bus_message *call, const StringList *tags)
{
        int r;

        if (tags->count == 0)
                return 0;
        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", "tags");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && i < tags->count; i++)
                r = append_tag(call, tags->items[i]);
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(call);
        return r;
}

static int append_text(sd_bus_message *call, const char *option, const char *text)
{
        return text ? sd_bus_message_append(call, "{sv}", option, "s", text) : 0;
}

static int append_flag(sd_bus_message *call, const char *option, bool flag)
{
        return flag ? sd_bus_message_append(call, "{sv}", option, "b", true) : 0;
}

static int append_options(sd_bus_message *call, const Arguments *arguments)
{
        const char *consistency = arguments->consistency;
        int r;

        /* Whoever says "do not freeze" has also said which class is enough. */
        if (arguments->no_freeze && !consistency)
                consistency = "crash";
        r = append_text(call, "kind", arguments->kind);
        if (r >= 0)
                r = append_text(call, "method", arguments->method);
        if (r >= 0)
                r = append_text(call, "consistency", consistency);
        if (r >= 0)
                r = append_text(call, "on-degrade", arguments->on_degrade);
        if (r >= 0)
                r = append_text(call, "description", arguments->description);
        if (r >= 0)
                r = append_strings(call, "volumes", &arguments->volumes);
        if (r >= 0)
                r = append_strings(call, "exclude", &arguments->exclude);
        if (r >= 0)
                r = append_strings(call, "override", &arguments->override);
        if (r >= 0)
                r = append_tags(call, &arguments->tags);
        if (r >= 0 && arguments->budget_usec)
                r = sd_bus_message_append(call, "{sv}", "budget-usec", "t", arguments->budget_usec);
        if (r >= 0)
                r = append_flag(call, "no-freeze", arguments->no_freeze);
        if (r >= 0)
                r = append_strings(call, "scrub-include", &arguments->scrub_include);
        if (r >= 0)
                r = append_strings(call, "scrub-exclude", &arguments->scrub_exclude);
        if (r >= 0)
                r = append_flag(call, "no-scrub", arguments->no_scrub);
        if (r >= 0)
                r = append_flag(call, "all", arguments->all);
        return r < 0 ? r : append_flag(call, "force", arguments->force);
}

static int append_leading(sd_bus_message *call, const Request *request)
{
        if (request->ids)
                return sd_bus_message_append_strv(call, (char **)request->ids);
        return request->name ? sd_bus_message_append(call, "s", request->name) : 0;
}

static int append_own_options(
        sd_bus_message *call, const Request *request, const Arguments *arguments)
{
        bool queue = arguments->queue && !request->asks;
        int r;

        r = append_text(call, "profile", request->profile ? request->profile : arguments->profile);
        if (r >= 0)
                r = append_text(call, "if-busy", queue ? "queue" : NULL);
        return r < 0 ? r : append_text(call, "wait", request->wait);
}

int request_new(
        sd_bus *bus, const Request *request, const Arguments *arguments, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                bus, &call, CLIENT_NAME, CLIENT_PATH, CLIENT_MANAGER, request->method);
        if (r >= 0)
                r = append_leading(call, request);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_options(call, arguments);
        if (r >= 0)
                r = append_own_options(call, request, arguments);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_report_errno(r, "cannot build the request");
        *ret = TAKE_PTR(call);
        return 0;
}

static int read_answer(sd_bus_message *reply, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *value = NULL;
        int r;

        r = bus_message_to_json(reply, &value);
        if (r < 0)
                return r;
        if (!json_is_string(value)) {
                *ret = TAKE_PTR(value);
                return 0;
        }
        *ret = json_loads(json_string_value(value), 0, NULL);
        if (json_is_object(*ret))
                return 0;
        json_decref(*ret);
        return -EBADMSG;
}

int request_ask(const Request *request, const Arguments *arguments, json_t **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = client_connect(&bus);
        if (r == 0)
                r = request_new(bus, request, arguments, &call);
        if (r == 0)
                r = client_call(bus, call, &reply);
        if (r != 0)
                return r;
        r = read_answer(reply, ret);
        return r < 0 ? client_report_errno(r, "cannot read the answer of quiesced") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the daemon, and the advice that goes with each way in which they fail. */

#include "cli/client.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/bus-json.h"
#include "cli/display.h"
#include "cli/password-agent.h"

/*
 * A freeze waits for delay inhibitors first, which InhibitDelayMaxSec= lets take a minute, and a
 * person may have to type a password for polkit.
 */
#define CALL_TIMEOUT_USEC (10 * 60 * USEC_PER_SEC)

#define ERROR_PREFIX "org.quiesced1.Error."

typedef struct Advice {
        const char *error;
        const char *text; /* NULL: the daemon's own message says all */
        int status;
} Advice;

static const Advice advice[] = {
        { ERROR_PREFIX "InvalidArgument", NULL, EXIT_USAGE },
        { ERROR_PREFIX "UnknownOption", NULL, EXIT_USAGE },
        { SD_BUS_ERROR_SERVICE_UNKNOWN,
                "quiesced is not running; start it with 'systemctl start quiesced'" },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                "quiesced is not running; start it with 'systemctl start quiesced'" },
        { SD_BUS_ERROR_ACCESS_DENIED,
                "not allowed; run it as root, or let a polkit rule allow the org.quiesced1 "
                "action" },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                "not allowed without a password; run it as root, or let a polkit rule allow the "
                "org.quiesced1 action" },
        { SD_BUS_ERROR_NO_REPLY,
                "quiesced ended, or gave no answer in time; see 'journalctl -u quiesced'" },
        { SD_BUS_ERROR_TIMEOUT, "quiesced gave no answer in time; see 'journalctl -u quiesced'" },
        { SD_BUS_ERROR_UNKNOWN_METHOD,
                "the running quiesced is of another version; run 'systemctl restart quiesced'" },
        { SD_BUS_ERROR_UNKNOWN_INTERFACE,
                "the running quiesced is of another version; run 'systemctl restart quiesced'" },
};

static const Advice *advice_find(const char *error)
{
        for (size_t i = 0; i < ELEMENTSOF(advice); i++)
                if (streq(advice[i].error, error))
                        return &advice[i];
        return NULL;
}

const char *client_error_name(const char *name)
{
        const char *rest = startswith(name, ERROR_PREFIX);

        return rest ? rest : name;
}

/* Messages quote mount points and names, which may hold anything. */
void client_say(const char *format, ...)
{
        _cleanup_(freep) char *message = NULL, *escaped = NULL;
        va_list list;
        int length;

        va_start(list, format);
        length = vasprintf(&message, format, list);
        va_end(list);
        if (length < 0) {
                message = NULL;
                fprintf(stderr, "quiescectl: out of memory\n");
                return;
        }
        fprintf(stderr, "quiescectl: %s\n",
                display_escape(message, &escaped) < 0 ? "out of memory" : escaped);
}

int client_report(const sd_bus_error *error, int r)
{
        const Advice *known;

        if (!error || !error->name)
                return client_report_errno(r, "cannot talk to quiesced");
        known = advice_find(error->name);
        if (known && known->text)
                client_say("%s (%s)", known->text, error->name);
        else
                client_say("%s (%s)", error->message ? error->message : "no message",
                        client_error_name(error->name));
        return known && known->status ? known->status : EXIT_FAILURE;
}

int client_report_errno(int r, const char *what)
{
        client_say("%s: %s", what, strerror(-r));
        return EXIT_FAILURE;
}

int client_connect(sd_bus **ret)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system_with_description(&bus, "quiescectl");
        if (r >= 0)
                r = sd_bus_set_allow_interactive_authorization(bus, true);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        if (r < 0) {
                client_say("cannot reach the system bus: %s; see 'systemctl status dbus'",
                        strerror(-r));
                return EXIT_FAILURE;
        }
        *ret = TAKE_PTR(bus);
        return 0;
}

int client_connect_to_act(sd_bus **ret)
{
        int r = client_connect(ret);

        if (r == 0)
                password_agent_start();
        return r;
}

int client_call(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(bus, call, CALL_TIMEOUT_USEC, &error, ret_reply);
        return r < 0 ? client_report(&error, r) : 0;
}

int client_get_properties(sd_bus *bus, const char *path, const char *interface, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(json_decrefp) json_t *raw = NULL;
        int r;

        r = sd_bus_call_method(bus, CLIENT_NAME, path, "org.freedesktop.DBus.Properties", "GetAll",
                &error, &reply, "s", interface);
        if (r < 0)
                return client_report(&error, r);
        r = bus_message_to_json(reply, &raw);
        if (r >= 0)
                r = properties_to_json(raw, ret);
        return r < 0 ? client_report_errno(r, "cannot read the answer of quiesced") : 0;
}

static int job_compare(const void *a, const void *b)
{
        const json_t *first = *(const json_t *const *)a, *second = *(const json_t *const *)b;
        uint64_t first_usec = json_get_u64(first, "created-usec", 0);
        uint64_t second_usec = json_get_u64(second, "created-usec", 0);

        if (first_usec != second_usec)
                return first_usec < second_usec ? -1 : 1;
        return strcmp(json_get_string(first, "id", ""), json_get_string(second, "id", ""));
}

/* `ret_jobs` has room for all objects; what is in it is the caller's, at a failure as well. */
static int jobs_from_objects(const json_t *objects, json_t **ret_jobs, size_t *ret_count)
{
        const char *path;
        json_t *interfaces;

        *ret_count = 0;
        json_object_foreach((json_t *)objects, path, interfaces) {
                const json_t *properties = json_object_get(interfaces, CLIENT_JOB);
                int r;

                if (!properties)
                        continue;
                r = properties_to_json(properties, &ret_jobs[*ret_count]);
                if (r < 0)
                        return r;
                (*ret_count)++;
        }
        qsort(ret_jobs, *ret_count, sizeof(*ret_jobs), job_compare);
        return 0;
}

/* Objects come in no order at all. */
static int jobs_sorted(const json_t *objects, json_t **ret)
{
        _cleanup_(freep) json_t **jobs = calloc(json_object_size(objects) + 1, sizeof(*jobs));
        _cleanup_(json_decrefp) json_t *array = json_array();
        size_t count = 0;
        int r;

        if (!jobs || !array)
                return -ENOMEM;
        r = jobs_from_objects(objects, jobs, &count);
        for (size_t i = 0; i < count; i++)
                if (json_array_append_new(array, jobs[i]) < 0)
                        r = -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

int client_get_jobs(sd_bus *bus, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(json_decrefp) json_t *objects = NULL;
        int r;

        r = sd_bus_call_method(bus, CLIENT_NAME, CLIENT_PATH, "org.freedesktop.DBus.ObjectManager",
                "GetManagedObjects", &error, &reply, "");
        if (r < 0)
                return client_report(&error, r);
        r = bus_message_to_json(reply, &objects);
        if (r >= 0)
                r = jobs_sorted(objects, ret);
        return r < 0 ? client_report_errno(r, "cannot read the answer of quiesced") : 0;
}

int client_print_json(const json_t *document)
{
        if (json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_DECIMALS) < 0)
                return client_report_errno(-EIO, "cannot write to standard output");
        putchar('\n');
        return 0;
}

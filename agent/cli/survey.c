/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon surveys the machine when it starts; until that is done its properties are empty. */

#include "cli/survey.h"

#include "base/clock.h"
#include "cli/client.h"

/* The first call starts the daemon, whose survey starts a worker and the freezer, and asks EC2. */
#define SURVEY_TIMEOUT_USEC (20 * USEC_PER_SEC)

#define UNFINISHED "quiesced has not found out yet where it runs; see 'journalctl -u quiesced'"

static bool survey_is_known(const json_t *manager)
{
        return *json_get_string(manager, "instance-id", "") ||
                *json_get_string(manager, "survey-error", "");
}

const char *survey_fault(const json_t *manager)
{
        const char *error = json_get_string(manager, "survey-error", "");

        if (*error || *json_get_string(manager, "instance-id", ""))
                return error;
        return UNFINISHED;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        *(bool *)userdata = true;
        return 0;
}

/* Handles what arrives until a property has changed: 0, 1 when time is up, or a negative errno. */
static int wait_change(sd_bus *bus, const bool *changed, uint64_t deadline_usec)
{
        while (!*changed) {
                uint64_t now = clock_usec();
                int r;

                if (now >= deadline_usec)
                        return 1;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, deadline_usec - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

int survey_read(sd_bus *bus, json_t **ret_manager)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_(json_decrefp) json_t *manager = NULL;
        uint64_t deadline_usec = clock_usec() + SURVEY_TIMEOUT_USEC;
        bool changed = false;
        int r;

        r = sd_bus_match_signal(bus, &slot, CLIENT_NAME, CLIENT_PATH,
                "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed, &changed);
        if (r < 0)
                return client_report_errno(r, "cannot listen to quiesced");
        r = client_get_properties(bus, CLIENT_PATH, CLIENT_MANAGER, &manager);
        while (r == 0 && !survey_is_known(manager)) {
                r = wait_change(bus, &changed, deadline_usec);
                if (r < 0)
                        return client_report_errno(r, "cannot listen to quiesced");
                if (r > 0)
                        break;
                changed = false;
                json_decref(TAKE_PTR(manager));
                r = client_get_properties(bus, CLIENT_PATH, CLIENT_MANAGER, &manager);
        }
        if (!manager)
                return r;
        *ret_manager = TAKE_PTR(manager);
        return 0;
}

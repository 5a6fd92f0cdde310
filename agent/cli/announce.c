/* SPDX-License-Identifier: Apache-2.0 */
/* The marker by which a booted instance is known on its console. */

#include "cli/announce.h"

#include "base/text.h"
#include "cli/client.h"
#include "cli/survey.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

static int on_finished(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        *(bool *)userdata = true;
        return 0;
}

static int wait_finished(sd_bus *bus, const bool *finished)
{
        int r = 0;

        while (r >= 0 && !*finished) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r == -EINTR)
                        r = 0;
        }
        return r < 0 ? r : 0;
}

static int get_state(sd_bus *bus, char **ret, sd_bus_error *reterr)
{
        return sd_bus_get_property_string(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                "SystemState", reterr, ret);
}

static bool is_booting(const char *state)
{
        return streq(state, "initializing") || streq(state, "starting");
}

/* The signal is asked for first: a boot that ends between the question and the wait is not missed. */
static int await_boot(sd_bus *bus, char **ret_state, sd_bus_error *reterr)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_(freep) char *state = NULL;
        bool finished = false;
        int r;

        r = sd_bus_match_signal(bus, &slot, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                "StartupFinished", on_finished, &finished);
        if (r >= 0)
                r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe",
                        reterr, NULL, NULL);
        if (r >= 0)
                r = get_state(bus, &state, reterr);
        while (r >= 0 && is_booting(state)) {
                r = wait_finished(bus, &finished);
                finished = false;
                free(TAKE_PTR(state));
                if (r >= 0)
                        r = get_state(bus, &state, reterr);
        }
        if (r < 0)
                return r;
        *ret_state = TAKE_PTR(state);
        return 0;
}

int announce(sd_bus *bus)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(json_decrefp) json_t *manager = NULL;
        _cleanup_(freep) char *state = NULL;
        int r;

        r = await_boot(bus, &state, &error);
        if (r < 0)
                return client_report(&error, r);
        r = survey_read(bus, &manager); /* starts quiesced, which no boot has to wait for */
        if (r != 0)
                return r;
        if (!*json_get_string(manager, "instance-id", "")) {
                client_say("%s", survey_fault(manager));
                return EXIT_FAILURE;
        }
        printf("quiesced: %s runs %s (%s)\n", json_get_string(manager, "instance-id", ""),
                json_get_string(manager, "image-id", ""), state);
        return 0;
}

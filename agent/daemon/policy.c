/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: root everything, others what polkit says. Nothing here waits. */

#include "daemon/policy.h"

#include <sys/types.h>

#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/errors.h"

/* Anyone may call, so what waits for an answer is bounded. */
#define CHECKS_MAX 64

/* polkit's reference: CheckAuthorizationFlags. */
#define POLKIT_ALLOW_INTERACTION 1U

struct Check {
        Policy *policy;
        sd_bus_message *message;
        const char *action;
        sd_bus_message_handler_t then;
        void *userdata;
        sd_bus_slot *slot; /* the call under way */
        bool waiting; /* for policy_release() */
};

static Check *check_free(Check *check)
{
        if (!check)
                return NULL;
        (void)sd_bus_slot_unref(check->slot);
        (void)sd_bus_message_unref(check->message);
        free(check);
        return NULL;
}
DEFINE_CLEANUP(Check *, check_free)

void policy_init(Policy *policy, sd_bus *bus)
{
        *policy = (Policy){ .bus = bus };
}

void policy_done(Policy *policy)
{
        for (size_t i = 0; i < policy->n_checks; i++)
                (void)check_free(policy->checks[i]);
        free(policy->checks);
        *policy = (Policy){ 0 };
}

static void check_remove(Check *check)
{
        Policy *policy = check->policy;

        for (size_t i = 0; i < policy->n_checks; i++) {
                if (policy->checks[i] != check)
                        continue;
                policy->checks[i] = policy->checks[--policy->n_checks];
                break;
        }
        (void)check_free(check);
}

static void check_grant(Check *check, bool is_root)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        check->policy->is_root = is_root;
        r = check->then(check->message, check->userdata, &error);
        if (r < 0)
                (void)sd_bus_reply_method_errno(check->message, r, &error);
        sd_bus_error_free(&error);
        check_remove(check);
}

static void check_deny(Check *check, const char *why)
{
        (void)sd_bus_reply_method_errorf(check->message, ERROR_ACCESS_DENIED,
                "%s is not permitted (%s): %s", sd_bus_message_get_member(check->message),
                check->action, why);
        check_remove(check);
}

static bool polkit_is_absent(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
                startswith(error->name, "org.freedesktop.DBus.Error.Spawn.") ||
                startswith(error->name, "org.freedesktop.systemd1.");
}

/* Of who was asked for a password and did not know it, polkit says no more than of others. */
static const char *refusal(const Check *check)
{
        if (sd_bus_message_get_allow_interactive_authorization(check->message) > 0)
                return "polkit's rules refuse it, or the password was not right; be root, or have a "
                       "rule that allows it";
        return "polkit's rules refuse it; be root, or have a rule that allows it";
}

static int polkit_answered(sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        Check *check = userdata;
        int authorized, challenge;

        if (error) {
                check_deny(check,
                        polkit_is_absent(error) ? "without polkit only root may do this" :
                        error->message          ? error->message :
                                                  error->name);
                return 0;
        }
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
                sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
                check_deny(check, "polkit's answer makes no sense");
        else if (authorized)
                check_grant(check, /* is_root= */ false);
        else if (challenge)
                check_deny(check,
                        "it needs a password; be root, or allow interaction and have an agent");
        else
                check_deny(check, refusal(check));
        return 0;
}

/* A person at a prompt may take as long as they like. */
static int check_ask_polkit(Check *check)
{
        int interactive = sd_bus_message_get_allow_interactive_authorization(check->message);
        sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(check->policy->bus, &call, "org.freedesktop.PolicyKit1",
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
                        "s", sd_bus_message_get_sender(check->message), check->action, 0,
                        interactive > 0 ? POLKIT_ALLOW_INTERACTION : 0U, "");
        if (r >= 0)
                r = sd_bus_call_async(check->policy->bus, &check->slot, call, polkit_answered,
                        check, interactive > 0 ? UINT64_MAX : 0);
        (void)sd_bus_message_unref(call);
        return r;
}

static void check_proceed(Check *check)
{
        int r;

        check->waiting = check->policy->held;
        if (check->waiting)
                return;
        r = check_ask_polkit(check);
        if (r < 0) {
                log_debug_errno(r, "Failed to ask polkit: %m");
                check_deny(check, "polkit could not be asked");
        }
}

static int uid_answered(sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        Check *check = userdata;
        uint32_t uid;

        check->slot = sd_bus_slot_unref(check->slot);
        if (sd_bus_message_is_method_error(reply, NULL) ||
                sd_bus_message_read(reply, "u", &uid) < 0)
                check_deny(check, "the bus does not know the caller any more");
        else if (uid == 0)
                check_grant(check, /* is_root= */ true);
        else
                check_proceed(check);
        return 0;
}

int policy_authorize(Policy *policy, sd_bus_message *message, const char *action,
        sd_bus_message_handler_t then, void *userdata)
{
        _cleanup_(check_freep) Check *check = calloc(1, sizeof(*check));
        Check **slot;
        int r;

        if (!check)
                return -ENOMEM;
        if (policy->n_checks >= CHECKS_MAX)
                return sd_bus_reply_method_errorf(message, ERROR_BUSY,
                        "%d calls wait for polkit already; try again later", CHECKS_MAX);
        *check = (Check){
                .policy = policy, .action = action, .then = then, .userdata = userdata
        };
        check->message = sd_bus_message_ref(message);
        r = sd_bus_call_method_async(policy->bus, &check->slot, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
                uid_answered, check, "s", sd_bus_message_get_sender(message));
        if (r < 0)
                return r;
        slot = ARRAY_ADD(policy->checks, policy->n_checks);
        if (!slot)
                return -ENOMEM;
        *slot = TAKE_PTR(check);
        return 1;
}

void policy_hold(Policy *policy)
{
        policy->held = true;
}

/* A denied check leaves the array, and another takes its place: begin anew after each. */
void policy_release(Policy *policy)
{
        policy->held = false;
        for (size_t i = 0; i < policy->n_checks;) {
                Check *check = policy->checks[i];

                if (!check->waiting) {
                        i++;
                        continue;
                }
                check_proceed(check);
                i = 0;
        }
}

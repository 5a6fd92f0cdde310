/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who may do what: root everything, others what polkit says. Nothing here waits. */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#define ACTION_READ "org.quiesced1.read"
#define ACTION_BAKE "org.quiesced1.bake"
#define ACTION_REBOOT "org.quiesced1.reboot"
#define ACTION_FREEZE "org.quiesced1.freeze"
#define ACTION_DELETE "org.quiesced1.delete"

typedef struct Check Check;

typedef struct Policy {
        sd_bus *bus;
        Check **checks;
        size_t n_checks;
        bool held;
        bool is_root; /* the caller of what is being granted */
} Policy;

void policy_init(Policy *policy, sd_bus *bus);
void policy_done(Policy *policy);

/*
 * Calls `then` with the message once its sender may do `action`, or answers the message with an
 * error. A negative result of `then` is answered as well, as sd-bus does for its own handlers.
 * `then` never runs before this function has returned.
 */
int policy_authorize(Policy *policy, sd_bus_message *message, const char *action,
        sd_bus_message_handler_t then, void *userdata);

/*
 * While held, polkit is asked nothing: it may log to a journal that is frozen, and an agent may
 * wait for a person. Root goes through; the others are asked for when released.
 */
void policy_hold(Policy *policy);
void policy_release(Policy *policy);

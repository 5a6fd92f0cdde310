/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The marker by which a booted instance is known on its console: see agent/flow/console.h. */

#include <systemd/sd-bus.h>

/* Waits until systemd has booted, and prints it: 0, or the exit status after a message. */
int announce(sd_bus *bus);

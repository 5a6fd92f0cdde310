/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the daemon knows of this machine. */

#include <systemd/sd-bus.h>

#include "base/json.h"

/*
 * The manager's properties. A daemon that was started by this very call is given the time to look
 * around first. 0, or the exit status after a message.
 */
int survey_read(sd_bus *bus, json_t **ret_manager);

/* Why there is no identity ("not on EC2", ...); "" when there is one. */
const char *survey_fault(const json_t *manager);

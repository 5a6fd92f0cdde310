/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The manager's methods about a point in time of this host: to take it, to plan it, to hold it. */

#include <systemd/sd-bus.h>

/* Handlers of calls that are permitted; the userdata is the manager. */
int method_bake(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_create_image(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_create_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_freeze(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *reterr);

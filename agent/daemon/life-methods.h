/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The manager's methods about what was made earlier: to list, verify, publish, prune and delete
 * it.
 */

#include <systemd/sd-bus.h>

/* Handlers of calls that are permitted; the userdata is the manager. */
int method_list_images(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_list_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_publish(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_plan_prune(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_prune(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_deregister(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_find_orphans(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_delete_orphans(sd_bus_message *message, void *userdata, sd_bus_error *reterr);
int method_doctor(sd_bus_message *message, void *userdata, sd_bus_error *reterr);

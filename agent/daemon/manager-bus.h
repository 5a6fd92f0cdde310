/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The manager's face on the bus: /org/quiesced1, its methods, properties and signals. */

#include "daemon/manager.h"

#define MANAGER_PATH "/org/quiesced1"
#define BUS_NAME "org.quiesced1"

int manager_bus_export(Manager *manager);

/* Handles Cancel of any job's object; the userdata is the manager. */
int manager_bus_cancel(sd_bus_message *message, void *userdata, sd_bus_error *reterr);

void manager_bus_changed(Manager *manager, const char *const *properties);
void manager_bus_prepare(Manager *manager, bool start, const Job *job);
void manager_bus_job_new(Manager *manager, const Job *job);
void manager_bus_job_removed(Manager *manager, const Job *job);

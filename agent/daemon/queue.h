/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which job has the use of this host, which are followed beside it, and which begins next: the jobs of
 * the manager, seen as a queue. One at a time is `running`; what is left of it once it is `followed`
 * keeps nobody waiting.
 */

#include "daemon/manager.h"

/* The job that a new one would have to wait for, or NULL; and how many there are. */
Job *queue_busy(const Manager *manager);
size_t queue_count_waiting(const Manager *manager);

/* Those that have not ended. */
size_t queue_count_active(const Manager *manager);

/* Those that have a worker, but not the host. */
size_t queue_count_followed(const Manager *manager);

/* Any job has a worker. */
bool queue_is_at_work(const Manager *manager);

/* What only has to be followed leaves the host to the next one, unless there are too many already. */
void queue_let_host_go(Manager *manager);

/* The one that can begin now, or NULL. */
Job *queue_find_next(const Manager *manager);

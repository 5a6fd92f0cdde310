/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* All keepers of a freeze, as the freezer sees them, and what it waits for beside them. */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "freeze/keeper.h"

/* What comes first where several have happened; the first four are watched by a descriptor. */
typedef enum CrewEvent {
        CREW_LOST, /* the deadman's descriptor, readable but by its end only, or a keeper's */
        CREW_SIGNAL,
        CREW_DEADLINE,
        CREW_CLIENT,
        CREW_WATCH_MAX,
        CREW_PROGRESS = CREW_WATCH_MAX,
        CREW_DONE, /* no order is left unanswered */
        CREW_TIMEOUT,
} CrewEvent;

#define CREW_FOREVER (UINT64_C(1) << 50)

typedef struct Crew {
        unsigned n_keepers;
        unsigned pending[FREEZE_MOUNTS_MAX]; /* orders that were not answered yet */
        struct pollfd watch[CREW_WATCH_MAX + FREEZE_MOUNTS_MAX]; /* owns the keepers' sockets */
} Crew;

void crew_init(Crew *crew);

/* Lets all keepers go: they thaw and end. */
void crew_done(Crew *crew);

/* Starts one more keeper, whose first answer is pending. */
int crew_add(Crew *crew, const Ledger *ledger, int mount_fd, int backstop_fd);

void crew_order(Crew *crew, unsigned index, KeeperOrder order);
bool crew_is_busy(const Crew *crew, unsigned first, unsigned end);

/* Waits for one thing to happen. */
CrewEvent crew_wait(Crew *crew, uint64_t timeout_usec);

/* Waits until every order is answered (CREW_DONE), or for anything else but progress. */
CrewEvent crew_finish(Crew *crew, uint64_t timeout_usec);

/* Some keepers only, and deaf for everything else: for a thaw, which nothing may interrupt. */
void crew_finish_undisturbed(Crew *crew, unsigned first, unsigned end, uint64_t timeout_usec);

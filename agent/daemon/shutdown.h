/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * This machine's shutdown or sleep: put off, while file systems are about to be frozen or are, by a
 * delay lock of systemd-logind's, and told of while that is held. Costs nothing at other times.
 */

#include <systemd/sd-bus.h>

/* Each `delay` is answered by one of the two; `coming` may also follow while the lock is held. */
typedef struct ShutdownEvents {
        void (*ready)(void *userdata); /* the lock is held, or there is no logind */
        void (*coming)(void *userdata);
} ShutdownEvents;

typedef struct Shutdown {
        sd_bus *bus;
        const ShutdownEvents *events;
        void *userdata;
        sd_bus_slot *signals[2];
        sd_bus_slot *call; /* for the lock, not yet answered */
        char *logind; /* its unique name: whoever else tells of a shutdown is not believed */
        int lock_fd;
} Shutdown;

void shutdown_init(Shutdown *shutdown, sd_bus *bus, const ShutdownEvents *events, void *userdata);
void shutdown_done(Shutdown *shutdown);

/* May answer before it returns. Held already: `ready`. */
void shutdown_delay(Shutdown *shutdown);

/* Also while the lock is being asked for; then nothing is answered. */
void shutdown_release(Shutdown *shutdown);

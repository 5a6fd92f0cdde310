/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * This machine's shutdown or sleep: put off, while file systems are about to be frozen or are, by
 * delay locks of systemd-logind's, and told of while they are held. Costs nothing at other times.
 */

#include <systemd/sd-bus.h>

/* Each `delay` is answered by one of the two; `coming` may also follow while the lock is held. */
typedef struct ShutdownEvents {
        void (*ready)(void *userdata); /* the locks are held, or there is no logind */
        void (*coming)(void *userdata);
} ShutdownEvents;

typedef struct Shutdown Shutdown;

typedef struct ShutdownLock {
        Shutdown *shutdown;
        sd_bus_slot *call; /* for the lock, not yet answered */
        int fd;
} ShutdownLock;

struct Shutdown {
        sd_bus *bus;
        const ShutdownEvents *events;
        void *userdata;
        sd_bus_slot *signals[2];
        ShutdownLock locks[2]; /* of a shutdown, of a sleep */
        char *logind; /* its unique name: whoever else tells of a shutdown is not believed */
};

void shutdown_init(Shutdown *shutdown, sd_bus *bus, const ShutdownEvents *events, void *userdata);
void shutdown_done(Shutdown *shutdown);

/* May answer before it returns. Held already: `ready`. */
void shutdown_delay(Shutdown *shutdown);

/* Also while a lock is being asked for; then nothing is answered. */
void shutdown_release(Shutdown *shutdown);

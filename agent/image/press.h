/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A stream compressed by several threads into one member of gzip: piece by piece, each on its own,
 * with what comes before it for matches to reach into.
 */

#include "image/channel.h"

#define PRESS_THREADS_MAX 4u

typedef struct Press Press;

/*
 * One for each processor that we may run on, and one more, which works while another waits for its
 * turn; up to PRESS_THREADS_MAX.
 */
unsigned press_thread_count(void);

/* What buffers of `piece_bytes` come to at most. */
size_t press_room(size_t piece_bytes);

/*
 * Each buffer of `from` is a piece, and becomes one of `to`, which has that much room. The bytes do
 * not depend on the number of threads. `to` is ended, with the errno of `from`, -ENOMEM or -EIO
 * where it broke off. 0, -ENOMEM or a negative errno of pthread_create(3).
 */
int press_start(Channel *from, Channel *to, unsigned n_threads, Press **ret);

/* Cancels both, and waits for the threads. */
Press *press_free(Press *press);
DEFINE_CLEANUP(Press *, press_free)

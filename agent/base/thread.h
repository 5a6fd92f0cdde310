/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A thread beside the one that was there before, whose signals stay its own. */

#include <pthread.h>

/* With a stack of 512 KiB: it may be locked in memory, and would be 8 MiB each. 0 or a negative
 * errno. */
int thread_start(pthread_t *ret, void *(*run)(void *userdata), void *userdata);

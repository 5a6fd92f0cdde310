/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A few buffers between threads that fill them and threads that empty them. Both take them in the
 * order of the stream; several may be at it at once, and need not be done in that order.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define CHANNEL_BUFFERS 16u

typedef struct Channel Channel;

/* Of CHANNEL_BUFFERS buffers of `buffer_bytes` each. 0 or -ENOMEM. */
int channel_new(size_t buffer_bytes, Channel **ret);
Channel *channel_free(Channel *channel);
DEFINE_CLEANUP(Channel *, channel_free)

size_t channel_buffer_bytes(const Channel *channel);

/*
 * A writer takes the next empty buffer, and hands it over once it is filled. Waits for one;
 * -ECANCELED when a reader has given up.
 */
int channel_take_empty(Channel *channel, char **ret);
void channel_give_filled(Channel *channel, const char *buffer, size_t size);

/*
 * The writers' last word: 0 for the end, behind all buffers that were taken, or the negative errno
 * that readers get. The first error stands.
 */
void channel_end(Channel *channel, int result);

/*
 * A reader takes the next filled buffer and gives it back. 1, 0 at the end, or a writer's errno
 * behind the buffers that were filled in order before it.
 */
int channel_take_filled(Channel *channel, const char **ret, size_t *ret_size);
void channel_give_empty(Channel *channel, const char *buffer);

/* A reader's last word, at any time. */
void channel_cancel(Channel *channel);

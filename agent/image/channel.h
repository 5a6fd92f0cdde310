/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A few buffers between one thread that fills them and one that empties them, in order. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

#define CHANNEL_BUFFERS 4u

typedef struct Channel Channel;

/* Of CHANNEL_BUFFERS buffers of `buffer_bytes` each. 0 or -ENOMEM. */
int channel_new(size_t buffer_bytes, Channel **ret);
Channel *channel_free(Channel *channel);
DEFINE_CLEANUP(Channel *, channel_free)

size_t channel_buffer_bytes(const Channel *channel);

/*
 * The writer takes an empty buffer, and hands it over once it is filled. Waits for one; -ECANCELED
 * when the reader has given up.
 */
int channel_take_empty(Channel *channel, char **ret);
void channel_give_filled(Channel *channel, size_t size);

/* The writer's last word: 0 for the end, or the negative errno that the reader gets. */
void channel_end(Channel *channel, int result);

/* The reader takes a filled buffer and gives it back. 1, 0 at the end, or the writer's errno. */
int channel_take_filled(Channel *channel, const char **ret, size_t *ret_size);
void channel_give_empty(Channel *channel);

/* The reader's last word, at any time. */
void channel_cancel(Channel *channel);

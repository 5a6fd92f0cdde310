/* SPDX-License-Identifier: Apache-2.0 */
/* A few buffers between threads that fill them and threads that empty them, in order. */

#include "image/channel.h"

#include <pthread.h>

typedef enum BufferState {
        BUFFER_EMPTY,
        BUFFER_FILLING,
        BUFFER_FILLED,
        BUFFER_EMPTYING,
} BufferState;

typedef struct Buffer {
        char *data;
        size_t size;
        BufferState state;
} Buffer;

struct Channel {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        Buffer buffers[CHANNEL_BUFFERS];
        size_t buffer_bytes;
        size_t n_written; /* since the beginning: taken by writers, and by readers */
        size_t n_read;
        int result; /* of the writers, once they have ended */
        bool has_ended;
        bool is_cancelled;
};

int channel_new(size_t buffer_bytes, Channel **ret)
{
        _cleanup_(channel_freep) Channel *channel = calloc(1, sizeof(Channel));

        if (!channel)
                return -ENOMEM;
        (void)pthread_mutex_init(&channel->mutex, NULL);
        (void)pthread_cond_init(&channel->changed, NULL);
        channel->buffer_bytes = buffer_bytes;
        for (size_t i = 0; i < CHANNEL_BUFFERS; i++) {
                channel->buffers[i].data = malloc(buffer_bytes);
                if (!channel->buffers[i].data)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(channel);
        return 0;
}

Channel *channel_free(Channel *channel)
{
        if (!channel)
                return NULL;
        for (size_t i = 0; i < CHANNEL_BUFFERS; i++)
                free(channel->buffers[i].data);
        (void)pthread_cond_destroy(&channel->changed);
        (void)pthread_mutex_destroy(&channel->mutex);
        free(channel);
        return NULL;
}

size_t channel_buffer_bytes(const Channel *channel)
{
        return channel->buffer_bytes;
}

static void channel_lock(Channel *channel)
{
        (void)pthread_mutex_lock(&channel->mutex);
}

static void channel_unlock(Channel *channel)
{
        (void)pthread_cond_broadcast(&channel->changed);
        (void)pthread_mutex_unlock(&channel->mutex);
}

static void channel_wait(Channel *channel)
{
        (void)pthread_cond_wait(&channel->changed, &channel->mutex);
}

/* Of one that was taken. */
static Buffer *find_buffer(Channel *channel, const char *data)
{
        Buffer *buffer = channel->buffers;

        while (buffer->data != data)
                buffer++;
        return buffer;
}

/* --- Writers ---------------------------------------------------------------------------------- */

int channel_take_empty(Channel *channel, char **ret)
{
        Buffer *buffer;
        int r = 0;

        channel_lock(channel);
        while (!channel->is_cancelled &&
                channel->buffers[channel->n_written % CHANNEL_BUFFERS].state != BUFFER_EMPTY)
                channel_wait(channel);
        if (channel->is_cancelled) {
                r = -ECANCELED;
        } else {
                buffer = &channel->buffers[channel->n_written++ % CHANNEL_BUFFERS];
                buffer->state = BUFFER_FILLING;
                *ret = buffer->data;
        }
        channel_unlock(channel);
        return r;
}

void channel_give_filled(Channel *channel, const char *buffer, size_t size)
{
        Buffer *filled;

        channel_lock(channel);
        filled = find_buffer(channel, buffer);
        filled->size = size;
        filled->state = BUFFER_FILLED;
        channel_unlock(channel);
}

void channel_end(Channel *channel, int result)
{
        channel_lock(channel);
        channel->has_ended = true;
        if (channel->result == 0)
                channel->result = result;
        channel_unlock(channel);
}

/* --- Readers ---------------------------------------------------------------------------------- */

/* One that is being filled still comes, but for an error. */
static bool is_at_end(const Channel *channel)
{
        return channel->has_ended && (channel->result < 0 || channel->n_read == channel->n_written);
}

int channel_take_filled(Channel *channel, const char **ret, size_t *ret_size)
{
        Buffer *buffer;
        int r = 1;

        channel_lock(channel);
        buffer = &channel->buffers[channel->n_read % CHANNEL_BUFFERS];
        while (buffer->state != BUFFER_FILLED && !is_at_end(channel)) {
                channel_wait(channel);
                buffer = &channel->buffers[channel->n_read % CHANNEL_BUFFERS];
        }
        if (buffer->state == BUFFER_FILLED) {
                channel->n_read++;
                buffer->state = BUFFER_EMPTYING;
                *ret = buffer->data;
                *ret_size = buffer->size;
        } else {
                r = channel->result;
        }
        channel_unlock(channel);
        return r;
}

void channel_give_empty(Channel *channel, const char *buffer)
{
        channel_lock(channel);
        find_buffer(channel, buffer)->state = BUFFER_EMPTY;
        channel_unlock(channel);
}

void channel_cancel(Channel *channel)
{
        channel_lock(channel);
        channel->is_cancelled = true;
        channel_unlock(channel);
}

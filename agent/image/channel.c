/* SPDX-License-Identifier: Apache-2.0 */
/* A few buffers between one thread that fills them and one that empties them, in order. */

#include "image/channel.h"

#include <pthread.h>

typedef struct Buffer {
        char *data;
        size_t size;
} Buffer;

struct Channel {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        Buffer buffers[CHANNEL_BUFFERS];
        size_t buffer_bytes;
        size_t n_given; /* since the beginning: by the writer, and back by the reader */
        size_t n_returned;
        int result; /* of the writer, once it has ended */
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
        (void)pthread_cond_signal(&channel->changed);
        (void)pthread_mutex_unlock(&channel->mutex);
}

int channel_take_empty(Channel *channel, char **ret)
{
        int r = 0;

        channel_lock(channel);
        while (!channel->is_cancelled && channel->n_given - channel->n_returned == CHANNEL_BUFFERS)
                (void)pthread_cond_wait(&channel->changed, &channel->mutex);
        if (channel->is_cancelled)
                r = -ECANCELED;
        else
                *ret = channel->buffers[channel->n_given % CHANNEL_BUFFERS].data;
        channel_unlock(channel);
        return r;
}

void channel_give_filled(Channel *channel, size_t size)
{
        channel_lock(channel);
        channel->buffers[channel->n_given++ % CHANNEL_BUFFERS].size = size;
        channel_unlock(channel);
}

void channel_end(Channel *channel, int result)
{
        channel_lock(channel);
        channel->has_ended = true;
        channel->result = result;
        channel_unlock(channel);
}

int channel_take_filled(Channel *channel, const char **ret, size_t *ret_size)
{
        int r;

        channel_lock(channel);
        while (!channel->has_ended && channel->n_given == channel->n_returned)
                (void)pthread_cond_wait(&channel->changed, &channel->mutex);
        if (channel->n_given != channel->n_returned) {
                Buffer *buffer = &channel->buffers[channel->n_returned % CHANNEL_BUFFERS];

                *ret = buffer->data;
                *ret_size = buffer->size;
                r = 1;
        } else {
                r = channel->result;
        }
        channel_unlock(channel);
        return r;
}

void channel_give_empty(Channel *channel)
{
        channel_lock(channel);
        channel->n_returned++;
        channel_unlock(channel);
}

void channel_cancel(Channel *channel)
{
        channel_lock(channel);
        channel->is_cancelled = true;
        channel_unlock(channel);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON with jansson: scoped references, tolerant getters, and one object a line over a socket. */

#include "base/json.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

const char *json_get_string(const json_t *object, const char *key, const char *fallback)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : fallback;
}

uint64_t json_get_u64(const json_t *object, const char *key, uint64_t fallback)
{
        const json_t *value = json_object_get(object, key);

        return json_is_integer(value) && json_integer_value(value) >= 0 ?
                (uint64_t)json_integer_value(value) :
                fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
        const json_t *value = json_object_get(object, key);

        return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *json_text(const char *text)
{
        _cleanup_(text_done) Text escaped = TEXT_INIT;
        json_t *string = text ? json_string(text) : NULL;
        int r = 0;

        if (!text || string)
                return string;
        for (; r >= 0 && *text; text++)
                r = text_addf(&escaped, (unsigned char)*text < 0x80 ? "%c" : "\\%03o",
                        (unsigned char)*text);
        return r < 0 ? NULL : json_string(escaped.data);
}

void json_stream_init(JsonStream *stream, int fd)
{
        *stream = (JsonStream){ .fd = fd };
}

void json_stream_done(JsonStream *stream)
{
        free(stream->buffer);
        *stream = (JsonStream){ .fd = -EBADF };
}

/* The reader is behind: 0 when it has caught up a little. */
static int wait_for_reader(const JsonStream *stream)
{
        struct pollfd reader = { .fd = stream->fd, .events = POLLOUT };
        int r = poll(&reader, 1, stream->write_wait_ms);

        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        return r == 0 ? -EAGAIN : 0;
}

static int send_all(const JsonStream *stream, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = send(stream->fd, data, size, MSG_NOSIGNAL);
                int r = 0;

                if (n < 0 && errno == EAGAIN)
                        r = wait_for_reader(stream);
                else if (n < 0 && errno != EINTR)
                        r = -errno;
                if (r < 0)
                        return r;
                data += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

int json_stream_write(JsonStream *stream, const json_t *object)
{
        _cleanup_(freep) char *line = json_dumps(object, JSON_COMPACT | JSON_DECIMALS);
        size_t length;

        if (!line)
                return -ENOMEM;
        length = strlen(line);
        if (length >= JSON_LINE_MAX)
                return -EMSGSIZE;
        line[length] = '\n'; /* in place of the NUL: one write, one line */
        return send_all(stream, line, length + 1);
}

/* The first whole line out of the buffer as an object: 1, or 0 when there is none yet. */
static int take_line(JsonStream *stream, json_t **ret)
{
        char *newline = stream->filled > 0 ? memchr(stream->buffer, '\n', stream->filled) : NULL;
        json_t *object;
        size_t length;

        if (!newline)
                return 0;
        length = (size_t)(newline - stream->buffer);
        object = json_loadb(stream->buffer, length, JSON_REJECT_DUPLICATES, NULL);
        stream->filled -= length + 1;
        memmove(stream->buffer, newline + 1, stream->filled);
        if (!json_is_object(object)) {
                json_decref(object);
                return -EBADMSG;
        }
        *ret = object;
        return 1;
}

static int make_room(JsonStream *stream)
{
        size_t allocated = stream->allocated == 0 ? 4096 : stream->allocated * 2;
        char *buffer;

        if (stream->filled < stream->allocated)
                return 0;
        if (stream->allocated >= JSON_LINE_MAX)
                return -EMSGSIZE;
        buffer = realloc(stream->buffer, allocated);
        if (!buffer)
                return -ENOMEM;
        stream->buffer = buffer;
        stream->allocated = allocated;
        return 0;
}

int json_stream_read(JsonStream *stream, json_t **ret)
{
        for (;;) {
                ssize_t n;
                int r = take_line(stream, ret);

                if (r != 0)
                        return r;
                r = make_room(stream);
                if (r < 0)
                        return r;
                n = read(stream->fd, stream->buffer + stream->filled,
                        stream->allocated - stream->filled);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return stream->filled > 0 ? -EBADMSG : 0;
                stream->filled += (size_t)n;
        }
}

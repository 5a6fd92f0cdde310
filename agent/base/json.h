/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON with jansson (_cleanup_(json_decrefp) is its own): tolerant getters, and one object a line over a socket. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* The member as text, number or flag; `fallback` when it is missing or of another type. */
const char *json_get_string(const json_t *object, const char *key, const char *fallback);
uint64_t json_get_u64(const json_t *object, const char *key, uint64_t fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

/*
 * A text that may be any bytes, as a path may: JSON is UTF-8, and where `text` is not, mountinfo's
 * octal escapes ("\351") stand in. NULL for NULL, and when memory is out.
 */
json_t *json_text(const char *text);

/*
 * A flag for whatever prints JSON: a decimal that a person wrote comes out as it went in, 0.05 and
 * not 0.050000000000000003.
 */
#define JSON_DECIMALS JSON_REAL_PRECISION(15)

/* A line longer than this is refused by both ends. */
#define JSON_LINE_MAX (1024 * 1024)

/* One end of a stream of JSON objects, each on its line. Does not own the descriptor. */
typedef struct JsonStream {
        int fd;
        int write_wait_ms; /* for a reader that is behind, where writing does not block; 0 at first */
        char *buffer;
        size_t filled;
        size_t allocated;
} JsonStream;

void json_stream_init(JsonStream *stream, int fd);
void json_stream_done(JsonStream *stream);

/* Compact, with its newline, as one whole: 0 or what write(2) says (never SIGPIPE). */
int json_stream_write(JsonStream *stream, const json_t *object);

/*
 * The next object: 1 and *ret, 0 at the end of the stream, -EAGAIN when a non-blocking descriptor
 * has no whole line yet, -EBADMSG for what is not an object, -EMSGSIZE past JSON_LINE_MAX.
 */
int json_stream_read(JsonStream *stream, json_t **ret);

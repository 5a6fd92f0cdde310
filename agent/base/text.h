/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text: a growing buffer, and the parsing and printing of small values. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

/* NUL-terminated at all times once something was added; `data` is NULL while empty. */
typedef struct Text {
        char *data;
        size_t length;
        size_t allocated;
} Text;

#define TEXT_INIT ((Text){ 0 })

void text_done(Text *text);

/* All return 0 or -ENOMEM. The first makes room for `more` bytes, so that adding them cannot fail. */
int text_reserve(Text *text, size_t more);
int text_add(Text *text, const char *string);
int text_add_bytes(Text *text, const void *bytes, size_t size);
int text_addf(Text *text, const char *format, ...) _printf_(2, 3);

/* The string, owned by the caller ("" if nothing was added); the buffer is empty afterwards. */
int text_take(Text *text, char **ret);

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* True if both are NULL or equal. */
bool streq_ptr(const char *a, const char *b);

/* The rest of `string` behind `prefix`, or NULL. */
const char *startswith(const char *string, const char *prefix);
const char *endswith(const char *string, const char *suffix);

/* strdup over *target, which is freed first. 0 or -ENOMEM; on failure *target is unchanged. */
int string_replace(char **target, const char *value);

/* Prints into a fresh string; 0 or -ENOMEM. */
int string_printf(char **ret, const char *format, ...) _printf_(2, 3);

/* Lower-case hexadecimal; `ret` holds 2 * size + 1 bytes. */
void hex_encode(const void *bytes, size_t size, char *ret);

/* Decimal, whole string, no sign, no blank: 0, -EINVAL or -ERANGE. */
int parse_u64(const char *string, uint64_t *ret);

/* "0.05", in millionths: digits, and at most six behind a point. 0, -EINVAL or -ERANGE. */
int parse_micro(const char *string, uint64_t *ret);

/* yes/no, true/false, on/off, 1/0, as systemd's: 0 or -EINVAL. */
int parse_boolean(const char *string, bool *ret);

/*
 * A span as systemd.time(7) writes it: "10", "500ms", "1min 30s", "2h", "3d"; a bare number is
 * seconds. In microseconds; 0, -EINVAL or -ERANGE.
 */
int parse_usec(const char *string, uint64_t *ret_usec);

/* "4.2ms", "1.35s", "3min 2s": for people. */
int format_usec(uint64_t usec, char **ret);

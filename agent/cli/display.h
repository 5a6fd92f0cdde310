/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Values as a person at a terminal reads them. */

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"

/*
 * A copy in which nothing can break a line or drive the terminal: control and other unprintable
 * characters, broken UTF-8 and the backslash itself become C escapes ("\n", "\x1b", "\\").
 * 0 or -ENOMEM.
 */
int display_escape(const char *string, char **ret);

/* A line on standard output, in which nothing that it quotes can do such a thing. 0 or -ENOMEM. */
int display_print(const char *format, ...) _printf_(1, 2);

/* Terminal columns of a string that display_escape() made. */
unsigned display_width(const char *string);

/* The start of `string` that fits into `columns`; cut in place. */
void display_truncate(char *string, unsigned columns);

/* "8.0 GiB", "512 MiB", "900 B": 0 or -ENOMEM. */
int display_bytes(uint64_t bytes, char **ret);

/* "2026-11-23 10:44:00 UTC", or "-" for 0: 0 or -ENOMEM. */
int display_time(uint64_t realtime_usec, char **ret);

/* "12 d", "5 h", "40 min", "0 min": 0 or -ENOMEM. */
int display_age(uint64_t usec, char **ret);

/* The strings of an array with a blank between them; 0 or -ENOMEM. */
int display_strings(const json_t *array, char **ret);

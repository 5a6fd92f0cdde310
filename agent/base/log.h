/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Log lines: to the journal with fields when systemd runs us, to standard error otherwise. */

#include <errno.h>
#include <stdbool.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Lines above this syslog(3) level are dropped; LOG_INFO at the start. */
void log_set_level(int level);

/* Adds FIELD=value to every later line of this process (JOB_ID, for one); NULL takes it away. */
void log_set_field(const char *field, const char *value);

/*
 * While held, lines gather in memory, and nothing is written: on a frozen root file system
 * journald stops reading, and a writer to it blocks for ever. Release writes them out in order.
 */
void log_hold(void);
void log_release(void);

/* `fields`: NULL, or "KEY=value" entries up to a NULL. Returns -abs(error), for `return log_...`. */
int log_full(int level, int error, const char *const *fields, const char *file, int line,
        const char *format, ...) _printf_(6, 7);

/* In the format, %m stands for `error`. */
#define log_error_errno(error, ...)                                                                \
        log_full(LOG_ERR, (error), NULL, __FILE__, __LINE__, __VA_ARGS__)
#define log_warning_errno(error, ...)                                                              \
        log_full(LOG_WARNING, (error), NULL, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug_errno(error, ...)                                                                \
        log_full(LOG_DEBUG, (error), NULL, __FILE__, __LINE__, __VA_ARGS__)
#define log_error(...) ((void)log_full(LOG_ERR, 0, NULL, __FILE__, __LINE__, __VA_ARGS__))
#define log_warning(...) ((void)log_full(LOG_WARNING, 0, NULL, __FILE__, __LINE__, __VA_ARGS__))
#define log_notice(...) ((void)log_full(LOG_NOTICE, 0, NULL, __FILE__, __LINE__, __VA_ARGS__))
#define log_info(...) ((void)log_full(LOG_INFO, 0, NULL, __FILE__, __LINE__, __VA_ARGS__))
#define log_debug(...) ((void)log_full(LOG_DEBUG, 0, NULL, __FILE__, __LINE__, __VA_ARGS__))

/* A line with fields of its own: log_struct(LOG_NOTICE, 0, LOG_FIELDS("VOLUME_ID=..."), "..."). */
#define LOG_FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define log_struct(level, error, fields, ...)                                                      \
        log_full((level), (error), (fields), __FILE__, __LINE__, __VA_ARGS__)

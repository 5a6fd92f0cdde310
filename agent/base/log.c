/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: to the journal with fields when systemd runs us, to standard error otherwise. */

#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <systemd/sd-journal.h>

#include "base/list.h"
#include "base/text.h"

/* Held lines are bounded: past this the oldest news of a stuck window is worth more than the rest. */
#define HELD_MAX 1000

/* Room for the ids of a large snapshot set; what is over is left out. */
#define FIELDS_MAX 128

typedef struct LogLine {
        int level;
        StringList fields; /* "KEY=value", MESSAGE= first */
} LogLine;

/* The state of the one log that a process has. */
static struct {
        int level;
        StringList fields;
        bool held;
        LogLine *lines;
        size_t n_lines;
        size_t n_dropped;
} arg_log = { .level = LOG_INFO };

void log_set_level(int level)
{
        arg_log.level = level;
}

void log_set_field(const char *field, const char *value)
{
        StringList kept = STRING_LIST_INIT;
        _cleanup_(freep) char *entry = NULL;

        for (size_t i = 0; i < arg_log.fields.count; i++) {
                const char *rest = startswith(arg_log.fields.items[i], field);
                if (!rest || *rest != '=')
                        (void)string_list_add(&kept, arg_log.fields.items[i]);
        }
        if (value && string_printf(&entry, "%s=%s", field, value) >= 0)
                (void)string_list_add(&kept, entry);
        string_list_done(&arg_log.fields);
        arg_log.fields = kept;
}

/* True when standard error is the journal's own stream: systemd.exec(5), $JOURNAL_STREAM. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void line_write(const LogLine *line)
{
        struct iovec vectors[FIELDS_MAX];
        int n = 0;

        if (!stderr_is_journal()) {
                (void)fprintf(stderr, "%s\n", line->fields.items[0] + strlen("MESSAGE="));
                return;
        }
        for (size_t i = 0; i < line->fields.count && n < FIELDS_MAX; i++)
                vectors[n++] = (struct iovec){ line->fields.items[i], strlen(line->fields.items[i]) };
        (void)sd_journal_sendv(vectors, n);
}

static void line_done(LogLine *line)
{
        string_list_done(&line->fields);
}

void log_hold(void)
{
        arg_log.held = true;
}

void log_release(void)
{
        arg_log.held = false;
        for (size_t i = 0; i < arg_log.n_lines; i++) {
                line_write(&arg_log.lines[i]);
                line_done(&arg_log.lines[i]);
        }
        free(arg_log.lines);
        arg_log.lines = NULL;
        arg_log.n_lines = 0;
        if (arg_log.n_dropped > 0)
                log_warning("%zu log lines of the frozen window were dropped", arg_log.n_dropped);
        arg_log.n_dropped = 0;
}

static int line_hold(LogLine *line)
{
        LogLine *kept = arg_log.n_lines < HELD_MAX ? ARRAY_ADD(arg_log.lines, arg_log.n_lines) : NULL;

        if (!kept) {
                arg_log.n_dropped++;
                return -ENOMEM;
        }
        *kept = *line;
        *line = (LogLine){ 0 };
        return 0;
}

static int line_add(LogLine *line, const char *format, ...) _printf_(2, 3);

static int line_add(LogLine *line, const char *format, ...)
{
        _cleanup_(freep) char *entry = NULL;
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(&entry, format, arguments);
        va_end(arguments);
        if (n < 0) {
                entry = NULL;
                return -ENOMEM;
        }
        return string_list_add(&line->fields, entry);
}

int log_full(int level, int error, const char *const *fields, const char *file, int line,
        const char *format, ...)
{
        _cleanup_(line_done) LogLine entry = { .level = level };
        _cleanup_(freep) char *message = NULL;
        va_list arguments;
        int saved = errno, n;

        if (level > arg_log.level)
                return -abs(error);

        errno = abs(error); /* %m */
        va_start(arguments, format);
        n = vasprintf(&message, format, arguments);
        va_end(arguments);
        errno = saved;
        if (n < 0) {
                message = NULL;
                return -abs(error);
        }
        (void)line_add(&entry, "MESSAGE=%s", message);
        if (entry.fields.count == 0)
                return -abs(error);
        (void)line_add(&entry, "PRIORITY=%d", level);
        (void)line_add(&entry, "CODE_FILE=%s", file);
        (void)line_add(&entry, "CODE_LINE=%d", line);
        if (error != 0)
                (void)line_add(&entry, "ERRNO=%d", abs(error));
        for (size_t i = 0; i < arg_log.fields.count; i++)
                (void)line_add(&entry, "%s", arg_log.fields.items[i]);
        for (size_t i = 0; fields && fields[i]; i++)
                (void)line_add(&entry, "%s", fields[i]);

        if (!arg_log.held)
                line_write(&entry);
        else
                (void)line_hold(&entry);
        return -abs(error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* INI files as systemd's, read against a table of known keys; what is unknown is an error. */

#include "base/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

#define LINE_MAX_BYTES 4096
#define KEYS_MAX 128

typedef struct Reader {
        FILE *file;
        const char *path;
        const ConfigKey *keys;
        size_t n_keys;
        char *object;
        int line;
        char raw[LINE_MAX_BYTES]; /* the line being handled: inih splits at ':' too, we do not */
        bool seen[KEYS_MAX];
        int error;
        char *message; /* of the first error */
} Reader;

static void reader_done(Reader *reader)
{
        if (reader->file)
                (void)fclose(reader->file);
        free(reader->message);
}

static void reader_fail(Reader *reader, int error, const char *format, ...) _printf_(3, 4);

static void reader_fail(Reader *reader, int error, const char *format, ...)
{
        _cleanup_(freep) char *reason = NULL;
        va_list arguments;

        if (reader->error < 0)
                return;
        reader->error = error;
        va_start(arguments, format);
        if (vasprintf(&reason, format, arguments) < 0)
                reason = NULL;
        va_end(arguments);
        if (reason)
                (void)string_printf(&reader->message, "%s:%d: %s", reader->path, reader->line, reason);
}

/* fgets for inih that counts lines, so that a handler's error knows its own. */
static char *reader_line(char *line, int size, void *userdata)
{
        Reader *reader = userdata;

        if (reader->error < 0 || !fgets(line, size, reader->file))
                return NULL;
        reader->line++;
        if (!strchr(line, '\n') && !feof(reader->file)) {
                reader_fail(reader, -EINVAL, "line is longer than %d bytes; shorten it", size - 1);
                return NULL;
        }
        (void)snprintf(reader->raw, sizeof(reader->raw), "%.*s", (int)strcspn(line, "\r\n"), line);
        return line;
}

static bool key_matches(const ConfigKey *key, const char *section, const char *name)
{
        bool any_section = streq(key->section, "*");

        return (any_section || streq(key->section, section)) &&
                (streq(key->key, "*") || streq(key->key, name));
}

static bool key_is_list(const ConfigKey *key)
{
        return streq(key->key, "*") || key->is_list;
}

static void report_unknown(Reader *reader, const char *section, const char *name)
{
        _cleanup_(string_list_done) StringList known = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL;

        for (size_t i = 0; i < reader->n_keys; i++)
                if (streq(reader->keys[i].section, section))
                        (void)string_list_add(&known, reader->keys[i].key);
        if (known.count > 0 && string_list_join(&known, ", ", &joined) >= 0) {
                reader_fail(reader, -EINVAL, "unknown key '%s' in [%s]; known here: %s", name, section,
                        joined);
                return;
        }
        for (size_t i = 0; i < reader->n_keys; i++)
                if (!string_list_contains(&known, reader->keys[i].section))
                        (void)string_list_add(&known, reader->keys[i].section);
        if (string_list_join(&known, "], [", &joined) >= 0)
                reader_fail(reader, -EINVAL, "unknown section [%s]; known: [%s]", section, joined);
}

/* The raw line without blanks around it and around its first '=': "Key=value". */
static int raw_pair(const Reader *reader, char **ret)
{
        const char *line = reader->raw + strspn(reader->raw, " \t");
        size_t length = strlen(line), name = strcspn(line, "=");
        const char *value = line[name] ? line + name + 1 : line + name;

        while (length > 0 && strchr(" \t", line[length - 1]))
                length--;
        while (name > 0 && strchr(" \t", line[name - 1]))
                name--;
        value += strspn(value, " \t");
        return string_printf(ret, "%.*s=%.*s", (int)name, line,
                value < line + length ? (int)(line + length - value) : 0, value);
}

static void key_apply(Reader *reader, size_t index, const char *value)
{
        const ConfigKey *key = &reader->keys[index];
        _cleanup_(freep) char *pair = NULL, *reason = NULL;
        int r;

        if (index < KEYS_MAX && reader->seen[index] && !key_is_list(key)) {
                reader_fail(reader, -EINVAL, "%s= is given twice in [%s]; keep one", key->key,
                        key->section);
                return;
        }
        if (index < KEYS_MAX)
                reader->seen[index] = true;
        if (streq(key->key, "*")) {
                if (raw_pair(reader, &pair) < 0)
                        return;
                value = pair;
        }
        r = key->parse(key, value, reader->object + key->offset, &reason);
        if (r == -ENOMEM)
                reader_fail(reader, r, "out of memory");
        else if (r < 0 && streq(key->key, "*"))
                reader_fail(reader, r, "'%s' in [%s]: %s", value, key->section,
                        reason ? reason : "bad value");
        else if (r < 0)
                reader_fail(reader, r, "%s=%s: %s", key->key, value, reason ? reason : "bad value");
}

static int reader_pair(void *userdata, const char *section, const char *name, const char *value)
{
        Reader *reader = userdata;

        for (size_t i = 0; i < reader->n_keys; i++) {
                if (!key_matches(&reader->keys[i], section, name))
                        continue;
                key_apply(reader, i, value);
                return 1;
        }
        report_unknown(reader, section, name);
        return 1;
}

static int report(const char *path, int error, char **reterr_message)
{
        if (error == -EACCES)
                (void)string_printf(reterr_message,
                        "%s cannot be read by the user with the id %u: change its mode, and those of "
                        "the folders above", path, geteuid());
        else if (error == -EMEDIUMTYPE)
                (void)string_printf(reterr_message, "%s must be a regular file", path);
        else
                (void)string_printf(reterr_message, "%s: %s", path, strerror(-error));
        return error;
}

/* Nothing that could be waited for, as a pipe: whoever reads a configuration never blocks. */
static int open_file(const char *path, FILE **ret)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) /* /dev/null masks a file */
                return -EMEDIUMTYPE;
        *ret = fdopen(fd, "r");
        if (!*ret)
                return -errno;
        TAKE_FD(fd);
        return 0;
}

int config_read_file(const char *path, const ConfigKey *keys, size_t n_keys, void *object,
        char **reterr_message)
{
        _cleanup_(reader_done) Reader reader = {
                .path = path, .keys = keys, .n_keys = n_keys, .object = object
        };
        int r;

        r = open_file(path, &reader.file);
        if (r < 0)
                return report(path, r, reterr_message);

        /* As systemd's files: a value is its line, and ';' or '#' starts a comment only a line. */
        ini_allow_multiline = false;
        ini_allow_inline_comments = false;
        ini_max_line = LINE_MAX_BYTES;
        r = ini_parse_stream(reader_line, &reader, reader_pair, &reader);
        if (reader.error >= 0 && r > 0) {
                reader.line = r;
                reader_fail(&reader, -EINVAL, "neither a [Section] nor Key=Value");
        }
        if (reader.error >= 0 && (r < 0 || ferror(reader.file)))
                return report(path, r < 0 ? -ENOMEM : -EIO, reterr_message);
        if (reader.error < 0)
                *reterr_message = TAKE_PTR(reader.message);
        return reader.error;
}

typedef struct Search {
        Reader reader;
        const char *section, *key;
        int found;
} Search;

static int search_pair(void *userdata, const char *section, const char *name, const char *value)
{
        Search *search = userdata;

        if (streq(section, search->section) && streq(name, search->key))
                search->found = search->reader.line;
        return 1;
}

static char *search_line(char *line, int size, void *userdata)
{
        Search *search = userdata;

        return reader_line(line, size, &search->reader);
}

int config_find_line(const char *path, const char *section, const char *key)
{
        Search search = { .reader.path = path, .section = section, .key = key };

        if (open_file(path, &search.reader.file) < 0)
                return 0;
        (void)ini_parse_stream(search_line, &search, search_pair, &search);
        reader_done(&search.reader);
        return search.found;
}

static int list_dropins(const char *folder, StringList *ret)
{
        struct dirent *entry;
        DIR *stream = opendir(folder);

        if (!stream)
                return errno == ENOENT ? 0 : -errno;
        while ((entry = readdir(stream))) {
                _cleanup_(freep) char *path = NULL;

                if (entry->d_name[0] == '.' || !endswith(entry->d_name, ".conf"))
                        continue;
                if (string_printf(&path, "%s/%s", folder, entry->d_name) < 0 ||
                        string_list_add(ret, path) < 0)
                        break;
        }
        (void)closedir(stream);
        string_list_sort(ret);
        return entry ? -ENOMEM : 0;
}

int config_read_with_dropins(const char *path, const ConfigKey *keys, size_t n_keys, void *object,
        char **reterr_message)
{
        _cleanup_(string_list_done) StringList files = STRING_LIST_INIT;
        _cleanup_(freep) char *folder = NULL;
        int r;

        r = string_printf(&folder, "%s.d", path);
        if (r < 0)
                return r;
        if (access(path, F_OK) == 0 || errno != ENOENT) {
                r = config_read_file(path, keys, n_keys, object, reterr_message);
                if (r < 0)
                        return r;
        }
        r = list_dropins(folder, &files);
        if (r < 0)
                return report(folder, r, reterr_message);
        for (size_t i = 0; i < files.count; i++) {
                r = config_read_file(files.items[i], keys, n_keys, object, reterr_message);
                if (r < 0)
                        return r;
        }
        return 0;
}

int config_parse_string(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        return string_replace(target, value);
}

int config_parse_boolean(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        int r = parse_boolean(value, target);

        if (r < 0)
                (void)string_printf(reterr, "must be yes or no");
        return r;
}

int config_parse_u64(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        const ConfigRange *range = key->extra;
        uint64_t number;

        if (parse_u64(value, &number) < 0) {
                (void)string_printf(reterr, "must be a whole number");
                return -EINVAL;
        }
        if (range && (number < range->least || number > range->most)) {
                (void)string_printf(reterr, "must be from %llu to %llu", range->least, range->most);
                return -EINVAL;
        }
        *(uint64_t *)target = number;
        return 0;
}

int config_parse_usec(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        _cleanup_(freep) char *least = NULL, *most = NULL;
        const ConfigRange *range = key->extra;
        uint64_t usec;

        if (parse_usec(value, &usec) < 0) {
                (void)string_printf(reterr, "must be a time span such as 10s or 500ms");
                return -EINVAL;
        }
        if (range && (usec < range->least || usec > range->most)) {
                if (format_usec(range->least, &least) >= 0 && format_usec(range->most, &most) >= 0)
                        (void)string_printf(reterr, "must be from %s to %s", least, most);
                return -EINVAL;
        }
        *(uint64_t *)target = usec;
        return 0;
}

int config_parse_enum(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        const char *const *names = key->extra;
        _cleanup_(text_done) Text text = TEXT_INIT;

        for (int i = 0; names[i]; i++) {
                if (streq(names[i], value)) {
                        *(int *)target = i;
                        return 0;
                }
                (void)text_addf(&text, "%s%s", i == 0 ? "must be one of " : ", ", names[i]);
        }
        (void)text_take(&text, reterr);
        return -EINVAL;
}

int config_parse_words(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value == '\0')
                string_list_done(target);
        return string_list_split(target, value, " \t");
}

int config_parse_line(const ConfigKey *key, const char *value, void *target, char **reterr)
{
        if (*value == '\0') {
                string_list_done(target);
                return 0;
        }
        return string_list_add(target, value);
}

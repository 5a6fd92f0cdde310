/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* INI files as systemd's, read against a table of known keys; what is unknown is an error. */

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

typedef struct ConfigKey ConfigKey;

/*
 * Puts `value` into `target`. 0, -ENOMEM, or -EINVAL: then *reterr_reason may say what is wrong
 * with it ("must be between 1s and 30s"), in memory that the caller frees.
 */
typedef int (*ConfigParse)(const ConfigKey *key, const char *value, void *target,
        char **reterr_reason);

struct ConfigKey {
        const char *section;
        const char *key; /* "*": any key of this section, `parse` gets "Key=value" */
        ConfigParse parse;
        size_t offset; /* of the target in the object that is filled */
        const void *extra; /* for `parse`: an enum's name table, or limits */
        bool is_list;      /* may be given more than once */
};

/*
 * Reads a file into `object`. Unknown sections and keys, doubled keys of scalar type and bad values
 * are -EINVAL, and *reterr_message then reads "FILE:LINE: what is wrong and what to do".
 * -ENOENT and other errors of open(2) leave it with the path and the reason as well.
 */
int config_read_file(const char *path, const ConfigKey *keys, size_t n_keys, void *object,
        char **reterr_message);

/* Where a key of this section stands last in a file; 0 if it does not, or cannot be read. */
int config_find_line(const char *path, const char *section, const char *key);

/* The file if it exists, then DIR.d's *.conf in the order of their names ("PATH.d" for PATH). */
int config_read_with_dropins(const char *path, const ConfigKey *keys, size_t n_keys, void *object,
        char **reterr_message);

/* Parsers for the common types; a target starts at its default. */
int config_parse_string(const ConfigKey *key, const char *value, void *target, char **reterr);
int config_parse_boolean(const ConfigKey *key, const char *value, void *target, char **reterr);

typedef struct ConfigRange {
        unsigned long long least;
        unsigned long long most;
} ConfigRange;

/* uint64_t targets; `extra` is a ConfigRange or NULL. The second takes a time span. */
int config_parse_u64(const ConfigKey *key, const char *value, void *target, char **reterr);
int config_parse_usec(const ConfigKey *key, const char *value, void *target, char **reterr);

/* int target; `extra` is a NULL-terminated table of names, and the index is stored. */
int config_parse_enum(const ConfigKey *key, const char *value, void *target, char **reterr);

/* StringList target; blank-separated words, added to what is there; an empty value clears it. */
int config_parse_words(const ConfigKey *key, const char *value, void *target, char **reterr);

/* StringList target; the whole value as one entry, added; an empty value clears it. */
int config_parse_line(const ConfigKey *key, const char *value, void *target, char **reterr);

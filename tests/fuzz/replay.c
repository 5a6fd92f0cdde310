/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of a folder, and over every beginning and one-byte change of
 * the small ones. Speaks TAP: a case is a file, and what fails is a crash.
 */

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX (16 * 1024 * 1024)
#define VARIED_MAX 2048 /* bytes; each costs two runs */

/* A copy that ends where the data does, so that reading past it is seen. */
static void run_copy(const char *data, size_t size)
{
        _cleanup_(freep) uint8_t *copy = malloc(size > 0 ? size : 1);

        if (!copy)
                abort();
        memcpy(copy, data, size);
        (void)LLVMFuzzerTestOneInput(copy, size);
}

static void run_variations(char *data, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                char original = data[i];

                run_copy(data, i);
                data[i] = (char)(original ^ 0x55);
                run_copy(data, size);
                data[i] = original;
        }
}

static int run_file(const char *folder, const char *name)
{
        _cleanup_(freep) char *path = NULL, *data = NULL;
        size_t size;
        int r = string_printf(&path, "%s/%s", folder, name);

        if (r >= 0)
                r = file_read(path, FILE_MAX, &data, &size);
        if (r < 0)
                return r;
        run_copy(data, size);
        if (size <= VARIED_MAX)
                run_variations(data, size);
        return 0;
}

static int is_input(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

int main(int argc, char *argv[])
{
        struct dirent **entries = NULL;
        _cleanup_(freep) char *folder = NULL;
        const char *name = strrchr(argv[0], '-'); /* fuzz-xml: corpus/xml */
        int n, n_failed = 0;

        if (argc == 2)
                folder = strdup(argv[1]);
        else if (!name || !getenv("TEST_DATA") ||
                string_printf(&folder, "%s/fuzz/corpus/%s", getenv("TEST_DATA"), name + 1) < 0)
                return 2;
        n = folder ? scandir(folder, &entries, is_input, alphasort) : -1;
        if (n <= 0) {
                printf("Bail out! No input in %s\n", folder);
                return 1;
        }
        printf("1..%d\n", n);
        for (int i = 0; i < n; i++) {
                int r = run_file(folder, entries[i]->d_name);

                printf("%sok %d - %s\n", r < 0 ? "not " : "", i + 1, entries[i]->d_name);
                n_failed += r < 0;
                free(entries[i]);
        }
        free(entries);
        return n_failed > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka with what it wants included before it, and a scratch folder for tests that need files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* setup and teardown: *state is the path of a fresh folder, removed with all that is in it. */
static inline int scratch_setup(void **state)
{
        char path[] = "/tmp/quiesced-test-XXXXXX";

        *state = mkdtemp(path) ? strdup(path) : NULL;
        return *state ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
        char command[256];

        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", (char *)*state);
        free(*state);
        return system(command);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A question at the terminal: on standard error, since a pipe may take the table. */

#include "cli/ask.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"

#define ANSWER_MAX 16

bool ask_is_possible(void)
{
        return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool ask_yes(const char *question)
{
        char answer[ANSWER_MAX];

        (void)fflush(stdout);
        fprintf(stderr, "%s [y/N] ", question);
        (void)fflush(stderr);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        answer[strcspn(answer, "\n")] = '\0';
        return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

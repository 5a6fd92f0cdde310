/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A program that stands ready in its own process, and needs no more than a byte to start. */

#include <sys/types.h>

#include "base/cleanup.h"

typedef struct Command {
        pid_t pid; /* 0: none, or reaped */
        int go_fd;
} Command;

#define COMMAND_INIT ((Command){ .go_fd = -EBADF })

/* What a shell returns for a program that cannot be run, and for one that is not there. */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/*
 * Looks the program up and forks; the child waits. 0, or the exit status after a message. The
 * search in $PATH and the fork happen here, so that nothing but exec is left for later.
 */
int command_prepare(char *const argv[], Command *ret);

/* The child calls exec now. */
void command_start(Command *command);

/* A child that was not started ends without having done anything; waits for that. */
void command_done(Command *command);

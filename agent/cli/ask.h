/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A question to whoever sits at the terminal. */

#include <stdbool.h>

/* Whether there is anybody to be asked. */
bool ask_is_possible(void);

/* Prints the question and reads a line: whether it is "y" or "yes". */
bool ask_yes(const char *question);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Starting another program with chosen descriptors and nothing else of ours. */

#include <sys/types.h>

/*
 * Runs argv[0] with `fds[i]` as its descriptor 3 + i, default signals, and, should this process
 * die first, SIGKILL. Returns 0 once exec has succeeded, or the error of fork or exec.
 */
int spawn(char *const argv[], const int *fds, size_t n_fds, pid_t *ret_pid);

/* "exit status 1", "killed by signal 9 (Killed)": a wait status for people, in `ret` of 64 bytes. */
#define WAIT_STATUS_MAX 64
void wait_status_format(int status, char *ret);

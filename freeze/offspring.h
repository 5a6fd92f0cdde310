/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The freezer's own processes: forked, never exec'd, ready to work while nothing can be read. */

#include <stddef.h>
#include <sys/types.h>

/* Locks what is mapped, and what will be touched, in memory; out of reach of the OOM killer. */
void memory_lock(void);

/*
 * fork(2). The child is called `name` and holds only the descriptors in `keep`: what one process
 * keeps open, the others cannot see end. With *ret_link_fd, which may be NULL, a socket is between
 * the two, and each gets its end.
 */
pid_t offspring_fork(const char *name, const int *keep, size_t n_keep, int *ret_link_fd);

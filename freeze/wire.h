/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The unprivileged end of a connection to a privileged program: packets out, packets in. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* To the SOCK_SEQPACKET socket at `path`; a send that takes longer than `patience_usec` fails. */
int wire_connect(const char *path, uint64_t patience_usec, int *ret_fd);

/* 0 also where the other end has gone: what it has answered before is still to be read. */
int wire_send(int fd, const void *packet, size_t size);

/*
 * The size of the next packet, which lies in `packet` then; *ret_fd is a descriptor that came
 * along, and unchanged without one. -ETIMEDOUT: none came; -ECONNRESET: the end; -EMSGSIZE: it has
 * no room.
 */
ssize_t wire_receive(int fd, uint64_t timeout_usec, void *packet, size_t size, int *ret_fd);

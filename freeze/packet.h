/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Answers of a privileged program: one packet each, with a descriptor or without. */

#include <stddef.h>

/* A client that does not read must not hold up anything: what has no room is not said. */
int packet_send(int client_fd, const void *packet, size_t size);

/* The client gets a descriptor of its own of the same open file. */
int packet_send_descriptor(int client_fd, const void *packet, size_t size, int fd);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where the client of a privileged program comes in, and whom it admits. */

#include <stdbool.h>
#include <sys/types.h>

/*
 * The connection: descriptor 3 by systemd's protocol (sd_listen_fds(3)), or 0 as inetd passes it.
 * Of a listening socket, the first one: systemd starts us again for the next. -ENOTSOCK without
 * any.
 */
int door_open(void);

/*
 * Root, and the owner of the socket: SocketUser= of its unit is the only place that names one.
 * *ret_uid is whose client it is.
 */
bool door_admits(int client_fd, uid_t *ret_uid);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One client's connection: its messages in, the steps of its freeze, the reports out. */

/*
 * Serves until the connection ends, `signal_fd` (a signalfd) is readable, or the client breaks the
 * protocol; nothing is frozen any more when it returns.
 */
void session_run(int client_fd, int signal_fd, const char *ledger_folder);

/* Sends a FreezeError: what is wrong, and what to do. */
void session_refuse(int client_fd, int error, const char *text);

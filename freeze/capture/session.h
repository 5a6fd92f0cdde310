/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One client's connection: its messages in, the steps of its capture, the answers out. */

/* Serves until the connection ends, or something fails; nothing is left but images that were kept.
 */
void capture_session_run(int client_fd);

/* Sends a CaptureError: what is wrong, and what to do. */
void capture_session_refuse(int client_fd, int error, const char *text);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Method=reboot: EC2 shuts this host down, takes the snapshots, and boots it again. The worker that
 * made the call does not see the end of it: the record does, in the next boot.
 */

#include "flow/bake.h"

/* Before the call: asks the witness of the shutdown. 0, or a negative errno and a failure. */
int reboot_prepare(Bake *bake);

/*
 * After the call, in whatever boot: waits for the snapshots, which ends this process as a rule, and
 * finds the class that was reached; it goes on record. 0, or a negative errno and a failure.
 */
int reboot_await(Bake *bake);

/* Nobody needs the testimony any more. */
void reboot_forget(const Bake *bake);

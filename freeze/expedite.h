/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Most of a FIFREEZE is an RCU grace period; /sys/kernel/rcu_expedited makes those short for
 * everybody. It is set for the moment of the freeze only, and put back on every way out.
 */

#include "freeze/ledger.h"

/* A descriptor for the two below, or -1 where the kernel or a sandbox has no such knob. */
int expedite_open(void);

void expedite_begin(int fd, LedgerFile *file);

/* Puts back what begin() has changed, in whichever process that was; else does nothing. */
void expedite_end(int fd, LedgerFile *file);

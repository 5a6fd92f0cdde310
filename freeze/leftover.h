/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A ledger that a freezer has left behind, read with distrust. */

#include "freeze/ledger.h"

/* -EBADMSG, with *reterr_reason, if it cannot be trusted. */
int leftover_open(int folder_fd, const char *name, Ledger *ret, const char **reterr_reason);

/* Of what was read from anywhere: NULL if it is a sound ledger, or what is wrong. */
const char *leftover_complaint(const void *data, size_t size);

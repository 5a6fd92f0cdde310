/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the instance on trial comes up: EC2's checks, or what it says on its console. */

#include "flow/bake.h"

/*
 * Waits until it has proved good, by what Wait= says: 0. A negative errno and a failure: the kind is
 * VerifyFailed for one that fails a check, ends by itself, comes up with failed units or takes too
 * long, and the end of its console is in the journal; another kind says nothing of the image.
 */
int proof_await(Bake *bake);

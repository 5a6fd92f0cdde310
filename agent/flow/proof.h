/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the instance on trial comes up: EC2's checks, or what it says on its console. */

#include "flow/bake.h"

/*
 * Waits until it has proved good, by what Wait= says: 0. A negative errno and a failure: VerifyFailed
 * for one that fails a check, ends by itself, comes up with failed units or takes too long, which
 * leaves the end of its console in the journal; or another kind, which says nothing of the image.
 */
int proof_await(Bake *bake);

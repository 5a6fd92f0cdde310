/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Images that someone names go away with their snapshots. */

#include "flow/survey.h"

/*
 * All of them are looked at before any is touched: one that is absent, another account's,
 * protected, or (without the option "force") not made by quiesced, is a failure by name, and
 * nothing was done. The option "override" lists what is lifted instead of respected, see
 * flow/removal.h.
 */
int run_deregister(Bake *bake, const BakeRequest *request);

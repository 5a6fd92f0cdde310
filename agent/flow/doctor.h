/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is amiss on this host, and what AWS would not let it do: told before it matters. */

#include "flow/bake.h"
#include "flow/survey.h"

/*
 * The inquiry: {"checks":[{"what","for","needed","result","message"?}]}. Whatever it finds is no
 * failure of its own. Nothing is made, changed or deleted.
 */
int run_doctor(Bake *bake, const BakeRequest *request);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The images and snapshots that there are, told as an answer. */

#include "flow/survey.h"

/*
 * Those that this instance has made, or with the option "all" the account's; with the option
 * "profile" only what that one has made. 0, or a negative errno and a failure.
 */
int run_list_images(Bake *bake, const BakeRequest *request);
int run_list_snapshots(Bake *bake, const BakeRequest *request);

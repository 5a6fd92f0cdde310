/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An image that was made earlier is published: what could not be done when it was made, or is
 * wanted since.
 */

#include "flow/survey.h"

/*
 * By [Publish] of the profile that is named, or of the one that made the image. What is so already
 * stays as it is, and copies that exist are found again. A failure for an image that is absent,
 * not complete, not made by quiesced, or a running job's; else as step_publish().
 */
int run_publish(Bake *bake, const BakeRequest *request);

/* What is on record of it, also after an interruption. 0, or a negative errno and a failure. */
int publish_finish(Bake *bake);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What EC2 wrote into the description of a snapshot that it made for an image: pure. */

#include "aws/ec2-snapshot.h"

/* "ami-", 17 digits, and the NUL. */
#define ORIGIN_BYTES 22

/*
 * The image that a snapshot was made for, by CreateImage or CopyImage; false if the description
 * is not, to the last character, one that EC2 writes. A copy that carries the description of what
 * it was copied from is no snapshot of that image.
 */
bool origin_image(const char *description, const char *volume_id, char ret[static ORIGIN_BYTES]);

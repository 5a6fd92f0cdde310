/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Private keys, as files of a host have them. */

/*
 * Whether there is one in what is left to read of a file: in PEM wherever it begins, in DER at the
 * beginning. 1, 0, -ENOMEM, or the negative errno of read(2).
 */
int key_search(int fd);

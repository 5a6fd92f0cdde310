/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Percent-encoding (RFC 3986) as AWS demands it: all but the unreserved characters. */

#include <stdbool.h>

#include "base/text.h"

typedef enum UriPart {
        URI_PATH, /* slashes stay */
        URI_COMPONENT,
} UriPart;

/* Adds the encoded string: upper-case digits, a blank as %20. 0 or -ENOMEM. */
int uri_encode(Text *text, const char *string, UriPart part);

/* Into a fresh string; a "%" without two digits stays, "%00" is -EINVAL. 0 or -ENOMEM. */
int uri_decode(const char *string, size_t length, char **ret);

/*
 * Removes dot segments (RFC 3986 5.2.4) and, as AWS does, doubled slashes. The path begins with a
 * slash. 0 or -ENOMEM.
 */
int uri_normalize_path(const char *path, char **ret);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The certificate authorities that TLS peers are checked against, held in memory. */

#include <curl/curl.h>

#include "base/text.h"

#define CA_BUNDLE_BYTES_MAX (8u * 1024 * 1024)

typedef struct CaBundle {
        char *path;
        char *pem;
        size_t size;
} CaBundle;

void ca_bundle_done(CaBundle *bundle);

/*
 * AWS_CA_BUNDLE, or the system's. 0, -ENOMEM, or why the file of *reterr_path (which the caller
 * frees) cannot be read; -ENOENT without a path if the system has none where they usually are.
 */
int ca_bundle_read(CaBundle *ret, char **reterr_path);

/* Makes a handle check its peers, always, and against these alone. NULL: against none. */
CURLcode ca_bundle_apply(const CaBundle *bundle, CURL *easy);

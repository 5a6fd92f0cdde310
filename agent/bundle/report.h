/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What quiesced-bundle did, on standard output. */

#include "bundle/session.h"

/* A sentence, or with --json a document. 0, -ENOMEM, or what writing says. */
int report_print(const Session *session);

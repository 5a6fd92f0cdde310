/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an instance-store image consists of in S3 goes away with it: its parts, and then the
 * manifest, which names them. So whoever comes after an interruption finds what is left, and where
 * to go on.
 */

#include "flow/removal-entry.h"

/*
 * Whether the bundle of an image can be removed, before anything is touched. 0; -EPERM with the
 * kind and the reason why it cannot; REMOVAL_E_LEFT with why it is not known now; or another
 * negative errno, and a failure.
 */
int removal_judge_bundle(
        Removal *removal, const char *location, FailureKind *reterr_kind, char **reterr_reason);

/*
 * The bundle of an image that is deregistered. It stays where another image is registered from it.
 * 0, the entry being left where something is; or a negative errno, and a failure.
 */
int removal_delete_bundle(Removal *removal, json_t *entry);

/*
 * Of an image that goes because its bundle is gone: looks once more, right before that. 0, the entry
 * being refused if there is a manifest again, and left if nobody can tell; or a negative errno, and a
 * failure.
 */
int removal_check_bundleless(Removal *removal, json_t *entry);

/* All entries of "bundles". 0, or a negative errno and a failure. */
int removal_delete_bundles(Removal *removal);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which device is which volume, when each of them has had its say: an id is nobody's by a guess. */

#include "host/facts.h"

/* Of one device; both texts are NULL of one that lies on others or in a file. */
typedef struct Claim {
        char *id; /* of the volume that it says it is, or that VolumeMap= says */
        char *reason; /* why it is no volume, although it may say so */
        bool is_mapped;
        bool is_instance_store;
} Claim;

/* One for each device of `facts`, in their order; 0 or -ENOMEM. */
int claims_make(const HostFacts *facts, const VolumeRules *rules, Claim **ret);

Claim *claims_free(Claim *claims, size_t count);

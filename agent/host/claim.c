/* SPDX-License-Identifier: Apache-2.0 */
/* Which device is which volume, when each of them has had its say. */

#include "host/claim.h"

#include "base/text.h"
#include "host/descent.h"

Claim *claims_free(Claim *claims, size_t count)
{
        for (size_t i = 0; claims && i < count; i++) {
                free(claims[i].id);
                free(claims[i].reason);
        }
        free(claims);
        return NULL;
}

/* What is configured is believed first, for any kind of device. */
static int claim_make(const HostFacts *facts, const VolumeRules *rules, const BlockDevice *device,
        Claim *claim)
{
        const char *mapped = volume_map_find(&facts->map, device);
        int r;

        if (mapped) {
                claim->is_mapped = true;
                return string_replace(&claim->id, mapped);
        }
        if (block_device_is_stacked(device))
                return 0;
        r = volume_identify(device, rules, &claim->id, &claim->reason);
        if (r < 0)
                return r;
        claim->is_instance_store = r == VOLUME_INSTANCE_STORE;
        return 0;
}

static const Claim *find_rival(const Claim *claims, size_t count, const Claim *claim)
{
        for (size_t i = 0; i < count; i++)
                if (claims + i != claim && streq_ptr(claims[i].id, claim->id))
                        return claims + i;
        return NULL;
}

/* VolumeMap= names each volume once: of two rivals at most one is mapped. */
static int claim_judge(const HostFacts *facts, const Claim *claims, Claim *claim)
{
        const BlockDevice *devices = facts->devices.items;
        const Claim *rival;
        const char *own = devices[claim - claims].name;

        if (!claim->id || claim->is_mapped)
                return 0;
        rival = find_rival(claims, facts->devices.count, claim);
        if (!rival)
                return 0;
        if (rival->is_mapped)
                return string_printf(&claim->reason, "/dev/%s claims to be %s, which is /dev/%s by "
                        "VolumeMap=", own, claim->id, devices[rival - claims].name);
        return string_printf(&claim->reason, "/dev/%s and /dev/%s both claim to be %s: say which "
                "one is with VolumeMap=DEVICE:%s", own, devices[rival - claims].name, claim->id,
                claim->id);
}

int claims_make(const HostFacts *facts, const VolumeRules *rules, Claim **ret)
{
        size_t count = facts->devices.count;
        Claim *claims = calloc(count + 1, sizeof(Claim));
        int r = claims ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = claim_make(facts, rules, facts->devices.items + i, claims + i);
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = claim_judge(facts, claims, claims + i);
        if (r < 0) {
                (void)claims_free(claims, count);
                return r;
        }
        *ret = claims;
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/dialogue.h"

#include <string.h>

#define ALLOW(type) (1u << (type))

static const unsigned allowed[DIALOGUE_MAX] = {
        [DIALOGUE_IDLE] = ALLOW(FREEZE_MOUNTINFO) | ALLOW(FREEZE_PLAN),
        [DIALOGUE_PLANNING] = ALLOW(FREEZE_MOUNT),
        [DIALOGUE_READY] = ALLOW(FREEZE_SYNC) | ALLOW(FREEZE_FREEZE),
        [DIALOGUE_HELD] = ALLOW(FREEZE_THAW),
        [DIALOGUE_OVER] = ALLOW(FREEZE_THAW),
};

static size_t message_size(uint32_t type)
{
        if (type == FREEZE_PLAN)
                return sizeof(FreezePlan);
        return type == FREEZE_MOUNT ? sizeof(FreezeMount) : sizeof(FreezeHeader);
}

static const char *plan_complaint(const FreezePlan *plan)
{
        if (plan->budget_usec < FREEZE_BUDGET_MIN_USEC ||
                plan->budget_usec > FREEZE_BUDGET_MAX_USEC)
                return "the budget must be between 1 ms and 30 s";
        if (plan->sync_usec > FREEZE_SYNC_MAX_USEC)
                return "the limit for syncing must be at most 10 minutes";
        if (plan->n_mounts < 1 || plan->n_mounts > FREEZE_MOUNTS_MAX)
                return "a plan names between 1 and 256 mounts";
        if (plan->flags & ~(FREEZE_PLAN_NO_WARM_UP | FREEZE_PLAN_SYNC_LAST))
                return "the plan has an unknown flag";
        return NULL;
}

static const char *mount_complaint(const FreezeMount *mount)
{
        size_t length = strnlen(mount->path, sizeof(mount->path));

        if (length == sizeof(mount->path))
                return "a mount's path does not end";
        if (mount->path[0] != '/')
                return "a mount's path must be absolute";
        for (size_t i = length; i < sizeof(mount->path); i++)
                if (mount->path[i] != '\0')
                        return "something follows a mount's path";
        return NULL;
}

const char *dialogue_complaint(DialoguePhase phase, const void *packet, size_t size)
{
        FreezeHeader header;

        if (size < sizeof(header))
                return "the message is too short";
        memcpy(&header, packet, sizeof(header));
        if (header.version != FREEZE_VERSION)
                return "the client speaks another version of the protocol";
        if (header.type < FREEZE_MOUNTINFO || header.type > FREEZE_THAW)
                return "the message is of unknown type";
        if (size != message_size(header.type))
                return "the message is of wrong size";
        if (!(allowed[phase] & ALLOW(header.type)))
                return "the message is out of order";
        if (header.type == FREEZE_PLAN)
                return plan_complaint(packet);
        if (header.type == FREEZE_MOUNT)
                return mount_complaint(packet);
        return NULL;
}

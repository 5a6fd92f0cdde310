/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root's programs read from others: a packet of a client, after a byte that names the phase of
 * its dialogue, and a file that claims to be a ledger.
 */

#include <stdlib.h>
#include <string.h>

#include "freeze/dialogue.h"
#include "freeze/leftover.h"
#include "tests/fuzz/fuzz.h"

/* Aligned as in memory of the programs themselves. */
static void *data_copy(const uint8_t *data, size_t size)
{
        void *copy = malloc(size + sizeof(LedgerFile));

        if (!copy)
                abort();
        memcpy(copy, data, size);
        return copy;
}

static void packet_judge(DialoguePhase phase, const void *packet, size_t size)
{
        const FreezePlan *plan = packet;
        const FreezeMount *mount = packet;

        if (dialogue_complaint(phase, packet, size))
                return;
        if (size == sizeof(*plan)) {
                if (plan->n_mounts == 0 || plan->n_mounts > FREEZE_MOUNTS_MAX ||
                        plan->budget_usec > FREEZE_BUDGET_MAX_USEC)
                        abort();
        } else if (size == sizeof(*mount)) {
                if (mount->path[0] != '/' || !memchr(mount->path, 0, sizeof(mount->path)))
                        abort();
        } else if (size != sizeof(FreezeHeader)) {
                abort();
        }
}

static void ledger_judge(const LedgerFile *file, size_t size)
{
        if (leftover_complaint(file, size))
                return;
        for (uint32_t i = 0; i < file->n_mounts; i++)
                if (file->mounts[i].path[0] != '/' ||
                        strlen(file->mounts[i].path) >= FREEZE_PATH_MAX)
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *file = data_copy(data, size);
        void *packet = size > 0 ? data_copy(data + 1, size - 1) : NULL;

        ledger_judge(file, size);
        if (packet)
                packet_judge(data[0] % DIALOGUE_MAX, packet, size - 1);
        free(file);
        free(packet);
        return 0;
}

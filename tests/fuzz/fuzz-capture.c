/* SPDX-License-Identifier: Apache-2.0 */
/* What capture reads from its client: a packet, after a byte that names the phase of its dialogue.
 */

#include <stdlib.h>
#include <string.h>

#include "freeze/capture/dialogue.h"
#include "tests/fuzz/fuzz.h"

static void string_demand(const char *string, size_t size)
{
        if (!memchr(string, 0, size))
                abort();
}

static void packet_demand(const void *packet, size_t size)
{
        const CaptureBegin *begin = packet;
        const CaptureName *name = packet;

        if (begin->header.type == CAPTURE_BEGIN) {
                if (size != sizeof(*begin) || begin->n_mounts > CAPTURE_MOUNTS_MAX)
                        abort();
                string_demand(begin->job, sizeof(begin->job));
                string_demand(begin->folder, sizeof(begin->folder));
                if (strchr(begin->job, '/'))
                        abort();
        } else if (name->header.type == CAPTURE_TAKE || name->header.type == CAPTURE_DISCARD) {
                string_demand(name->job, sizeof(name->job));
                if (strchr(name->job, '/') || name->folder[0] != '/')
                        abort();
        } else if (begin->header.type == CAPTURE_RULE) {
                string_demand(((const CaptureRule *)packet)->pattern, CAPTURE_PATTERN_MAX);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *packet;

        if (size == 0)
                return 0;
        packet = malloc(size); /* aligned, and its end is an end */
        if (!packet)
                abort();
        memcpy(packet, data + 1, size - 1);
        if (!capture_complaint(data[0] % CAPTURE_PHASE_MAX, packet, size - 1))
                packet_demand(packet, size - 1);
        free(packet);
        return 0;
}

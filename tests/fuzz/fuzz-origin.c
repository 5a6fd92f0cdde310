/* SPDX-License-Identifier: Apache-2.0 */
/* A description of a snapshot, which anybody may have written: what it names is an id, and in it. */

#include <string.h>

#include "flow/origin.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        char image_id[ORIGIN_BYTES];

        if (!text)
                abort();
        memcpy(text, data, size);
        text[size] = '\0';
        if (origin_image(text, "vol-0123456789abcdef0", image_id) &&
                (!ec2_id_is_valid(image_id, "ami-") || !strstr(text, image_id)))
                abort();
        free(text);
        return 0;
}

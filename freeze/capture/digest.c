/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/digest.h"

#include <errno.h>
#include <sys/random.h>

int digest_init(Digest *digest)
{
        char *keys = (char *)digest->keys;

        for (size_t done = 0; done < sizeof(digest->keys);) {
                ssize_t n = getrandom(keys + done, sizeof(digest->keys) - done, 0);

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

uint64_t digest_block(const Digest *digest, const void *block)
{
        const uint64_t *words = block;
        unsigned __int128 even = 0, odd = 0; /* two chains, which a processor follows at once */

        for (size_t i = 0; i < BLOCK_WORDS; i += 2) {
                even += digest->keys[i] * words[i];
                odd += digest->keys[i + 1] * words[i + 1];
        }
        return (uint64_t)((even + odd) >> 64);
}

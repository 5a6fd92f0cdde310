/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/digest.h"

#include <errno.h>
#include <stddef.h>
#include <sys/random.h>

int digest_init(Digest *digest)
{
        static const uint64_t zeroes[BLOCK_WORDS];
        char *bytes = (char *)digest;

        for (size_t done = 0; done < sizeof(*digest);) {
                ssize_t n = getrandom(bytes + done, sizeof(*digest) - done, 0);

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        digest->zeroes = 0;
        digest->zeroes = digest_block(digest, zeroes);
        return 0;
}

uint64_t digest_block(const Digest *digest, const void *block)
{
        const uint64_t *words = block, *keys = digest->keys;
        unsigned __int128 sum = 0, folded;

        for (size_t i = 0; i < BLOCK_WORDS; i += 2)
                sum += (unsigned __int128)(words[i] + keys[i]) * (words[i + 1] + keys[i + 1]);
        folded = digest->fold[0] * (uint64_t)sum + digest->fold[1] * (uint64_t)(sum >> 64);
        return (uint64_t)(folded >> 64) ^ digest->zeroes;
}

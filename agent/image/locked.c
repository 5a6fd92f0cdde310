/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for keys: never swapped, in no core dump and no child, and wiped when it is freed. */

#include "image/locked.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define LIBCRYPTO_BYTES (64u * 1024) /* some RSA keys; a power of two */
#define LIBCRYPTO_LEAST 16
#define LIBCRYPTO_SHARE 4 /* of the limit; the rest is for keys */

typedef struct Header {
        alignas(max_align_t) size_t mapped;
} Header;

int locked_new(size_t size, void **ret)
{
        size_t mapped = sizeof(Header) + size;
        Header *header =
                mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (header == MAP_FAILED)
                return -errno;
        if (mlock(header, mapped) < 0 || madvise(header, mapped, MADV_DONTDUMP) < 0 ||
                madvise(header, mapped, MADV_WIPEONFORK) < 0) {
                int r = -errno;

                (void)munmap(header, mapped);
                return r;
        }
        header->mapped = mapped;
        *ret = header + 1;
        return 0;
}

void *locked_free(void *memory)
{
        Header *header = memory;
        size_t mapped;

        if (!memory)
                return NULL;
        header--;
        mapped = header->mapped;
        OPENSSL_cleanse(header, mapped);
        (void)munmap(header, mapped);
        return NULL;
}

/* What is mapped counts, and stacks and arenas of threads are mapped far larger than they get. */
int locked_process(void)
{
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

        if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 && getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
                return -errno;
        if (limit.rlim_cur == RLIM_INFINITY)
                return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 ? -errno : 0;
        if (limit.rlim_cur / LIBCRYPTO_SHARE >= LIBCRYPTO_BYTES)
                (void)CRYPTO_secure_malloc_init(LIBCRYPTO_BYTES, LIBCRYPTO_LEAST);
        return -EPERM;
}

/* RLIMIT_CORE does not hold for a collector at the other end of a pipe: core(5). */
int locked_forbid_dumps(void)
{
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The yardstick of `make bench`: bare-freeze HOLD-MSEC MOUNT-POINT... syncs, freezes each file
 * system in a thread of its own, holds, and thaws them in threads again. No plan, no ledger, no
 * net: it is what a freeze costs when nothing guards it.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define FILE_SYSTEMS_MAX 16
#define HOLD_MSEC_MAX 10000

typedef struct FrozenFs {
        int fd;
        unsigned long request;
        int result;
        pthread_t thread;
} FrozenFs;

static void *ioctl_run(void *userdata)
{
        FrozenFs *fs = userdata;

        fs->result = ioctl(fs->fd, fs->request, 0) < 0 ? -errno : 0;
        return NULL;
}

/* The first error of all, once all have ended. */
static int ioctl_all(FrozenFs *all, size_t n, unsigned long request)
{
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                all[i].request = request;
                if (pthread_create(&all[i].thread, NULL, ioctl_run, &all[i]) != 0)
                        abort();
        }
        for (size_t i = 0; i < n; i++) {
                (void)pthread_join(all[i].thread, NULL);
                if (r == 0)
                        r = all[i].result;
        }
        return r;
}

static int open_all(FrozenFs *all, size_t n, char *const paths[])
{
        for (size_t i = 0; i < n; i++) {
                all[i].fd = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (all[i].fd < 0 || syncfs(all[i].fd) < 0)
                        return -errno;
        }
        return 0;
}

int main(int argc, char *argv[])
{
        FrozenFs all[FILE_SYSTEMS_MAX];
        uint64_t hold_msec, began;
        size_t n = argc > 2 ? (size_t)argc - 2 : 0;
        int r, thawed;

        if (n == 0 || n > FILE_SYSTEMS_MAX || parse_u64(argv[1], &hold_msec) < 0 ||
                hold_msec > HOLD_MSEC_MAX) {
                fprintf(stderr, "usage: bare-freeze HOLD-MSEC MOUNT-POINT...\n");
                return 2;
        }

        r = open_all(all, n, argv + 2);
        if (r == 0) {
                began = clock_usec();
                r = ioctl_all(all, n, FIFREEZE);
                if (r == 0)
                        clock_sleep_usec(hold_msec * USEC_PER_MSEC);
                /* After a failure too: FITHAW of one that is not frozen is refused, no more. */
                thawed = ioctl_all(all, n, FITHAW);
                if (r == 0)
                        r = thawed;
                printf("%" PRIu64 "\n", clock_usec() - began);
        }
        if (r < 0)
                fprintf(stderr, "bare-freeze: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}

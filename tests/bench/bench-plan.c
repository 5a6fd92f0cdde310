/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the time of topology and plan grows with the mounts of a host: median CPU time for mountinfos
 * of 1,000 and 10,000 lines, as a container host has them, and the ratio of the two.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "flow/plan.h"
#include "host/topology.h"

#define ROUNDS 15U

static uint64_t cpu_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

#define POD "/var/lib/containers/storage/pods/0123456789abcdef0123456789abcdef"

/* Of each four lines: an overlay, a tmpfs, a bind mount of the root, and a disk of its own. */
static int add_line(Text *text, unsigned i)
{
        int r = text_addf(text, "%u 1 ", i + 10);

        if (r < 0)
                return r;
        switch (i % 4) {
        case 0:
                return text_addf(text,
                        "0:%u / " POD "/%u/merged rw - overlay overlay rw,lowerdir=" POD "/l/%u\n",
                        i, i, i);
        case 1:
                return text_addf(text,
                        "0:%u / " POD "/%u/shm rw,nosuid - tmpfs shm rw,size=65536k\n", i, i);
        case 2:
                return text_addf(text, "254:0 /data/%u " POD "/%u/volume rw - ext4 /dev/vda rw\n",
                        i, i);
        default:
                return text_addf(text, "8:%u / " POD "/%u/disk rw - ext4 /dev/sd%u rw\n", i, i, i);
        }
}

static int make_mountinfo(unsigned lines)
{
        _cleanup_(closep) int fd = memfd_create("mountinfo", MFD_CLOEXEC);
        _cleanup_(text_done) Text text = TEXT_INIT;
        int r = text_add(&text, "1 0 254:0 / / rw,relatime - ext4 /dev/vda rw\n");

        for (unsigned i = 1; r >= 0 && i < lines; i++)
                r = add_line(&text, i);
        if (r >= 0)
                r = fd < 0 ? -errno : write_all(fd, text.data, text.length);
        return r < 0 ? r : TAKE_FD(fd);
}

static int plan(const Topology *topology)
{
        _cleanup_(plan_done) Plan ret = { 0 };
        Ec2Attachment root = { .device_name = (char *)"/dev/xvda",
                .volume_id = (char *)"vol-0123456789abcdef0",
                .status = (char *)"attached" };
        const Ec2Instance instance = { .id = (char *)"i-0123456789abcdef0",
                .root_device_name = root.device_name,
                .attachments = &root,
                .n_attachments = 1 };
        const Identity identity = { .instance_id = instance.id };
        const Profile profile = { .consistency = CONSISTENCY_FILESYSTEM,
                .on_degrade = ON_DEGRADE_LABEL };

        return plan_make(&(PlanInput){ .profile = &profile,
                                 .identity = &identity,
                                 .topology = topology,
                                 .instance = &instance,
                                 .image_name = "bench",
                                 .image_wanted = true },
                &ret);
}

static int measure(int fd, uint64_t *ret_usec)
{
        _cleanup_(host_facts_done) HostFacts facts = HOST_FACTS_INIT;
        _cleanup_(topology_done) Topology topology = TOPOLOGY_INIT;
        _cleanup_(freep) char *message = NULL;
        uint64_t start = cpu_usec();
        int r = host_facts_read(NULL, fd, NULL, &facts, &message);

        if (r >= 0)
                r = topology_build(&facts, NULL, &topology);
        if (r >= 0)
                r = plan(&topology);
        *ret_usec = cpu_usec() - start;
        return r;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static int measure_median(unsigned lines, uint64_t *ret_usec)
{
        _cleanup_(closep) int fd = make_mountinfo(lines);
        uint64_t spans[ROUNDS] = { 0 };
        int r = fd < 0 ? fd : 0;

        for (size_t i = 0; r >= 0 && i < ROUNDS; i++)
                r = measure(fd, spans + i);
        qsort(spans, ROUNDS, sizeof(spans[0]), compare);
        *ret_usec = spans[ROUNDS / 2];
        return r;
}

int main(void)
{
        uint64_t few = 0, many = 0;
        int r = measure_median(1000, &few);

        if (r >= 0)
                r = measure_median(10000, &many);
        if (r < 0) {
                (void)fprintf(stderr, "bench-plan: %s\n", strerror(-r));
                return 1;
        }
        printf("  %-52s%11.1f ms\n", "1,000 mounts", (double)few / 1000);
        printf("  %-52s%11.1f ms   aim: 100 ms\n", "10,000 mounts", (double)many / 1000);
        printf("  %-52s%11.1f      aim: 10\n", "times as much", (double)many / (double)(few ? few : 1));
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a block device was written to, by the kernel's own counters. */

#include "host/writes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

/* Seventeen numbers of at most 20 digits. */
#define ATTRIBUTE_BYTES_MAX 512U

void write_counter_done(WriteCounter *counter)
{
        closep(&counter->stat_fd);
        closep(&counter->inflight_fd);
        *counter = WRITE_COUNTER_INIT;
}

static int open_attribute(int device, const char *name, int *ret)
{
        *ret = openat(device, name, O_RDONLY | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

/* Ends with a NUL; read at 0, since sysfs makes the text anew for it. */
static int read_text(int fd, char buffer[static ATTRIBUTE_BYTES_MAX])
{
        ssize_t n = pread(fd, buffer, ATTRIBUTE_BYTES_MAX - 1, 0);

        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        return 0;
}

int write_count_parse(const char *stat, const char *inflight, WriteCount *ret)
{
        WriteCount count = { 0 };

        /* Kernels before 4.18 count no discards: the line then ends with the eleventh number. */
        if (sscanf(stat, "%" SCNu64 " %*u %*u %*u %" SCNu64 " %*u %" SCNu64
                         " %*u %*u %*u %*u %" SCNu64,
                    &count.reads, &count.writes, &count.sectors, &count.discards) < 3)
                return -EBADMSG;
        if (sscanf(inflight, "%*u %" SCNu64, &count.under_way) != 1)
                return -EBADMSG;
        *ret = count;
        return 0;
}

int write_counter_read(const WriteCounter *counter, WriteCount *ret)
{
        char stat[ATTRIBUTE_BYTES_MAX], inflight[ATTRIBUTE_BYTES_MAX];
        int r = read_text(counter->stat_fd, stat);

        if (r >= 0)
                r = read_text(counter->inflight_fd, inflight);
        return r < 0 ? r : write_count_parse(stat, inflight, ret);
}

/* Those of RHEL have patches of much later ones, and their number does not tell which. */
bool write_counts_of_dm_are_always_on(const char *release)
{
        unsigned major, minor;

        if (sscanf(release, "%u.%u", &major, &minor) != 2 || strstr(release, ".el"))
                return false;
        return major < 6 || (major == 6 && minor < 5);
}

/* Request-based devices (multipath) have a folder `mq`, and a switch that works. */
static bool is_always_counted(int device)
{
        struct utsname host;

        return faccessat(device, "dm", F_OK, 0) >= 0 && faccessat(device, "mq", F_OK, 0) < 0 &&
                uname(&host) >= 0 && write_counts_of_dm_are_always_on(host.release);
}

/* A partition has no queue of its own: its disk's, one folder up, says whether it is counted. */
static bool is_counted(int device)
{
        static const char *const switches[] = { "queue/iostats", "../queue/iostats" };
        char text[ATTRIBUTE_BYTES_MAX];

        for (size_t i = 0; i < ELEMENTSOF(switches); i++) {
                _cleanup_(closep) int fd = -EBADF;

                if (open_attribute(device, switches[i], &fd) >= 0 && read_text(fd, text) >= 0)
                        return text[0] != '0';
        }
        return false;
}

/* The head of an NVMe multipath device counted nothing before Linux 5.19; all others were probed. */
static int check_counts(const WriteCounter *counter)
{
        WriteCount count;
        int r = write_counter_read(counter, &count);

        if (r < 0)
                return r;
        return count.reads == 0 && count.writes == 0 ? -ENODATA : 0;
}

int write_counter_open(const char *sysfs, unsigned major, unsigned minor, WriteCounter *ret)
{
        _cleanup_(write_counter_done) WriteCounter counter = WRITE_COUNTER_INIT;
        _cleanup_(closep) int device = -EBADF;
        _cleanup_(freep) char *path = NULL;
        int r = string_printf(&path, "%s/dev/block/%u:%u", sysfs, major, minor);

        if (r < 0)
                return r;
        device = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (device < 0)
                return -errno;
        if (!is_counted(device) && !is_always_counted(device))
                return -ENODATA;
        r = open_attribute(device, "stat", &counter.stat_fd);
        if (r >= 0)
                r = open_attribute(device, "inflight", &counter.inflight_fd);
        if (r >= 0)
                r = check_counts(&counter);
        if (r < 0)
                return r;
        *ret = counter;
        counter = WRITE_COUNTER_INIT;
        return 0;
}

bool write_count_is_unchanged(const WriteCount *before, const WriteCount *after)
{
        return before->under_way == 0 && after->under_way == 0 &&
                before->writes == after->writes && before->sectors == after->sectors &&
                before->discards == after->discards;
}

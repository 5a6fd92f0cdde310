/* SPDX-License-Identifier: Apache-2.0 */

/*
 * quiesced-witness: run by systemd-shutdown(8), last of all, when processes are gone and what can be
 * unmounted is. Only where a job of this boot has asked: it looks whether every file system on a disk
 * is read-only by now, and writes the time into the file that it was asked by. For that one line the
 * root becomes writable once more, and is at rest again behind it; where it is not, there is no line.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "freeze/rest.h"

#define BOOT_ID_BYTES 36

/* The file is another user's: no link is followed, and nothing that it may be holds up a shutdown. */
#define FILE_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static const char *arg_file = "/var/lib/quiesced/witness";
static const char *arg_mountinfo = "/proc/self/mountinfo";

static const char usage[] = "Usage: quiesced-witness [OPTIONS] [poweroff|reboot|halt|kexec]\n"
                            "Tells a job of quiesced whether the shutdown came to rest.\n\n"
                            "  --file=FILE       where it was asked (default:\n"
                            "                    /var/lib/quiesced/witness)\n"
                            "  --mountinfo=FILE  only looks at this one, and changes nothing\n"
                            "  --help            show this\n"
                            "  --version         show the version\n";

/* To the console: the journal has ended. */
static int complain(const char *what, int error)
{
        fprintf(stderr, "quiesced-witness: %s: %s\n", what, strerror(-error));
        return error;
}

static int boot_id_read(int fd, char *ret)
{
        ssize_t n = read(fd, ret, BOOT_ID_BYTES);

        ret[BOOT_ID_BYTES] = '\0';
        return n == BOOT_ID_BYTES ? 0 : n < 0 ? -errno : -EBADMSG;
}

static int is_this_boot(const char *asked)
{
        _cleanup_(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        char boot[BOOT_ID_BYTES + 1];
        int r = fd < 0 ? -errno : boot_id_read(fd, boot);

        return r < 0 ? r : strcmp(asked, boot) == 0;
}

/* 1: by a job of this boot, and *ret_owner may write there. */
static int was_asked(uid_t *ret_owner)
{
        _cleanup_(closep) int fd = open(arg_file, O_RDONLY | FILE_FLAGS);
        char asked[BOOT_ID_BYTES + 1];
        struct stat status;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EBADMSG;
        *ret_owner = status.st_uid;
        return boot_id_read(fd, asked) < 0 ? 0 : is_this_boot(asked);
}

/* 1: all is at rest; 0: said what is not. */
static int is_at_rest(void)
{
        _cleanup_(freep) char *mount_point = NULL;
        FILE *mountinfo = fopen(arg_mountinfo, "re");
        int r;

        if (!mountinfo)
                return -errno;
        r = rest_find_writable(mountinfo, &mount_point);
        (void)fclose(mountinfo);
        if (r <= 0)
                return r < 0 ? r : 1;
        fprintf(stderr, "quiesced-witness: %s is still writable: the image that this host is rebooted "
                        "for is not consistent\n", mount_point);
        return 0;
}

static int root_remount(unsigned long flags)
{
        return mount(NULL, "/", NULL, MS_REMOUNT | flags, NULL) < 0 ? -errno : 0;
}

/* With the rights of the one who asked: root follows no path that another user has laid. */
static int file_open(uid_t owner, int *ret)
{
        if (seteuid(owner) < 0)
                return -errno;
        *ret = open(arg_file, O_WRONLY | O_APPEND | FILE_FLAGS);
        if (*ret < 0)
                *ret = -errno;
        return seteuid(0) < 0 ? -errno : *ret < 0 ? *ret : 0;
}

static int line_write(int fd)
{
        struct timespec now;
        char line[64];
        int length;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return -errno;
        length = snprintf(line, sizeof(line), "at-rest %" PRIu64 "\n",
                (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
        if (lseek(fd, 0, SEEK_END) != BOOT_ID_BYTES + 1)
                return -EBADMSG;
        if (write(fd, line, (size_t)length) != length || fsync(fd) < 0)
                return errno ? -errno : -EIO;
        return 0;
}

/* While the file is open for writing, the root would stay writable: EBUSY. */
static int line_add(uid_t owner)
{
        _cleanup_(closep) int fd = -EBADF;
        int r = file_open(owner, &fd);

        return r < 0 ? r : line_write(fd);
}

/* What cannot be taken back, because the root is read-only, was true. */
static void line_take_back(uid_t owner)
{
        _cleanup_(closep) int fd = -EBADF;

        if (file_open(owner, &fd) == 0 && ftruncate(fd, 0) == 0)
                (void)fsync(fd);
}

static int testify(uid_t owner)
{
        int r = root_remount(0), back;

        if (r < 0)
                return complain("the root cannot be made writable", r);
        r = line_add(owner);
        back = root_remount(MS_RDONLY);
        sync();
        if (back == 0 && is_at_rest() == 1)
                return r < 0 ? complain(arg_file, r) : 0;
        line_take_back(owner);
        return complain("the root cannot be made read-only again", back < 0 ? back : -EBUSY);
}

/* 1: go on. Else the program ends: 0, or -EINVAL after a message. */
static int options_parse(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (strncmp(argv[i], "--file=", 7) == 0) {
                        arg_file = argv[i] + 7;
                } else if (strncmp(argv[i], "--mountinfo=", 12) == 0) {
                        arg_mountinfo = argv[i] + 12;
                } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
                        (void)fputs(argv[i][2] == 'h' ? usage : PACKAGE_STRING "\n", stdout);
                        return 0;
                } else if (argv[i][0] == '-') {
                        fprintf(stderr, "%s: unknown to quiesced-witness, see --help\n", argv[i]);
                        return -EINVAL;
                }
        }
        return 1;
}

/* A mountinfo that is not this host's own is a question, and no shutdown. */
static bool only_asks(void)
{
        return strcmp(arg_mountinfo, "/proc/self/mountinfo") != 0;
}

int main(int argc, char **argv)
{
        uid_t owner = 0;
        int r = options_parse(argc, argv);

        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = was_asked(&owner);
        if (r <= 0)
                return r < 0 && complain(arg_file, r) ? EXIT_FAILURE : EXIT_SUCCESS;
        r = is_at_rest();
        if (r < 0)
                (void)complain(arg_mountinfo, r);
        if (r <= 0)
                return EXIT_FAILURE;
        return !only_asks() && testify(owner) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

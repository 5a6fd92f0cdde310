/* SPDX-License-Identifier: Apache-2.0 */

/* quiesced-capture: stages the image of a disk for one client, on the socket that systemd hands to
 * it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "freeze/capture/session.h"
#include "freeze/door.h"

static const char usage[] =
        "Usage: quiesced-capture [OPTIONS]\n"
        "Stages the image of a disk for the client of a socket of systemd's.\n\n"
        "  --help            show this\n"
        "  --version         show the version\n";

/* 1: go on. Else the program ends: 0, or -EINVAL after a message. */
static int options_parse(int argc, char **argv)
{
        if (argc < 2)
                return 1;
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0) {
                (void)fputs(argv[1][2] == 'h' ? usage : PACKAGE_STRING "\n", stdout);
                return 0;
        }
        fprintf(stderr, "%s: unknown to quiesced-capture, see --help\n", argv[1]);
        return -EINVAL;
}

/*
 * In the window, memory must not be had by writing back to what is frozen. Of signals nothing is
 * caught: what a capture holds outside of its process is gone with it.
 */
static void process_harden(void)
{
        (void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
        /* Whatever lies on the disk may be in its memory, and RLIMIT_CORE holds for no pipe: core(5). */
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)!chdir("/");
}

int main(int argc, char **argv)
{
        int r = options_parse(argc, argv), client_fd;
        uid_t uid = (uid_t)-1;

        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        client_fd = door_open();
        if (client_fd < 0) {
                fprintf(stderr,
                        "<3>no SOCK_SEQPACKET socket was passed: start quiesced-capture by "
                        "its socket unit (systemd.socket(5))\n");
                return EXIT_FAILURE;
        }
        process_harden();
        if (door_admits(client_fd, &uid)) {
                capture_session_run(client_fd);
                return EXIT_SUCCESS;
        }
        capture_session_refuse(
                client_fd, EACCES, "only root and the owner of the socket may capture");
        fprintf(stderr, "<4>refused a client of uid %d\n", (int)uid);
        return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* quiesced-freezer: freezes and thaws for one client, on the socket that systemd hands to it. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "freeze/door.h"
#include "freeze/offspring.h"
#include "freeze/session.h"

static const char *arg_ledger_dir = "/run/quiesced/freezer";

static const char usage[] = "Usage: quiesced-freezer [OPTIONS]\n"
                            "Freezes file systems for the client of a socket of systemd's.\n\n"
                            "  --ledger-dir=DIR  in tmpfs, lists what is frozen\n"
                            "                    (default: /run/quiesced/freezer)\n"
                            "  --help            show this\n"
                            "  --version         show the version\n";

/* 1: go on. Else the program ends: 0, or -EINVAL after a message. */
static int options_parse(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (strncmp(argv[i], "--ledger-dir=", 13) == 0) {
                        arg_ledger_dir = argv[i] + 13;
                } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
                        (void)fputs(argv[i][2] == 'h' ? usage : PACKAGE_STRING "\n", stdout);
                        return 0;
                } else {
                        fprintf(stderr, "%s: unknown to quiesced-freezer, see --help\n", argv[i]);
                        return -EINVAL;
                }
        }
        return 1;
}

/* Neither the OOM killer nor memory reclaim that waits for a frozen disk may stop a thaw. */
static void process_harden(void)
{
        _cleanup_(closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void)!write(fd, "-1000", 5);
        (void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
        (void)!chdir("/");
        memory_lock();
}

/* The same mask holds in every forked process: none of those ends before its work is done. */
static int signals_take(void)
{
        sigset_t mask;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        (void)sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void client_serve(int client_fd, int signal_fd)
{
        uid_t uid = (uid_t)-1;

        if (door_admits(client_fd, &uid)) {
                session_run(client_fd, signal_fd, arg_ledger_dir);
                return;
        }
        session_refuse(client_fd, EACCES, "only root and the owner of the socket may freeze");
        fprintf(stderr, "<4>refused a client of uid %d\n", (int)uid);
}

int main(int argc, char **argv)
{
        int r = options_parse(argc, argv), client_fd, signal_fd;

        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        client_fd = door_open();
        if (client_fd < 0) {
                fprintf(stderr, "<3>no SOCK_SEQPACKET socket was passed: start quiesced-freezer by "
                                "its socket unit (systemd.socket(5))\n");
                return EXIT_FAILURE;
        }
        signal_fd = signals_take();
        if (signal_fd < 0)
                return EXIT_FAILURE;
        process_harden();
        client_serve(client_fd, signal_fd);
        return EXIT_SUCCESS;
}

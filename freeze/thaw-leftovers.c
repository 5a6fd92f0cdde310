/* SPDX-License-Identifier: Apache-2.0 */

/* quiesced-thaw: the last net. Thaws what the ledgers of freezers that are gone still list. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "freeze/expedite.h"
#include "freeze/leftover.h"
#include "freeze/moment.h"
#include "freeze/rescue.h"
#include "freeze/target.h"

#define WAIT_MAX_SEC 3600
#define LOOK_USEC UINT64_C(10000)

static const char *arg_ledger_dir = "/run/quiesced/freezer";
static unsigned long arg_wait_sec = 10;

static const char usage[] = "Usage: quiesced-thaw [OPTIONS]\n"
                            "Thaws what a freezer that was killed has left frozen.\n\n"
                            "  --ledger-dir=DIR  where the freezer lists it\n"
                            "                    (default: /run/quiesced/freezer)\n"
                            "  --wait=SECONDS    for file systems that hang (default: 10)\n"
                            "  --help            show this\n"
                            "  --version         show the version\n";

static int wait_parse(const char *value)
{
        char *end;

        arg_wait_sec = strtoul(value, &end, 10);
        if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && arg_wait_sec <= WAIT_MAX_SEC)
                return 0;
        fprintf(stderr, "--wait=%s: not a number of seconds up to %d\n", value, WAIT_MAX_SEC);
        return -EINVAL;
}

/* 1: go on. Else the program ends: 0, or -EINVAL after a message. */
static int options_parse(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (strncmp(argv[i], "--ledger-dir=", 13) == 0) {
                        arg_ledger_dir = argv[i] + 13;
                } else if (strncmp(argv[i], "--wait=", 7) == 0) {
                        if (wait_parse(argv[i] + 7) < 0)
                                return -EINVAL;
                } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
                        (void)fputs(argv[i][2] == 'h' ? usage : PACKAGE_STRING "\n", stdout);
                        return 0;
                } else {
                        fprintf(stderr, "%s: unknown to quiesced-thaw, see --help\n", argv[i]);
                        return -EINVAL;
                }
        }
        return 1;
}

/* 1: a freezer lives and cares for it. -ETIMEDOUT: the deadman of a dead one is still at work. */
static int leftover_claim(const Ledger *ledger, uint64_t end_usec)
{
        while (!ledger_is_locked(ledger, LEDGER_FREEZER)) {
                if (!ledger_is_locked(ledger, LEDGER_DEADMAN))
                        return 0;
                if (moment_usec() >= end_usec)
                        return -ETIMEDOUT;
                moment_sleep(LOOK_USEC);
        }
        return 1;
}

static void mounts_open(const LedgerFile *file, int *mount_fds)
{
        for (unsigned i = 0; i < file->n_mounts; i++) {
                const LedgerMount *mount = &file->mounts[i];

                mount_fds[i] = -EBADF;
                if (ledger_state_is_held(mount->state))
                        (void)target_open(mount->path, mount->major, mount->minor, &mount_fds[i]);
        }
}

/* Whether nothing is held; `mount_fds` tells what could be opened. */
static bool mounts_judge(const LedgerFile *file, const int *mount_fds)
{
        bool all = true;

        for (unsigned i = 0; i < file->n_mounts; i++) {
                const LedgerMount *mount = &file->mounts[i];

                if (!ledger_state_is_held(mount->state))
                        continue;
                all = false;
                fprintf(stderr, "<3>%s (device %u:%u) %s\n", mount->path, mount->major,
                        mount->minor,
                        mount_fds[i] >= 0
                                ? "hangs, and is thawed as soon as its device answers"
                                : "is not mounted there any more: thaw it where it is, with "
                                  "fsfreeze -u");
        }
        return all;
}

/* A rescuer that still hangs when the time is over is left behind, and thaws when it can. */
static int leftover_thaw(const Ledger *ledger, int expedite_fd, uint64_t end_usec)
{
        int mount_fds[FREEZE_MOUNTS_MAX];
        Rescue rescue;
        bool all;
        int r = leftover_claim(ledger, end_usec);

        if (r > 0)
                return r;
        expedite_end(expedite_fd, ledger->file);
        mounts_open(ledger->file, mount_fds);
        if (r == 0) {
                ledger->file->aborted = 1;
                rescue_init(&rescue, ledger, mount_fds);
                (void)rescue_all(&rescue, end_usec);
        }
        all = mounts_judge(ledger->file, mount_fds);
        for (unsigned i = 0; i < ledger->file->n_mounts; i++)
                closep(&mount_fds[i]);
        return all ? 0 : -EUCLEAN;
}

static int leftover_settle(int folder_fd, const char *name, uint64_t end_usec)
{
        _cleanup_(ledger_done) Ledger ledger = LEDGER_INIT;
        _cleanup_(closep) int expedite_fd = expedite_open();
        const char *reason = NULL;
        int r = leftover_open(folder_fd, name, &ledger, &reason);

        if (r == -EBADMSG) {
                fprintf(stderr, "<4>%s/%s %s: removed\n", arg_ledger_dir, name, reason);
                return unlinkat(folder_fd, name, 0) < 0 ? -errno : 0;
        }
        if (r >= 0)
                r = leftover_thaw(&ledger, expedite_fd, end_usec);
        if (r == 0)
                ledger_remove(&ledger);
        else if (r < 0 && r != -EUCLEAN && r != -ENOENT)
                fprintf(stderr, "<3>%s/%s: %s\n", arg_ledger_dir, name, strerror(-r));
        return r == -ENOENT ? 0 : r;
}

static int leftovers_settle(uint64_t end_usec)
{
        _cleanup_(closedirp) DIR *folder = opendir(arg_ledger_dir);
        const struct dirent *entry;
        int result = 0;

        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        while ((entry = readdir(folder))) {
                int r;

                if (strncmp(entry->d_name, LEDGER_PREFIX, strlen(LEDGER_PREFIX)) != 0)
                        continue;
                r = leftover_settle(dirfd(folder), entry->d_name, end_usec);
                if (r < 0)
                        result = r;
        }
        return result;
}

int main(int argc, char **argv)
{
        int r = options_parse(argc, argv);

        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        r = leftovers_settle(moment_usec() + arg_wait_sec * 1000000);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

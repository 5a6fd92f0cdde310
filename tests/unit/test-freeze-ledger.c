/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "freeze/leftover.h"

typedef struct Folder {
        char path[64];
        int fd;
        Ledger ledger;
} Folder;

/* In tmpfs, where alone a ledger may be. */
static int folder_setup(void **state)
{
        Folder *folder = calloc(1, sizeof(*folder));

        strcpy(folder->path, "/dev/shm/quiesced-test-XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(ledger_create(folder->fd, 3, &folder->ledger), 0);
        for (unsigned i = 0; i < 3; i++) {
                folder->ledger.file->mounts[i].group = i / 2;
                strcpy(folder->ledger.file->mounts[i].path, "/data");
        }
        *state = folder;
        return 0;
}

static int folder_teardown(void **state)
{
        Folder *folder = *state;

        (void)unlinkat(folder->fd, folder->ledger.name, 0);
        ledger_done(&folder->ledger);
        (void)close(folder->fd);
        assert_int_equal(rmdir(folder->path), 0);
        free(folder);
        return 0;
}

static int reopen(const Folder *folder, const char **reterr_reason)
{
        _cleanup_(ledger_done) Ledger copy = LEDGER_INIT;

        return leftover_open(folder->fd, folder->ledger.name, &copy, reterr_reason);
}

static void what_was_stored_is_what_another_process_reads(void **state)
{
        Folder *folder = *state;
        const char *reason = NULL;
        Ledger copy;

        folder->ledger.file->mounts[1].state = FREEZE_STATE_FROZEN;
        assert_int_equal(leftover_open(folder->fd, folder->ledger.name, &copy, &reason), 0);
        assert_int_equal(copy.file->n_mounts, 3);
        assert_int_equal(copy.file->mounts[1].state, FREEZE_STATE_FROZEN);
        assert_true(ledger_is_held(&copy));
        copy.file->mounts[1].state = FREEZE_STATE_THAWED;
        assert_false(ledger_is_held(&folder->ledger));
        ledger_done(&copy);
}

/* In a process of its own: closing a second descriptor would end this one's locks. */
static void expect_locks(const Ledger *ledger, bool freezer, bool deadman)
{
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(ledger_is_locked(ledger, LEDGER_FREEZER) != freezer ||
                        ledger_is_locked(ledger, LEDGER_DEADMAN) != deadman);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void a_byte_is_locked_until_its_process_ends(void **state)
{
        Folder *folder = *state;
        int pair[2];
        char byte;
        pid_t pid;

        expect_locks(&folder->ledger, true, false);
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                byte = (char)ledger_lock(&folder->ledger, LEDGER_DEADMAN);
                _exit(write(pair[1], &byte, 1) == 1 && pause() == 0);
        }
        assert_int_equal(read(pair[0], &byte, 1), 1);
        assert_int_equal(byte, 0);
        expect_locks(&folder->ledger, true, true);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        expect_locks(&folder->ledger, true, false);
        (void)close(pair[0]);
        (void)close(pair[1]);
}

static void groups_begin_where_they_begin(void **state)
{
        Folder *folder = *state;

        assert_int_equal(ledger_group_start(folder->ledger.file, 3), 2);
        assert_int_equal(ledger_group_start(folder->ledger.file, 2), 0);
        assert_int_equal(ledger_group_start(folder->ledger.file, 1), 0);
}

static void a_late_thaw_is_forgiven_and_nothing_else(void **state)
{
        Folder *folder = *state;
        LedgerMount *mount = &folder->ledger.file->mounts[0];

        mount->error = 0;
        mount->state = FREEZE_STATE_FROZEN;
        ledger_note_late(mount);
        assert_int_equal(ledger_error(mount), ETIMEDOUT);
        ledger_forgive_late(mount);
        assert_int_equal(ledger_error(mount), 0);
        mount->state = FREEZE_STATE_FREEZING;
        ledger_note_late(mount);
        ledger_forgive_late(mount);
        assert_int_equal(ledger_error(mount), ETIMEDOUT);
        mount->error = EINVAL;
        ledger_note_late(mount);
        ledger_forgive_late(mount);
        assert_int_equal(ledger_error(mount), EINVAL);
}

static void a_folder_that_is_not_in_tmpfs_is_refused(void **state)
{
        _cleanup_(closep) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Ledger ledger;

        assert_int_equal(ledger_create(fd, 1, &ledger), -ENOTSUP);
}

static void expect_distrust(const Folder *folder, const char *expected)
{
        const char *reason = NULL;

        assert_int_equal(reopen(folder, &reason), -EBADMSG);
        assert_string_equal(reason, expected);
}

static void a_corrupt_ledger_is_not_trusted(void **state)
{
        Folder *folder = *state;
        LedgerFile *file = folder->ledger.file;
        const char *reason = NULL;

        assert_int_equal(reopen(folder, &reason), 0);
        file->mounts[2].state = FREEZE_STATE_MAX;
        expect_distrust(folder, "has an unknown state");
        file->mounts[2].state = FREEZE_STATE_FROZEN;
        memset(file->mounts[2].path, '/', sizeof(file->mounts[2].path));
        expect_distrust(folder, "has a path that is none");
        strcpy(file->mounts[2].path, "data");
        expect_distrust(folder, "has a path that is none");
        strcpy(file->mounts[2].path, "/data");
        file->n_mounts = 4;
        expect_distrust(folder, "has the wrong size");
        file->n_mounts = UINT32_MAX;
        expect_distrust(folder, "has the wrong size");
        file->n_mounts = 3;
        file->magic[7]++;
        expect_distrust(folder, "is no ledger of this version");
        file->magic[7]--;
        assert_int_equal(reopen(folder, &reason), 0);
}

static void every_truncation_is_noticed(void **state)
{
        Folder *folder = *state;

        for (size_t size = 0; size < folder->ledger.size; size++)
                assert_non_null(leftover_complaint(folder->ledger.file, size));
        assert_null(leftover_complaint(folder->ledger.file, folder->ledger.size));
}

static void an_empty_a_huge_and_a_special_file_are_not_mapped(void **state)
{
        Folder *folder = *state;
        Ledger other = { .folder_fd = folder->fd };
        const char *reason = NULL;
        int fd = openat(folder->fd, "ledger-x", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(leftover_open(folder->fd, "ledger-x", &other, &reason), -EBADMSG);
        assert_int_equal(ftruncate(fd, 1 << 30), 0);
        assert_int_equal(leftover_open(folder->fd, "ledger-x", &other, &reason), -EBADMSG);
        assert_string_equal(reason, "has the wrong size");
        (void)close(fd);
        assert_int_equal(unlinkat(folder->fd, "ledger-x", 0), 0);
        assert_int_equal(mkfifoat(folder->fd, "ledger-x", 0600), 0);
        assert_int_equal(leftover_open(folder->fd, "ledger-x", &other, &reason), -EBADMSG);
        assert_string_equal(reason, "is no file of root's");
        assert_int_equal(unlinkat(folder->fd, "ledger-x", 0), 0);
        assert_int_equal(symlinkat("/etc/passwd", folder->fd, "ledger-x"), 0);
        assert_int_equal(leftover_open(folder->fd, "ledger-x", &other, &reason), -ELOOP);
        assert_int_equal(unlinkat(folder->fd, "ledger-x", 0), 0);
}

#define ledger_test(function)                                                                      \
        cmocka_unit_test_setup_teardown(function, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(what_was_stored_is_what_another_process_reads),
                ledger_test(a_byte_is_locked_until_its_process_ends),
                ledger_test(groups_begin_where_they_begin),
                ledger_test(a_late_thaw_is_forgiven_and_nothing_else),
                cmocka_unit_test(a_folder_that_is_not_in_tmpfs_is_refused),
                ledger_test(a_corrupt_ledger_is_not_trusted),
                ledger_test(every_truncation_is_noticed),
                ledger_test(an_empty_a_huge_and_a_special_file_are_not_mapped),
        };

        if (geteuid() != 0)
                return puts("1..0 # SKIP only root's ledgers are trusted") < 0;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

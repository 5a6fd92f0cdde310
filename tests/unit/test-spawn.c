/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "tests/unit/unit.h"

static void a_program_gets_its_descriptors_in_order(void **state)
{
        char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"echo one >&3; echo two >&4",
                NULL };
        _cleanup_(closep) int read_end = -EBADF;
        int pipes[2], fds[2], status;
        char text[16] = "";
        pid_t pid;

        assert_return_code(pipe2(pipes, O_CLOEXEC), 0);
        read_end = pipes[0];
        /* Both slots the same pipe, so the order of the lines is the order of the numbers. */
        fds[0] = pipes[1];
        fds[1] = pipes[1];
        assert_return_code(spawn(argv, fds, 2, &pid), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        (void)close(pipes[1]);
        assert_int_equal(read(read_end, text, sizeof(text) - 1), 8);
        assert_string_equal(text, "one\ntwo\n");
}

static void a_program_that_cannot_run_is_an_error(void **state)
{
        char *const argv[] = { (char *)"/nonexistent/program", NULL };
        pid_t pid;

        assert_int_equal(spawn(argv, NULL, 0, &pid), -ENOENT);
}

static void a_wait_status_reads_well(void **state)
{
        char text[WAIT_STATUS_MAX];

        wait_status_format(3 << 8, text);
        assert_string_equal(text, "exit status 3");
        wait_status_format(9, text);
        assert_string_equal(text, "killed by signal 9 (Killed)");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_program_gets_its_descriptors_in_order),
                cmocka_unit_test(a_program_that_cannot_run_is_an_error),
                cmocka_unit_test(a_wait_status_reads_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>

#include "tests/unit/unit.h"

/* What has arrived on standard error, which is a pipe during a test. */
typedef struct Capture {
        int saved, read_end;
        char text[4096];
} Capture;

static void capture_begin(Capture *capture)
{
        int fds[2];

        assert_return_code(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
        capture->read_end = fds[0];
        assert_return_code(dup2(fds[1], STDERR_FILENO), 0);
        (void)close(fds[1]);
}

static void capture_read(Capture *capture)
{
        ssize_t n = read(capture->read_end, capture->text, sizeof(capture->text) - 1);

        capture->text[n > 0 ? n : 0] = '\0';
}

static void capture_end(Capture *capture)
{
        assert_return_code(dup2(capture->saved, STDERR_FILENO), 0);
        (void)close(capture->saved);
        (void)close(capture->read_end);
}

static void held_lines_come_out_in_order_after_release(void **state)
{
        Capture capture;
        bool silent;

        capture_begin(&capture);
        log_hold();
        log_info("first");
        (void)log_error_errno(-ENOENT, "second: %m");
        capture_read(&capture);
        silent = capture.text[0] == '\0';
        log_release();
        capture_read(&capture);
        capture_end(&capture);
        assert_true(silent);
        assert_string_equal(capture.text, "first\nsecond: No such file or directory\n");
}

static void a_flood_while_held_is_bounded_and_counted(void **state)
{
        Capture capture;

        capture_begin(&capture);
        log_hold();
        for (int i = 0; i < 1005; i++)
                log_info("x");
        log_release();
        capture_read(&capture);
        capture_end(&capture);
        assert_non_null(strstr(capture.text, "5 log lines of the frozen window were dropped"));
}

static void an_error_is_returned_even_when_not_shown(void **state)
{
        Capture capture;

        capture_begin(&capture);
        assert_int_equal(log_debug_errno(-EPERM, "quiet"), -EPERM);
        assert_int_equal(log_debug_errno(EPERM, "quiet"), -EPERM);
        capture_read(&capture);
        capture_end(&capture);
        assert_string_equal(capture.text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(held_lines_come_out_in_order_after_release),
                cmocka_unit_test(a_flood_while_held_is_bounded_and_counted),
                cmocka_unit_test(an_error_is_returned_even_when_not_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

typedef struct Pair {
        int fds[2];
        JsonStream left, right;
} Pair;

static int pair_setup(void **state)
{
        Pair *pair = calloc(1, sizeof(*pair));

        *state = pair;
        if (!pair || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair->fds) < 0)
                return -1;
        json_stream_init(&pair->left, pair->fds[0]);
        json_stream_init(&pair->right, pair->fds[1]);
        return 0;
}

static int pair_teardown(void **state)
{
        Pair *pair = *state;

        json_stream_done(&pair->left);
        json_stream_done(&pair->right);
        closep(&pair->fds[0]);
        closep(&pair->fds[1]);
        free(pair);
        return 0;
}

static void objects_cross_one_a_line(void **state)
{
        _cleanup_(json_decrefp) json_t *sent = json_pack("{s:s,s:I}", "step", "a\nb", "n", 7LL);
        _cleanup_(json_decrefp) json_t *first = NULL, *second = NULL, *none = NULL;
        Pair *pair = *state;

        assert_return_code(json_stream_write(&pair->left, sent), 0);
        assert_return_code(json_stream_write(&pair->left, sent), 0);
        assert_int_equal(json_stream_read(&pair->right, &first), 1);
        assert_int_equal(json_stream_read(&pair->right, &second), 1);
        assert_true(json_equal(first, sent) && json_equal(second, sent));
        assert_int_equal(json_stream_read(&pair->right, &none), -EAGAIN);
        assert_string_equal(json_get_string(first, "step", "?"), "a\nb");
        assert_int_equal(json_get_u64(first, "n", 0), 7);
        assert_int_equal(json_get_u64(first, "step", 3), 3);
        assert_true(json_get_bool(first, "none", true));
}

static void a_large_object_crosses_in_pieces(void **state)
{
        _cleanup_(freep) char *text = malloc(60001);
        _cleanup_(json_decrefp) json_t *sent = NULL, *got = NULL;
        Pair *pair = *state;

        memset(text, 'x', 60000);
        text[60000] = '\0';
        sent = json_pack("{s:s}", "text", text);
        assert_return_code(json_stream_write(&pair->left, sent), 0);
        assert_int_equal(json_stream_read(&pair->right, &got), 1);
        assert_true(json_equal(got, sent));
}

/* More than a socket holds: another process reads it, late. */
static void a_reader_that_is_behind_is_waited_for(void **state)
{
        _cleanup_(freep) char *text = malloc(JSON_LINE_MAX);
        _cleanup_(json_decrefp) json_t *sent = NULL, *got = NULL;
        Pair *pair = *state;
        int status;
        pid_t reader;

        memset(text, 'x', JSON_LINE_MAX - 100);
        text[JSON_LINE_MAX - 100] = '\0';
        sent = json_pack("{s:s}", "text", text);
        assert_int_equal(json_stream_write(&pair->left, sent), -EAGAIN);
        while (recv(pair->fds[1], text, JSON_LINE_MAX, MSG_DONTWAIT) > 0)
                ;
        pair->left.write_wait_ms = 10000;
        reader = fork();
        assert_return_code(reader, errno);
        if (reader == 0) {
                int r;

                do {
                        (void)usleep(1000);
                        r = json_stream_read(&pair->right, &got);
                } while (r == -EAGAIN);
                _exit(r != 1 || !json_equal(got, sent));
        }
        assert_return_code(json_stream_write(&pair->left, sent), 0);
        assert_int_equal(waitpid(reader, &status, 0), reader);
        assert_int_equal(status, 0);
}

static void what_is_no_object_is_refused(void **state)
{
        static const char *const lines[] = { "[1]\n", "rubbish\n", "{\"a\":1,\"a\":2}\n", "\n" };
        Pair *pair = *state;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(json_decrefp) json_t *got = NULL;

                assert_int_equal(write(pair->fds[0], lines[i], strlen(lines[i])), strlen(lines[i]));
                assert_int_equal(json_stream_read(&pair->right, &got), -EBADMSG);
        }
}

static void a_stream_ends_between_objects_only(void **state)
{
        _cleanup_(json_decrefp) json_t *got = NULL;
        Pair *pair = *state;

        assert_int_equal(write(pair->fds[0], "{\"half\"", 7), 7);
        assert_return_code(shutdown(pair->fds[0], SHUT_WR), 0);
        assert_int_equal(json_stream_read(&pair->right, &got), -EBADMSG);
}

static void the_end_of_the_stream_is_no_error(void **state)
{
        _cleanup_(json_decrefp) json_t *got = NULL;
        Pair *pair = *state;

        assert_return_code(shutdown(pair->fds[0], SHUT_WR), 0);
        assert_int_equal(json_stream_read(&pair->right, &got), 0);
}

static void a_line_over_the_limit_is_refused_by_both_ends(void **state)
{
        _cleanup_(freep) char *text = malloc(JSON_LINE_MAX + 1);
        _cleanup_(json_decrefp) json_t *sent = NULL, *got = NULL;
        Pair *pair = *state;
        int r = -EAGAIN;

        memset(text, 'x', JSON_LINE_MAX);
        text[JSON_LINE_MAX] = '\0';
        sent = json_pack("{s:s}", "text", text);
        assert_int_equal(json_stream_write(&pair->left, sent), -EMSGSIZE);
        while (r == -EAGAIN) {
                (void)!write(pair->fds[0], text, 65536);
                r = json_stream_read(&pair->right, &got);
        }
        assert_int_equal(r, -EMSGSIZE);
}

static void a_text_of_any_bytes_becomes_one_of_utf8(void **state)
{
        static const struct {
                const char *text, *expected;
        } cases[] = { { "/data", "/data" }, { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
                { "caf\xe9", "caf\\351" }, { "", "" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decrefp) json_t *text = json_text(cases[i].text);

                assert_string_equal(json_string_value(text), cases[i].expected);
        }
        assert_null(json_text(NULL));
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_text_of_any_bytes_becomes_one_of_utf8),
                PAIR_TEST(objects_cross_one_a_line),
                PAIR_TEST(a_large_object_crosses_in_pieces),
                PAIR_TEST(a_reader_that_is_behind_is_waited_for),
                PAIR_TEST(what_is_no_object_is_refused),
                PAIR_TEST(a_stream_ends_between_objects_only),
                PAIR_TEST(the_end_of_the_stream_is_no_error),
                PAIR_TEST(a_line_over_the_limit_is_refused_by_both_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

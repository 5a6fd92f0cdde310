/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "freeze/capture/client.h"
#include "freeze/packet.h"

#define PACKETS_MAX 8

/* What a capture that is none answers, after so many requests each, and then it ends. */
typedef struct Script {
        size_t n_packets;
        struct {
                size_t size;
                unsigned n_requests;
                union {
                        CaptureHeader header;
                        CaptureReport report;
                        CaptureRemovals removals;
                        CaptureError error;
                } data;
                bool has_descriptor;
        } packets[PACKETS_MAX];
} Script;

typedef struct Fake {
        char folder[64];
        char path[96];
        pid_t pid;
        CaptureClient *client;
} Fake;

static const CapturePlace places[] = {
        { .path = "/", .major = 8, .minor = 1 },
        { .path = "/boot", .major = 8, .minor = 2 },
};
static const CaptureOrder order = {
        .job = "job",
        .major = 8,
        .places = places,
        .n_places = 2,
};

static void script_play(int listen_fd, const Script *script)
{
        static char request[16384];
        int fd = accept(listen_fd, NULL, NULL), null_fd = open("/dev/null", O_RDONLY);

        for (size_t i = 0; i < script->n_packets; i++) {
                const void *data = &script->packets[i].data;
                size_t size = script->packets[i].size;

                for (unsigned n = 0; n < script->packets[i].n_requests; n++)
                        if (recv(fd, request, sizeof(request), 0) <= 0)
                                _exit(1);
                if (script->packets[i].has_descriptor
                                ? packet_send_descriptor(fd, data, size, null_fd) < 0
                                : packet_send(fd, data, size) < 0)
                        _exit(1);
        }
        _exit(0);
}

static void fake_start(Fake *fake, const Script *script)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        strcpy(fake->folder, "/tmp/quiesced-test-XXXXXX");
        assert_non_null(mkdtemp(fake->folder));
        (void)snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->folder);
        strcpy(address.sun_path, fake->path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
        fake->pid = fork();
        if (fake->pid == 0)
                script_play(fd, script);
        (void)close(fd);
        assert_int_equal(capture_connect(fake->path, &fake->client), 0);
}

static void fake_stop(Fake *fake)
{
        fake->client = capture_free(fake->client);
        assert_int_equal(waitpid(fake->pid, NULL, 0), fake->pid);
        assert_int_equal(unlink(fake->path), 0);
        assert_int_equal(rmdir(fake->folder), 0);
}

static CaptureReport *script_report(Script *script, CaptureType type, unsigned n_requests)
{
        size_t i = script->n_packets++;

        script->packets[i].n_requests = n_requests;
        script->packets[i].size = sizeof(CaptureReport);
        script->packets[i].data.header =
                (CaptureHeader){ .version = CAPTURE_VERSION, .type = type };
        return &script->packets[i].data.report;
}

static CaptureRemovals *script_removals(Script *script)
{
        size_t i = script->n_packets;

        (void)script_report(script, CAPTURE_SCRUBBED, 2);
        script->packets[i].size = sizeof(CaptureRemovals);
        return &script->packets[i].data.removals;
}

static void a_capture_that_goes_well_returns_0_all_the_way(void **state)
{
        Script script = { 0 };
        CaptureRemovals *removals;
        Fake fake;
        int fd = -EBADF;

        script_report(&script, CAPTURE_READY, 3)->size_bytes = 77;
        script_report(&script, CAPTURE_PASSED, 1)->changed_bytes = 4096;
        script_report(&script, CAPTURE_CAUGHT, 1)->span_usec = 5;
        removals = script_removals(&script);
        removals->n_removed = removals->n_listed = 2;
        memcpy(removals->list, "/a\0/b", 6);
        script.packets[script.n_packets].has_descriptor = true;
        script_report(&script, CAPTURE_KEPT, 1)->size_bytes = 78;

        fake_start(&fake, &script);
        assert_int_equal(capture_begin(fake.client, &order), 0);
        assert_int_equal(capture_report(fake.client)->size_bytes, 77);
        assert_int_equal(capture_passes(fake.client), 0);
        assert_int_equal(capture_final(fake.client, 1000000), 0);
        assert_int_equal(capture_report(fake.client)->span_usec, 5);
        assert_int_equal(capture_rule(fake.client, CAPTURE_RULE_EXCLUDE, "*.tmp"), 0);
        assert_int_equal(capture_scrub(fake.client, 0), 0);
        assert_string_equal(capture_removals(fake.client)->list, "/a");
        assert_int_equal(capture_keep(fake.client, &fd), 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(close(fd), 0);
        assert_string_equal(capture_client_error(fake.client), "");
        fake_stop(&fake);
}

static void passes_go_on_while_they_help(void **state)
{
        static const uint64_t changed_mib[] = { 1000, 300, 100, 90 };
        Script script = { 0 };
        Fake fake;

        for (size_t i = 0; i < 4; i++)
                script_report(&script, CAPTURE_PASSED, 1)->changed_bytes = changed_mib[i] << 20;
        fake_start(&fake, &script);
        assert_int_equal(capture_passes(fake.client), 0);
        assert_int_equal(capture_report(fake.client)->changed_bytes, UINT64_C(90) << 20);
        fake_stop(&fake);
}

static void a_refusal_says_why(void **state)
{
        Script script = { 0 };
        CaptureError error = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_ERROR },
                .error = ENOSPC,
                .text = "/x is full: make room",
        };
        Fake fake;

        script.packets[0].data.error = error;
        script.packets[0].size = sizeof(error);
        script.packets[0].n_requests = 1;
        script.n_packets = 1;
        fake_start(&fake, &script);
        assert_int_equal(capture_pass(fake.client), CAPTURE_E_REFUSED);
        assert_string_equal(capture_client_error(fake.client), "/x is full: make room");
        fake_stop(&fake);
}

static void an_answer_to_something_else_is_malformed(void **state)
{
        Script script = { 0 };
        Fake fake;

        (void)script_report(&script, CAPTURE_CAUGHT, 1);
        fake_start(&fake, &script);
        assert_int_equal(capture_pass(fake.client), -EBADMSG);
        fake_stop(&fake);
}

static void a_list_that_does_not_end_is_malformed(void **state)
{
        Script script = { 0 };
        CaptureRemovals *removals = script_removals(&script);
        Fake fake;

        removals->n_removed = removals->n_listed = 2;
        memset(removals->list, 'x', sizeof(removals->list));
        fake_start(&fake, &script);
        assert_int_equal(capture_rule(fake.client, CAPTURE_RULE_INCLUDE, "x"), 0);
        assert_int_equal(capture_scrub(fake.client, 0), -EBADMSG);
        fake_stop(&fake);
}

static void an_image_without_a_descriptor_is_malformed(void **state)
{
        Script script = { 0 };
        Fake fake;
        int fd = -EBADF;

        (void)script_report(&script, CAPTURE_KEPT, 1);
        fake_start(&fake, &script);
        assert_int_equal(capture_take_fd(fake.client, "job", NULL, &fd), -EBADMSG);
        assert_int_equal(fd, -EBADF);
        fake_stop(&fake);
}

static void a_capture_that_dies_is_an_error_that_names_the_socket(void **state)
{
        Script script = { 0 };
        Fake fake;

        fake_start(&fake, &script);
        assert_int_equal(capture_pass(fake.client), -ECONNRESET);
        assert_non_null(strstr(capture_client_error(fake.client), fake.path));
        fake_stop(&fake);
}

static void what_does_not_fit_is_not_sent(void **state)
{
        char pattern[CAPTURE_PATTERN_MAX + 1];
        Script script = { 0 };
        Fake fake;

        memset(pattern, 'x', sizeof(pattern) - 1);
        pattern[sizeof(pattern) - 1] = '\0';
        fake_start(&fake, &script);
        assert_int_equal(capture_rule(fake.client, CAPTURE_RULE_INCLUDE, pattern), -ENAMETOOLONG);
        fake_stop(&fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_capture_that_goes_well_returns_0_all_the_way),
                cmocka_unit_test(passes_go_on_while_they_help),
                cmocka_unit_test(a_refusal_says_why),
                cmocka_unit_test(an_answer_to_something_else_is_malformed),
                cmocka_unit_test(a_list_that_does_not_end_is_malformed),
                cmocka_unit_test(an_image_without_a_descriptor_is_malformed),
                cmocka_unit_test(a_capture_that_dies_is_an_error_that_names_the_socket),
                cmocka_unit_test(what_does_not_fit_is_not_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "freeze/client.h"

#define PACKETS_MAX 4

/* What a freezer that is none answers, one packet for each request, and then it ends. */
typedef struct Script {
        size_t n_packets;
        struct {
                size_t size;
                union {
                        FreezeHeader header;
                        FreezeReport report;
                        FreezeError error;
                } data;
                unsigned n_requests; /* read before it is sent */
        } packets[PACKETS_MAX];
} Script;

typedef struct Fake {
        char folder[64];
        char path[96];
        pid_t pid;
        FreezerClient *client;
} Fake;

static const FreezerMount mounts[] = {
        { .path = "/a", .major = 8, .minor = 1, .group = 0 },
        { .path = "/b", .major = 8, .minor = 2, .group = 1 },
};

static void script_play(int listen_fd, const Script *script)
{
        int fd = accept(listen_fd, NULL, NULL);
        char request[8192];

        for (size_t i = 0; i < script->n_packets; i++) {
                for (unsigned n = 0; n < script->packets[i].n_requests; n++)
                        if (recv(fd, request, sizeof(request), 0) <= 0)
                                _exit(1);
                if (send(fd, &script->packets[i].data, script->packets[i].size, MSG_NOSIGNAL) < 0)
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
        assert_int_equal(freezer_client_new(fake->path, &fake->client), 0);
}

static void fake_stop(Fake *fake)
{
        fake->client = freezer_client_free(fake->client);
        assert_int_equal(waitpid(fake->pid, NULL, 0), fake->pid);
        assert_int_equal(unlink(fake->path), 0);
        assert_int_equal(rmdir(fake->folder), 0);
}

static FreezeReport *script_report(Script *script, FreezeType type, FreezeReason reason)
{
        size_t i = script->n_packets++;
        FreezeReport *report = &script->packets[i].data.report;

        *report = (FreezeReport){
                .header = { .version = FREEZE_VERSION, .type = type },
                .reason = reason,
                .n_mounts = ELEMENTSOF(mounts),
        };
        script->packets[i].size = offsetof(FreezeReport, mounts[ELEMENTSOF(mounts)]);
        script->packets[i].n_requests = type == FREEZE_PREPARED ? 1 + ELEMENTSOF(mounts) : 1;
        return report;
}

static int plan(Fake *fake)
{
        return freezer_client_plan(fake->client, mounts, ELEMENTSOF(mounts), 1000000, 0);
}

static void a_freeze_that_goes_well_returns_0_all_the_way(void **state)
{
        Script script = { 0 };
        Fake fake;

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE);
        script_report(&script, FREEZE_SYNCED, FREEZE_REASON_NONE)->n_sync_rounds = 2;
        script_report(&script, FREEZE_FROZEN, FREEZE_REASON_NONE)->frozen_at_usec = 7;
        script_report(&script, FREEZE_THAWED, FREEZE_REASON_ASKED)->mounts[1].thaw_usec = 5;
        fake_start(&fake, &script);
        assert_int_equal(plan(&fake), 0);
        assert_int_equal(freezer_client_sync(fake.client), 0);
        assert_int_equal(freezer_client_report(fake.client)->n_sync_rounds, 2);
        assert_int_equal(freezer_client_freeze(fake.client), 0);
        assert_int_equal(freezer_client_report(fake.client)->frozen_at_usec, 7);
        assert_int_equal(freezer_client_thaw(fake.client), 0);
        assert_int_equal(freezer_client_report(fake.client)->mounts[1].thaw_usec, 5);
        assert_string_equal(freezer_client_error(fake.client), "");
        fake_stop(&fake);
}

static void expect_plan_outcome(const FreezeMountReport *second, int outcome, const char *error)
{
        Script script = { 0 };
        Fake fake;

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_FAILED)->mounts[1] = *second;
        fake_start(&fake, &script);
        assert_int_equal(plan(&fake), outcome);
        assert_string_equal(freezer_client_error(fake.client), error);
        fake_stop(&fake);
}

static void a_mount_that_fails_is_named(void **state)
{
        expect_plan_outcome(&(FreezeMountReport){ FREEZE_STATE_FAILED, ESTALE, 0, 0 },
                FREEZER_E_VANISHED, "/b is not mounted there any more");
        expect_plan_outcome(&(FreezeMountReport){ FREEZE_STATE_FAILED, EEXIST, 0, 0 },
                FREEZER_E_FAILED,
                "/b is on the same file system as another mount of the plan: name it once");
        expect_plan_outcome(&(FreezeMountReport){ FREEZE_STATE_FAILED, EACCES, 0, 0 },
                FREEZER_E_FAILED, "/b: Permission denied");
}

static void expect_freeze_outcome(FreezeReason reason, FreezeMountReport first, int outcome,
        const char *error)
{
        Script script = { 0 };
        Fake fake;

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE);
        script_report(&script, FREEZE_THAWED, reason)->mounts[0] = first;
        fake_start(&fake, &script);
        assert_int_equal(plan(&fake), 0);
        assert_int_equal(freezer_client_freeze(fake.client), outcome);
        assert_string_equal(freezer_client_error(fake.client), error);
        fake_stop(&fake);
}

static void every_way_for_a_freeze_to_fail_has_its_outcome(void **state)
{
        const FreezeMountReport well = { FREEZE_STATE_THAWED, 0, 0, 0 };

        expect_freeze_outcome(FREEZE_REASON_FAILED,
                (FreezeMountReport){ FREEZE_STATE_FOREIGN, EBUSY, 0, 0 }, FREEZER_E_FOREIGN,
                "/a is frozen by somebody else");
        expect_freeze_outcome(FREEZE_REASON_FAILED,
                (FreezeMountReport){ FREEZE_STATE_FAILED, EOPNOTSUPP, 0, 0 }, FREEZER_E_FAILED,
                "/a is of a type that cannot be frozen: exclude it");
        expect_freeze_outcome(FREEZE_REASON_DEADLINE,
                (FreezeMountReport){ FREEZE_STATE_FREEZING, ETIMEDOUT, 0, 0 }, FREEZER_E_TIMEOUT,
                "/a does not answer; it is thawed as soon as it does");
        expect_freeze_outcome(FREEZE_REASON_DEADLINE, well, FREEZER_E_TIMEOUT,
                "The time of the freeze ended before its work was done");
        expect_freeze_outcome(FREEZE_REASON_BROKEN,
                (FreezeMountReport){ FREEZE_STATE_THAWED, ETIMEDOUT, 0, 0 }, FREEZER_E_BROKEN,
                "A process of quiesced-freezer was killed, and the others have thawed");
        expect_freeze_outcome(FREEZE_REASON_STOPPED, well, FREEZER_E_BROKEN,
                "quiesced-freezer was told to stop, and has thawed");
}

static void a_thaw_that_somebody_else_was_first_with_is_no_success(void **state)
{
        Script script = { 0 };
        Fake fake;

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE);
        script_report(&script, FREEZE_FROZEN, FREEZE_REASON_NONE);
        script_report(&script, FREEZE_THAWED, FREEZE_REASON_ASKED)->mounts[1].error = EINVAL;
        fake_start(&fake, &script);
        assert_int_equal(plan(&fake), 0);
        assert_int_equal(freezer_client_freeze(fake.client), 0);
        assert_int_equal(freezer_client_thaw(fake.client), FREEZER_E_BROKEN);
        assert_string_equal(freezer_client_error(fake.client),
                "/b did not stay frozen: somebody else has thawed it");
        fake_stop(&fake);
}

static void a_refusal_is_told_in_its_own_words(void **state)
{
        static const int errors[][2] = { { EBUSY, FREEZER_E_BUSY }, { EACCES, FREEZER_E_DENIED },
                { EPROTO, FREEZER_E_REFUSED } };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                Script script = { .n_packets = 1 };
                Fake fake;

                script.packets[0].n_requests = 1;
                script.packets[0].size = sizeof(FreezeError);
                script.packets[0].data.error = (FreezeError){
                        .header = { .version = FREEZE_VERSION, .type = FREEZE_ERROR },
                        .error = errors[i][0],
                        .text = "because",
                };
                fake_start(&fake, &script);
                assert_int_equal(plan(&fake), errors[i][1]);
                assert_string_equal(freezer_client_error(fake.client), "because");
                fake_stop(&fake);
        }
}

static void expect_rubbish(const Script *script)
{
        Fake fake;

        fake_start(&fake, script);
        assert_int_equal(plan(&fake), -EBADMSG);
        fake_stop(&fake);
}

static void an_answer_that_is_not_sound_is_rubbish(void **state)
{
        Script script = { 0 };

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE);
        script.packets[0].size--;
        expect_rubbish(&script);
        script.packets[0].size = sizeof(FreezeHeader) - 1;
        expect_rubbish(&script);
        script.packets[0].size = offsetof(FreezeReport, mounts[3]);
        script.packets[0].data.report.n_mounts = 3;
        expect_rubbish(&script);
        script.n_packets = 0;
        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE)->header.version++;
        expect_rubbish(&script);
        script.n_packets = 0;
        script_report(&script, FREEZE_FROZEN, FREEZE_REASON_NONE);
        script.packets[0].n_requests = 3;
        expect_rubbish(&script);
}

static void a_freezer_that_dies_is_an_error_that_names_the_socket(void **state)
{
        Script script = { 0 };
        Fake fake;

        script_report(&script, FREEZE_PREPARED, FREEZE_REASON_NONE);
        fake_start(&fake, &script);
        assert_int_equal(plan(&fake), 0);
        assert_int_equal(freezer_client_freeze(fake.client), -ECONNRESET);
        assert_non_null(strstr(freezer_client_error(fake.client), fake.path));
        fake_stop(&fake);
}

static void no_freezer_is_told_at_once(void **state)
{
        FreezerClient *client = NULL;
        char path[200];

        assert_int_equal(freezer_client_new("/nonexistent/socket", &client), -ENOENT);
        memset(path, 'x', sizeof(path));
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(freezer_client_new(path, &client), -ENAMETOOLONG);
        assert_null(client);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_freeze_that_goes_well_returns_0_all_the_way),
                cmocka_unit_test(a_mount_that_fails_is_named),
                cmocka_unit_test(every_way_for_a_freeze_to_fail_has_its_outcome),
                cmocka_unit_test(a_thaw_that_somebody_else_was_first_with_is_no_success),
                cmocka_unit_test(a_refusal_is_told_in_its_own_words),
                cmocka_unit_test(an_answer_that_is_not_sound_is_rubbish),
                cmocka_unit_test(a_freezer_that_dies_is_an_error_that_names_the_socket),
                cmocka_unit_test(no_freezer_is_told_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

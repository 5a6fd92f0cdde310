/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job.h"

#include <signal.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/job-id.h"
#include "tests/unit/unit.h"

/* What the owner of a job was asked, in order. */
typedef struct Owner {
        sd_event *event;
        Text calls;
        JobState ended;
} Owner;

static void owner_changed(void *userdata, Job *job, const char *const *properties)
{
        Owner *owner = userdata;

        for (; *properties; properties++)
                assert_return_code(text_addf(&owner->calls, "%s ", *properties), 0);
}

static void owner_facts(void *userdata, const json_t *report)
{
        Owner *owner = userdata;

        assert_return_code(
                text_addf(&owner->calls, "facts:%s ", json_get_string(report, "report", "")), 0);
}

static void owner_prepare(void *userdata, Job *job)
{
        _cleanup_(json_decrefp) json_t *participants = json_pack(
                "[{s:s, s:b}, {s:s, s:b}]", "who", "a", "agreed", 1, "who", "b", "agreed", 0);
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, "prepare "), 0);
        job_prepared(job, participants);
}

static void owner_frozen(void *userdata, Job *job, bool frozen)
{
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, frozen ? "frozen " : "thawed "), 0);
}

static void owner_held(void *userdata, Job *job)
{
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, "held "), 0);
        job_thaw(job);
}

static void owner_released(void *userdata, Job *job)
{
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, "released "), 0);
}

static void owner_followed(void *userdata, Job *job)
{
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, "followed "), 0);
}

static void owner_wish(void *userdata, Job *job, const json_t *report)
{
        Owner *owner = userdata;

        if (!report)
                return;
        assert_return_code(text_add(&owner->calls, "wish "), 0);
        job_seen(job, json_get_u64(report, "serial", 0), json_pack("{s:b}", "blind", 1));
}

static void owner_ended(void *userdata, Job *job)
{
        Owner *owner = userdata;

        assert_return_code(text_add(&owner->calls, "ended"), 0);
        owner->ended = job->state;
        assert_return_code(sd_event_exit(owner->event, 0), 0);
}

static const JobOwner recorder = { owner_changed, owner_facts, owner_prepare, owner_frozen,
        owner_held, owner_released, owner_followed, owner_wish, owner_ended };

/* A worker that is a shell script: its request is on descriptor 3, and its reports go there. */
static void write_worker(const char *folder, const char *script)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;

        assert_return_code(string_printf(&path, "%s/worker", folder), 0);
        assert_return_code(string_printf(&text, "#!/bin/sh\nread request <&3\n%s\n", script), 0);
        assert_return_code(file_replace(path, text, strlen(text), 0700), 0);
        assert_return_code(setenv("QUIESCED_WORKER", path, 1), 0);
        assert_return_code(setenv("STATE_DIRECTORY", folder, 1), 0);
}

static void owner_begin(Owner *owner, const char *kind, Job **ret)
{
        const JobRequest request = { .verb = streq(kind, "freeze") ? "freeze" : "bake",
                .kind = kind };
        sigset_t mask;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGCHLD);
        assert_return_code(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
        log_set_level(-1);
        *owner = (Owner){ .ended = JOB_STATE_INVALID };
        assert_return_code(sd_event_new(&owner->event), 0);
        assert_return_code(job_new(&request, &recorder, owner, ret), 0);
}

static void owner_end(Owner *owner, Job *job)
{
        (void)job_free(job);
        text_done(&owner->calls);
        (void)sd_event_unref(owner->event);
}

static void run_worker(void **state, const char *kind, const char *script, Owner *owner, Job **ret)
{
        write_worker(*state, script);
        owner_begin(owner, kind, ret);
        job_start(*ret, owner->event);
        assert_return_code(sd_event_loop(owner->event), 0);
}

static void a_job_follows_what_its_worker_reports(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "image",
                "echo '{\"report\":\"step\",\"step\":\"cut\"}' >&3\n"
                "echo '{\"report\":\"identity\"}' >&3\n"
                "echo '{\"report\":\"thawed\",\"frozen-usec\":42,\"phases\":{\"sync\":1}}' >&3\n"
                "echo '{\"report\":\"secured\",\"snapshots\":[\"snap-1\"]}' >&3\n"
                "echo '{\"report\":\"progress\",\"percent\":50}' >&3\n"
                "echo '{\"report\":\"result\",\"result\":\"done\",\"image\":\"ami-1\"}' >&3",
                &owner, &job);
        assert_string_equal(owner.calls.data, "State Step facts:identity FrozenUSec Phases "
                                              "State Images Snapshots Consistency followed "
                                              "Progress ended");
        assert_int_equal(owner.ended, JOB_DONE);
        assert_string_equal(job->step, "cut");
        assert_string_equal(job->image, "ami-1");
        assert_int_equal(job->percent, 50);
        assert_int_equal(job->frozen_usec, 42);
        assert_int_equal(json_array_size(job->snapshots), 1);
        owner_end(&owner, job);
}

static void what_is_only_followed_freezes_no_more(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "image",
                "echo '{\"report\":\"prepare\"}' >&3\nread reply <&3\n"
                "echo '{\"report\":\"freezing\"}' >&3\n"
                "echo '{\"report\":\"followed\"}' >&3\n" /* not while it is frozen */
                "echo '{\"report\":\"thawed\"}' >&3\n"
                "echo '{\"report\":\"followed\"}' >&3\n"
                "echo '{\"report\":\"prepare\"}' >&3\n"
                "echo '{\"report\":\"freezing\"}' >&3\n"
                "echo '{\"report\":\"result\",\"result\":\"failed\"}' >&3",
                &owner, &job);
        assert_string_equal(owner.calls.data, "State prepare Participants frozen thawed released "
                                              "FrozenUSec Phases followed ended");
        owner_end(&owner, job);
}

static void a_wish_is_answered_with_its_serial(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "image",
                "echo '{\"report\":\"wish\",\"serial\":7}' >&3\n"
                "read reply <&3\n"
                "[ \"$reply\" = '{\"reply\":\"look\",\"serial\":7,\"sight\":{\"blind\":true}}' ] || "
                "exit 9\n"
                "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3",
                &owner, &job);
        assert_int_equal(owner.ended, JOB_DONE);
        assert_string_equal(owner.calls.data, "State wish ended");
        owner_end(&owner, job);
}

static void what_is_past_its_point_in_time_needs_no_host(void **state)
{
        static const struct {
                const char *record;
                bool needs_host;
        } cases[] = {
                { "{\"state\":\"planned\"}", true },
                { "{\"state\":\"cutting\"}", true },
                { "{\"state\":\"cut\"}", false },
                { "{\"state\":\"made\"}", false },
                { "{\"state\":\"undoing\", \"method\":\"register\"}", false },
                { "{\"state\":\"undoing\", \"method\":\"reboot\"}", true },
                { "{\"state\":\"removing\", \"cutting-usec\":5}", false },
                { "{\"state\":\"removing\", \"cutting-usec\":0}", false },
                { "{\"state\":7}", true },
        };

        assert_true(job_record_needs_host(NULL));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decrefp) json_t *record = json_loads(cases[i].record, 0, NULL);

                assert_int_equal(job_record_needs_host(record), cases[i].needs_host);
        }
}

static void a_worker_is_told_how_many_have_agreed(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "bake",
                "echo '{\"report\":\"prepare\"}' >&3\n"
                "read reply <&3\n"
                "[ \"$reply\" = '{\"reply\":\"prepared\",\"participants\":2,\"agreed\":1}' ] || "
                "exit 9\n"
                "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3",
                &owner, &job);
        assert_int_equal(owner.ended, JOB_DONE);
        assert_string_equal(owner.calls.data, "State prepare Participants released ended");
        owner_end(&owner, job);
}

static void what_was_frozen_is_free_again_when_the_worker_dies(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "bake",
                "echo '{\"report\":\"prepare\"}' >&3\nread reply <&3\n"
                "echo '{\"report\":\"freezing\"}' >&3\nkill -KILL $$",
                &owner, &job);
        assert_int_equal(owner.ended, JOB_FAILED);
        assert_string_equal(owner.calls.data,
                "State prepare Participants frozen thawed released ended");
        assert_string_equal(job->error, "org.quiesced1.Error.WorkerDied");
        assert_non_null(strstr(job->message, "killed by signal 9"));
        owner_end(&owner, job);
}

static void a_freeze_is_held_until_it_is_let_go(void **state)
{
        Owner owner;
        Job *job;

        run_worker(state, "freeze",
                "echo '{\"report\":\"freezing\"}' >&3\necho '{\"report\":\"frozen\"}' >&3\n"
                "read reply <&3\n[ \"$reply\" = '{\"request\":\"thaw\"}' ] || exit 9\n"
                "echo '{\"report\":\"thawed\",\"frozen-usec\":7}' >&3\n"
                "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3",
                &owner, &job);
        assert_int_equal(owner.ended, JOB_DONE);
        assert_string_equal(owner.calls.data, "State frozen held thawed FrozenUSec Phases ended");
        owner_end(&owner, job);
}

/* The record makes the second worker; its verb tells it from the first. */
static void a_dead_workers_record_is_resumed_by_another(void **state)
{
        _cleanup_(freep) char *script = NULL;
        Owner owner;
        Job *job;

        owner_begin(&owner, "image", &job);
        assert_return_code(
                string_printf(&script,
                        "case $request in *resume*)\n"
                        "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3; exit;;\nesac\n"
                        "mkdir -p '%s/jobs'\n"
                        "echo '{\"id\":\"%s\",\"state\":\"cut\"}' >'%s/jobs/%s.json'\n"
                        "kill -KILL $$",
                        (char *)*state, job->id, (char *)*state, job->id),
                0);
        write_worker(*state, script);
        job_start(job, owner.event);
        assert_return_code(sd_event_loop(owner.event), 0);
        assert_int_equal(owner.ended, JOB_DONE);
        assert_string_equal(owner.calls.data, "State State ended");
        owner_end(&owner, job);
}

/* Longer than a shell takes to speak first, on a machine that is busy with other things. */
#define SILENCE_USEC (2000 * UINT64_C(1000))

static void run_silent_worker(void **state, const char *script, bool cancel, Owner *owner, Job **ret)
{
        write_worker(*state, script);
        owner_begin(owner, "image", ret);
        (*ret)->silence_max_usec = SILENCE_USEC;
        job_start(*ret, owner->event);
        if (cancel)
                job_cancel(*ret);
        assert_return_code(sd_event_loop(owner->event), 0);
}

static void a_worker_that_hangs_is_killed(void **state)
{
        Owner owner;
        Job *job;

        run_silent_worker(state,
                "echo '{\"report\":\"step\",\"step\":\"complete\"}' >&3\nkill -STOP $$",
                /* cancel= */ false, &owner, &job);
        assert_int_equal(owner.ended, JOB_FAILED);
        assert_string_equal(job->error, "org.quiesced1.Error.WorkerDied");
        assert_non_null(strstr(job->message, "said nothing for 2.00s"));
        owner_end(&owner, job);
}

static void a_worker_that_speaks_up_lives(void **state)
{
        Owner owner;
        Job *job;

        run_silent_worker(state,
                "for i in 1 2 3 4 5 6; do sleep 0.4; echo '{\"report\":\"alive\"}' >&3; done\n"
                "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3",
                /* cancel= */ false, &owner, &job);
        assert_int_equal(owner.ended, JOB_DONE);
        owner_end(&owner, job);
}

static void a_sync_may_take_its_time(void **state)
{
        Owner owner;
        Job *job;

        run_silent_worker(state,
                "echo '{\"report\":\"step\",\"step\":\"quiesce\"}' >&3\nsleep 2.4\n"
                "echo '{\"report\":\"result\",\"result\":\"done\"}' >&3",
                /* cancel= */ false, &owner, &job);
        assert_int_equal(owner.ended, JOB_DONE);
        owner_end(&owner, job);
}

static void a_cancel_does_not_wait_for_a_sync_that_hangs(void **state)
{
        Owner owner;
        Job *job;

        run_silent_worker(state,
                "echo '{\"report\":\"step\",\"step\":\"quiesce\"}' >&3\nkill -STOP $$",
                /* cancel= */ true, &owner, &job);
        assert_int_equal(owner.ended, JOB_FAILED);
        owner_end(&owner, job);
}

static void a_job_cancelled_in_the_queue_never_starts(void **state)
{
        Owner owner;
        Job *job;

        owner_begin(&owner, "image", &job);
        job_cancel(job);
        assert_int_equal(owner.ended, JOB_CANCELLED);
        assert_string_equal(job->error, "org.quiesced1.Error.Cancelled");
        owner_end(&owner, job);
}

static void ids_are_unique_in_order_and_safe(void **state)
{
        _cleanup_(freep) char *one = NULL, *two = NULL, *path = NULL;

        assert_return_code(job_id_new(&one), 0);
        assert_return_code(job_id_new(&two), 0);
        assert_string_not_equal(one, two);
        assert_int_equal(strlen(one), strlen("j-20261123T104400Z-1f9a3c"));
        assert_memory_equal(one, two, strlen("j-20"));
        assert_true(job_id_is_valid(one));
        assert_return_code(job_id_path("j-1-a", &path), 0);
        assert_string_equal(path, "/org/quiesced1/job/j_2d1_2da");
        assert_false(job_id_is_valid("j-../../etc/passwd"));
        assert_false(job_id_is_valid("j-a b"));
        assert_false(job_id_is_valid("k-1"));
        assert_false(job_id_is_valid(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_job_follows_what_its_worker_reports, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_worker_is_told_how_many_have_agreed, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(what_was_frozen_is_free_again_when_the_worker_dies,
                        scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_freeze_is_held_until_it_is_let_go, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(a_dead_workers_record_is_resumed_by_another,
                        scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_worker_that_hangs_is_killed, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_worker_that_speaks_up_lives, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_sync_may_take_its_time, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(a_cancel_does_not_wait_for_a_sync_that_hangs,
                        scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        what_is_only_followed_freezes_no_more, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_wish_is_answered_with_its_serial, scratch_setup, scratch_teardown),
                cmocka_unit_test(what_is_past_its_point_in_time_needs_no_host),
                cmocka_unit_test(a_job_cancelled_in_the_queue_never_starts),
                cmocka_unit_test(ids_are_unique_in_order_and_safe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/look.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#define WITHIN_USEC (500 * USEC_PER_MSEC)

/* The daemon's side of the line: its replies in their order, and how long it was waited for more. */
typedef struct Line {
        const char *replies[4];
        size_t n_heard;
        size_t n_wishes;
        uint64_t longest_usec;
} Line;

static void line_report(void *userdata, json_t *report)
{
        Line *line = userdata;

        line->n_wishes += strcmp(json_get_string(report, "report", ""), "wish") == 0;
        json_decref(report);
}

static json_t *line_heard(void *userdata)
{
        Line *line = userdata;
        const char *reply = line->replies[line->n_heard];

        if (!reply)
                return NULL;
        line->n_heard++;
        return json_loads(reply, 0, NULL);
}

static void line_wait(void *userdata, uint64_t usec, int fd)
{
        Line *line = userdata;

        if (usec > line->longest_usec)
                line->longest_usec = usec;
        clock_sleep_usec(USEC_PER_MSEC);
}

/* A wait that would never end ends the test. */
static bool line_cancelled(void *userdata)
{
        const Line *line = userdata;

        return line->longest_usec > WITHIN_USEC;
}

static json_t *await(Line *line)
{
        const Observer observer = {
                .userdata = line,
                .report = line_report,
                .heard = line_heard,
                .wait = line_wait,
                .cancelled = line_cancelled,
        };
        _cleanup_(aws_client_freep) AwsClient *aws = NULL;
        const AwsClientConfig config = { .service = "ec2", .region = "eu-central-1" };
        const Settings settings = { 0 };
        json_t *sight = NULL;
        char *message = NULL;
        Bake bake;

        assert_int_equal(aws_client_new(&config, &aws, &message), 0);
        bake_init(&bake, &settings, &observer);
        bake.aws = aws;
        aws = NULL;
        look_await(&bake, LOOK_AT_SNAPSHOTS, WITHIN_USEC, &sight);
        assert_int_equal(line->n_wishes, 1);
        bake_done(&bake);
        return sight;
}

static void what_was_seen_is_the_answer_to_the_last_wish(void **state)
{
        Line line = { .replies = { "{\"serial\": 0, \"sight\": {\"old\": 1}}",
                              "{\"serial\": 1, \"later\": true}",
                              "{\"serial\": 1, \"sight\": {\"new\": 1}}" } };
        _cleanup_(json_decrefp) json_t *sight = await(&line);

        assert_non_null(json_object_get(sight, "new"));
        assert_int_equal(line.n_heard, 3);
}

static void without_an_answer_nobody_waits_longer_than_he_would_have(void **state)
{
        Line line = { 0 };

        assert_null(await(&line));
        assert_true(line.longest_usec <= WITHIN_USEC);
}

static void a_look_that_comes_later_is_waited_for(void **state)
{
        Line line = { .replies = { "{\"serial\": 1, \"later\": true}" } };

        assert_null(await(&line));
        assert_true(line.longest_usec > WITHIN_USEC);
}

static void a_look_that_was_promised_and_is_lost_is_waited_for_no_more(void **state)
{
        Line line = { .replies = { "{\"serial\": 1, \"later\": true}", "{\"serial\": 1}" } };

        assert_null(await(&line));
        assert_int_equal(line.n_heard, 2);
        assert_true(line.longest_usec <= WITHIN_USEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_seen_is_the_answer_to_the_last_wish),
                cmocka_unit_test(without_an_answer_nobody_waits_longer_than_he_would_have),
                cmocka_unit_test(a_look_that_comes_later_is_waited_for),
                cmocka_unit_test(a_look_that_was_promised_and_is_lost_is_waited_for_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/answer.h"

#include "tests/unit/unit.h"

typedef struct Journey {
        Answer joined;
        size_t n_pieces;
        size_t longest_bytes;
        int result;
} Journey;

static void travel(void *userdata, json_t *piece)
{
        Journey *journey = userdata;
        size_t bytes = json_dumpb(piece, NULL, 0, JSON_COMPACT);

        journey->n_pieces++;
        if (bytes > journey->longest_bytes)
                journey->longest_bytes = bytes;
        if (journey->result == 0)
                journey->result = answer_join(&journey->joined, piece);
        json_decref(piece);
}

static json_t *numbered(size_t n, size_t text_bytes)
{
        _cleanup_(freep) char *text = calloc(1, text_bytes + 1);
        json_t *array = json_array();

        assert_non_null(text);
        memset(text, 'x', text_bytes);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(json_array_append_new(array,
                                         json_pack("{s:I,s:s}", "n", (json_int_t)i, "text", text)),
                        0);
        return array;
}

static void a_short_answer_is_one_piece(void **state)
{
        _cleanup_(json_decrefp) json_t *answer =
                json_pack("{s:[s,s],s:i,s:[]}", "images", "ami-1", "ami-2", "keep", 2, "none");
        Journey journey = { 0 };

        assert_return_code(answer_cut(answer, travel, &journey), 0);
        assert_int_equal(journey.n_pieces, 1);
        assert_return_code(journey.result, 0);
        assert_true(json_equal(journey.joined.object, answer));
        answer_done(&journey.joined);
}

static void a_long_answer_arrives_whole_and_in_order_in_pieces_that_are_lines(void **state)
{
        _cleanup_(json_decrefp) json_t *answer = json_pack("{s:o,s:s,s:[],s:o,s:{s:[i]}}", "images",
                numbered(12000, 300), "profile", "web", "none", "left", numbered(60, 9000), "nested",
                "list", 1);
        Journey journey = { 0 };

        assert_return_code(answer_cut(answer, travel, &journey), 0);
        assert_return_code(journey.result, 0);
        assert_true(json_equal(journey.joined.object, answer));
        assert_true(journey.n_pieces > 15);
        assert_true(journey.longest_bytes < JSON_LINE_MAX / 2);
        answer_done(&journey.joined);
}

static void an_answer_without_end_is_refused(void **state)
{
        _cleanup_(json_decrefp) json_t *piece = json_pack("{s:o}", "images", numbered(1000, 1000));
        Answer answer = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < 100; i++)
                r = answer_join(&answer, piece);
        assert_int_equal(r, -EMSGSIZE);
        assert_null(answer.object);
        assert_int_equal(answer_join(&answer, piece), -EMSGSIZE);
        assert_null(answer.object);
        answer_done(&answer);
}

static void what_is_no_object_is_no_piece(void **state)
{
        _cleanup_(json_decrefp) json_t *array = json_array();
        Answer answer = { 0 };

        assert_int_equal(answer_join(&answer, array), -EBADMSG);
        assert_int_equal(answer_join(&answer, NULL), -EBADMSG);
        assert_null(answer.object);
}

static void a_piece_of_another_type_replaces_what_was_there(void **state)
{
        _cleanup_(json_decrefp) json_t *list = json_pack("{s:[i]}", "member", 1);
        _cleanup_(json_decrefp) json_t *text = json_pack("{s:s}", "member", "text");
        Answer answer = { 0 };

        assert_return_code(answer_join(&answer, list), 0);
        assert_return_code(answer_join(&answer, text), 0);
        assert_string_equal(json_get_string(answer.object, "member", ""), "text");
        assert_return_code(answer_join(&answer, list), 0);
        assert_int_equal(json_array_size(json_object_get(answer.object, "member")), 1);
        answer_done(&answer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_short_answer_is_one_piece),
                cmocka_unit_test(
                        a_long_answer_arrives_whole_and_in_order_in_pieces_that_are_lines),
                cmocka_unit_test(an_answer_without_end_is_refused),
                cmocka_unit_test(what_is_no_object_is_no_piece),
                cmocka_unit_test(a_piece_of_another_type_replaces_what_was_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/s3-check.h"
#include "aws/s3-file.h"

#include "tests/unit/unit.h"

static void names_of_buckets(void **state)
{
        static const char *const good[] = { "abc", "my-bucket.logs", "0a0",
                "a23456789012345678901234567890123456789012345678901234567890123" };
        static const char *const bad[] = { "", "ab", "Abc", "a_c", "-abc", "abc.", "a..b", "a/b",
                "192.168.0.1", "abc@example.com", "abc#", "a b",
                "a234567890123456789012345678901234567890123456789012345678901234" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(s3_bucket_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(s3_bucket_name_is_valid(bad[i]));
}

static S3Bucket *open_bucket(const char *name)
{
        const S3BucketConfig config = {
                .name = name,
                .region = "eu-central-1",
                .owner = "123456789012",
        };
        S3Bucket *bucket = NULL;
        char *message = NULL;

        setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", 1);
        assert_int_equal(s3_bucket_new(&config, &bucket, &message), 0);
        return bucket;
}

static void what_is_no_bucket_is_named(void **state)
{
        const S3BucketConfig config = { .name = "My_Bucket", .region = "eu-central-1" };
        _cleanup_(freep) char *message = NULL;
        S3Bucket *bucket = NULL;

        (void)state;
        assert_int_equal(s3_bucket_new(&config, &bucket, &message), -EINVAL);
        assert_non_null(strstr(message, "My_Bucket"));
}

/* A last one that is nearly through is given up like a first: then nothing ever gets there. */
static void four_parts_at_once_have_time_on_a_slow_line(void **state)
{
        const uint64_t part_bytes = 10485760, line_bytes_per_sec = 1000000 / 8;

        (void)state;
        assert_true(s3_attempt_usec(part_bytes) >
                4 * part_bytes / line_bytes_per_sec * UINT64_C(1000000));
        assert_true(s3_attempt_usec(0) <= UINT64_C(60000000));
}

static void every_outcome_names_a_remedy(void **state)
{
        static const struct {
                S3Outcome outcome;
                const char *code, *word;
        } cases[] = {
                { S3_E_NO_BUCKET, "NoSuchBucket", "there is no bucket bundles" },
                { S3_E_DENIED, "AccessDenied", "account 123456789012" },
                { S3_E_NOT_OURS, "AccessDenied", "another account than 123456789012" },
                { S3_E_ACLS_OFF, "AccessControlListNotSupported", "Object Ownership" },
                { S3_E_ELSEWHERE, "PermanentRedirect", "not in region eu-central-1" },
                { S3_E_TOO_LARGE, AWS_CODE_TOO_LARGE, "larger" },
                { S3_E_REFUSED, "SlowDown", "bucket bundles: SlowDown" },
        };
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket("bundles");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
                _cleanup_(freep) char *words = NULL;

                assert_int_equal(api_error_set(&error, cases[i].code, NULL), 0);
                assert_int_equal(s3_explain(bucket, cases[i].outcome, &error, &words), 0);
                assert_non_null(strstr(words, cases[i].word));
        }
}

static void parts_grow_with_the_file_and_not_beyond_a_bound(void **state)
{
        static const uint64_t mib = 1024 * 1024;
        static const struct {
                uint64_t size_bytes, part_bytes;
        } cases[] = {
                { 0, 8 * mib },
                { 80000 * mib, 8 * mib },
                { 80000 * mib + 1, 16 * mib },
                { 500000 * mib, 64 * mib },
                { S3_FILE_BYTES_MAX, 64 * mib },
                { S3_FILE_BYTES_MAX + 1, 0 },
                { UINT64_MAX, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(s3_file_part_bytes(cases[i].size_bytes), cases[i].part_bytes);
}

static void tags_are_written_as_a_query(void **state)
{
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(freep) char *text = NULL;

        (void)state;
        assert_int_equal(tag_list_set(&tags, "quiesced:job", "a b&c=d"), 0);
        assert_int_equal(tag_list_set(&tags, "empty", ""), 0);
        assert_int_equal(s3_write_tags(&tags, &text), 0);
        assert_string_equal(text, "quiesced%3Ajob=a%20b%26c%3Dd&empty=");
}

static void a_bucket_is_fit_for_bundles_or_the_remedy_is_named(void **state)
{
        static const struct {
                S3BucketState state;
                const char *region, *obstacle, *remark;
        } cases[] = {
                { { S3_YES, S3_NO, S3_NO }, "eu-central-1", NULL, NULL },
                { { S3_UNKNOWN, S3_UNKNOWN, S3_UNKNOWN }, "eu-central-1", NULL, NULL },
                { { S3_YES, S3_NO, S3_NO }, "us-east-1", "name one in us-east-1", NULL },
                { { S3_NO, S3_YES, S3_NO }, "eu-central-1", "Object Ownership", "old versions" },
                { { S3_YES, S3_YES, S3_YES }, "eu-central-1", NULL, "Object Lock" },
        };
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = open_bucket("bundles");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *obstacle = NULL, *remark = NULL;

                assert_int_equal(s3_bucket_find_obstacle(
                                         bucket, &cases[i].state, cases[i].region, &obstacle),
                        0);
                assert_int_equal(s3_bucket_find_remark(&cases[i].state, &remark), 0);
                assert_int_equal(!obstacle, !cases[i].obstacle);
                assert_int_equal(!remark, !cases[i].remark);
                if (obstacle)
                        assert_non_null(strstr(obstacle, cases[i].obstacle));
                if (remark)
                        assert_non_null(strstr(remark, cases[i].remark));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_of_buckets),
                cmocka_unit_test(what_is_no_bucket_is_named),
                cmocka_unit_test(four_parts_at_once_have_time_on_a_slow_line),
                cmocka_unit_test(every_outcome_names_a_remedy),
                cmocka_unit_test(parts_grow_with_the_file_and_not_beyond_a_bound),
                cmocka_unit_test(tags_are_written_as_a_query),
                cmocka_unit_test(a_bucket_is_fit_for_bundles_or_the_remedy_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

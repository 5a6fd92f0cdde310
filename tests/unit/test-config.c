/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <sys/stat.h>

#include "base/files.h"
#include "base/text.h"
#include "tests/unit/unit.h"

typedef struct Sample {
        char *name;
        uint64_t budget_usec;
        int method;
        bool flag;
        StringList words;
        StringList lines;
        StringList tags;
} Sample;

static const char *const methods[] = { "auto", "register", NULL };
static const ConfigRange budget_range = { 1000000, 30000000 };

static const ConfigKey keys[] = {
        { "Bake", "Name", config_parse_string, offsetof(Sample, name), NULL },
        { "Bake", "Budget", config_parse_usec, offsetof(Sample, budget_usec), &budget_range },
        { "Bake", "Method", config_parse_enum, offsetof(Sample, method), methods },
        { "Bake", "Flag", config_parse_boolean, offsetof(Sample, flag), NULL },
        { "Bake", "Words", config_parse_words, offsetof(Sample, words), NULL, true },
        { "Bake", "Line", config_parse_line, offsetof(Sample, lines), NULL, true },
        { "Tags", "*", config_parse_line, offsetof(Sample, tags), NULL },
};

static void sample_done(Sample *sample)
{
        free(sample->name);
        string_list_done(&sample->words);
        string_list_done(&sample->lines);
        string_list_done(&sample->tags);
}

/* Writes `text` as FOLDER/x.conf and reads it, drop-ins included; the message without FOLDER. */
static int read_text(const char *folder, const char *text, Sample *sample, char **ret_message)
{
        _cleanup_(freep) char *path = NULL, *message = NULL;
        int r;

        assert_return_code(string_printf(&path, "%s/x.conf", folder), 0);
        assert_return_code(file_replace(path, text, strlen(text), 0600), 0);
        r = config_read_with_dropins(path, keys, ELEMENTSOF(keys), sample, &message);
        *ret_message = message ? strdup(message + strlen(folder) + 1) : NULL;
        return r;
}

static void a_whole_file_is_read(void **state)
{
        _cleanup_(sample_done) Sample sample = { 0 };
        _cleanup_(freep) char *message = NULL;

        assert_return_code(read_text(*state,
                                   "# comment\n[Bake]\nName = golden ; %i\nBudget=2s\n"
                                   "Method=register\nFlag=yes\nWords=a b\nWords=c\n"
                                   "Line=/dev/sdf:vol-1\n[Tags]\nteam:owner = web = x \n",
                                   &sample, &message),
                0);
        assert_null(message);
        assert_string_equal(sample.name, "golden ; %i");
        assert_int_equal(sample.budget_usec, 2000000);
        assert_int_equal(sample.method, 1);
        assert_true(sample.flag);
        assert_int_equal(sample.words.count, 3);
        assert_string_equal(sample.lines.items[0], "/dev/sdf:vol-1");
        assert_string_equal(sample.tags.items[0], "team:owner=web = x");
}

static void every_mistake_is_named_with_its_line(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "[Bake]\nNmae=x\n",
                        "x.conf:2: unknown key 'Nmae' in [Bake]; known here: Name, Budget, Method, "
                        "Flag, Words, Line" },
                { "[Bakery]\nName=x\n", "x.conf:2: unknown section [Bakery]; known: [Bake], [Tags]" },
                { "[Bake]\nBudget=99s\n", "x.conf:2: Budget=99s: must be from 1.00s to 30.00s" },
                { "[Bake]\nBudget=soon\n",
                        "x.conf:2: Budget=soon: must be a time span such as 10s or 500ms" },
                { "[Bake]\n\nMethod=magic\n",
                        "x.conf:3: Method=magic: must be one of auto, register" },
                { "[Bake]\nFlag=perhaps\n", "x.conf:2: Flag=perhaps: must be yes or no" },
                { "[Bake]\nName=a\nName=b\n", "x.conf:3: Name= is given twice in [Bake]; keep one" },
                { "[Bake]\nwhat is this\nName=x\n",
                        "x.conf:2: neither a [Section] nor Key=Value" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(sample_done) Sample sample = { 0 };
                _cleanup_(freep) char *message = NULL;

                assert_int_equal(read_text(*state, cases[i].text, &sample, &message), -EINVAL);
                assert_string_equal(message, cases[i].message);
        }
}

static void a_line_without_end_is_refused(void **state)
{
        _cleanup_(sample_done) Sample sample = { 0 };
        _cleanup_(freep) char *message = NULL, *text = malloc(10001);

        memset(text, 'a', 10000);
        memcpy(text, "[Bake]\nName=", 12);
        text[10000] = '\0';
        assert_int_equal(read_text(*state, text, &sample, &message), -EINVAL);
        assert_non_null(strstr(message, "x.conf:2: line is longer than"));
}

static void drop_ins_come_later_in_the_order_of_their_names(void **state)
{
        _cleanup_(sample_done) Sample sample = { 0 };
        _cleanup_(freep) char *message = NULL, *folder = NULL, *first = NULL, *second = NULL;

        assert_return_code(string_printf(&folder, "%s/x.conf.d", (char *)*state), 0);
        assert_return_code(string_printf(&first, "%s/10.conf", folder), 0);
        assert_return_code(string_printf(&second, "%s/20.conf", folder), 0);
        assert_return_code(folder_make(folder, 0700), 0);
        assert_return_code(file_replace(second, "[Bake]\nName=last\nWords=\n", 23, 0600), 0);
        assert_return_code(file_replace(first, "[Bake]\nName=first\n", 18, 0600), 0);
        assert_return_code(read_text(*state, "[Bake]\nName=main\nWords=a\n", &sample, &message), 0);
        assert_string_equal(sample.name, "last");
        assert_int_equal(sample.words.count, 0);
}

static void only_a_file_is_read(void **state)
{
        _cleanup_(sample_done) Sample sample = { 0 };
        _cleanup_(freep) char *pipe = NULL, *null = NULL, *message = NULL, *other = NULL;

        assert_return_code(string_printf(&pipe, "%s/pipe.conf", (char *)*state), 0);
        assert_return_code(string_printf(&null, "%s/null.conf", (char *)*state), 0);
        assert_return_code(mkfifo(pipe, 0600), errno);
        assert_return_code(symlink("/dev/null", null), errno);
        assert_true(config_read_file(pipe, keys, ELEMENTSOF(keys), &sample, &message) < 0);
        assert_non_null(strstr(message, "pipe.conf must be a regular file"));
        assert_return_code(config_read_file(null, keys, ELEMENTSOF(keys), &sample, &other), 0);
        assert_true(config_read_file(*state, keys, ELEMENTSOF(keys), &sample, &other) < 0);
        assert_non_null(strstr(other, " must be a regular file"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_whole_file_is_read, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        every_mistake_is_named_with_its_line, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        a_line_without_end_is_refused, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(drop_ins_come_later_in_the_order_of_their_names,
                        scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(
                        only_a_file_is_read, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

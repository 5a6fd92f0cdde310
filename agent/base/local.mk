# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libbase.a
libbase_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS)
BASE_LIBS = libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(INIH_LIBS)
libbase_a_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/cleanup.h \
	%D%/clock.c %D%/clock.h \
	%D%/config.c %D%/config.h \
	%D%/files.c %D%/files.h \
	%D%/json.c %D%/json.h \
	%D%/list.c %D%/list.h \
	%D%/log.c %D%/log.h \
	%D%/spawn.c %D%/spawn.h \
	%D%/text.c %D%/text.h \
	%D%/thread.c %D%/thread.h

if HAVE_CMOCKA
check_PROGRAMS += test-answer test-text test-list test-files test-clock test-config test-json test-spawn test-log
TESTS += test-answer test-text test-list test-files test-clock test-config test-json test-spawn test-log
BASE_TEST_LIBS = $(BASE_LIBS) $(CMOCKA_LIBS)
test_answer_SOURCES = tests/unit/test-answer.c
test_answer_CFLAGS = $(TEST_CFLAGS) $(JANSSON_CFLAGS)
test_answer_LDADD = $(BASE_TEST_LIBS)
test_text_SOURCES = tests/unit/test-text.c
test_text_CFLAGS = $(TEST_CFLAGS)
test_text_LDADD = $(BASE_TEST_LIBS)
test_list_SOURCES = tests/unit/test-list.c
test_list_CFLAGS = $(TEST_CFLAGS)
test_list_LDADD = $(BASE_TEST_LIBS)
test_files_SOURCES = tests/unit/test-files.c
test_files_CFLAGS = $(TEST_CFLAGS)
test_files_LDADD = $(BASE_TEST_LIBS)
test_clock_SOURCES = tests/unit/test-clock.c
test_clock_CFLAGS = $(TEST_CFLAGS)
test_clock_LDADD = $(BASE_TEST_LIBS)
test_config_SOURCES = tests/unit/test-config.c
test_config_CFLAGS = $(TEST_CFLAGS)
test_config_LDADD = $(BASE_TEST_LIBS)
test_json_SOURCES = tests/unit/test-json.c
test_json_CFLAGS = $(TEST_CFLAGS) $(JANSSON_CFLAGS)
test_json_LDADD = $(BASE_TEST_LIBS)
test_spawn_SOURCES = tests/unit/test-spawn.c
test_spawn_CFLAGS = $(TEST_CFLAGS)
test_spawn_LDADD = $(BASE_TEST_LIBS)
test_log_SOURCES = tests/unit/test-log.c
test_log_CFLAGS = $(TEST_CFLAGS)
test_log_LDADD = $(BASE_TEST_LIBS)
endif

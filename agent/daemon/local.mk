# SPDX-License-Identifier: Apache-2.0
# The daemon without its main, so that unit tests link what they test.
noinst_LIBRARIES += libdaemon.a
libdaemon_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libdaemon_a_SOURCES = \
	%D%/admission.c %D%/admission.h \
	%D%/bake-methods.c %D%/bake-methods.h \
	%D%/errors.c %D%/errors.h \
	%D%/history.c %D%/history.h \
	%D%/hold.c %D%/hold.h \
	%D%/inhibit.c %D%/inhibit.h \
	%D%/inquiry.c %D%/inquiry.h \
	%D%/job.c %D%/job.h \
	%D%/job-bus.c %D%/job-bus.h \
	%D%/job-id.c %D%/job-id.h \
	%D%/job-owner.h \
	%D%/job-report.c %D%/job-report.h \
	%D%/job-state.c %D%/job-state.h \
	%D%/life-methods.c %D%/life-methods.h \
	%D%/looks.c %D%/looks.h \
	%D%/manager.c %D%/manager.h \
	%D%/manager-bus.c %D%/manager-bus.h \
	%D%/options.c %D%/options.h \
	%D%/policy.c %D%/policy.h \
	%D%/question.c %D%/question.h \
	%D%/queue.c %D%/queue.h \
	%D%/resource-id.c %D%/resource-id.h \
	%D%/settings.c %D%/settings.h \
	%D%/shutdown.c %D%/shutdown.h \
	%D%/survey.c %D%/survey.h \
	%D%/unfinished.c %D%/unfinished.h \
	%D%/variant.c %D%/variant.h \
	%D%/worker-link.c %D%/worker-link.h

pkglibexec_PROGRAMS += quiesced
quiesced_SOURCES = %D%/quiesced.c
quiesced_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
quiesced_LDADD = libdaemon.a $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += test-job test-inhibit
TESTS += test-job test-inhibit
DAEMON_TEST_CFLAGS = $(TEST_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
DAEMON_TEST_LIBS = libdaemon.a $(BASE_LIBS) $(CMOCKA_LIBS)
test_job_SOURCES = tests/unit/test-job.c
test_job_CFLAGS = $(DAEMON_TEST_CFLAGS)
test_job_LDADD = $(DAEMON_TEST_LIBS)
test_inhibit_SOURCES = tests/unit/test-inhibit.c
test_inhibit_CFLAGS = $(DAEMON_TEST_CFLAGS)
test_inhibit_LDADD = $(DAEMON_TEST_LIBS)
endif

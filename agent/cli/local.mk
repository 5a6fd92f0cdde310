# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += quiescectl
noinst_LIBRARIES += libcli.a
libcli_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
CLI_LIBS = libcli.a $(BASE_LIBS)
libcli_a_SOURCES = \
	%D%/announce.c %D%/announce.h \
	%D%/arguments.c %D%/arguments.h \
	%D%/ask.c %D%/ask.h \
	%D%/bus-json.c %D%/bus-json.h \
	%D%/client.c %D%/client.h \
	%D%/command.c %D%/command.h \
	%D%/display.c %D%/display.h \
	%D%/follow.c %D%/follow.h \
	%D%/job.c %D%/job.h \
	%D%/listing.c %D%/listing.h \
	%D%/password-agent.c %D%/password-agent.h \
	%D%/progress.c %D%/progress.h \
	%D%/reasons.c %D%/reasons.h \
	%D%/removal.c %D%/removal.h \
	%D%/request.c %D%/request.h \
	%D%/start.c %D%/start.h \
	%D%/survey.c %D%/survey.h \
	%D%/table.c %D%/table.h \
	%D%/verb.h

quiescectl_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
quiescectl_LDADD = $(CLI_LIBS)
quiescectl_SOURCES = \
	%D%/quiescectl.c \
	%D%/verb-bake.c \
	%D%/verb-bundle.c \
	%D%/verb-deregister.c \
	%D%/verb-doctor.c \
	%D%/verb-freeze.c \
	%D%/verb-jobs.c \
	%D%/verb-list.c \
	%D%/verb-orphans.c \
	%D%/verb-plan.c \
	%D%/verb-prune.c \
	%D%/verb-publish.c \
	%D%/verb-status.c \
	%D%/verb-verify.c \
	%D%/verb-volumes.c

# Installed under the name of the program that it is for.
EXTRA_DIST += %D%/quiescectl.bash-completion \
	tests/cli/client.py \
	tests/cli/completion.py \
	tests/cli/conftest.py \
	tests/cli/fake_systemd.py \
	tests/cli/test_announce.py \
	tests/cli/test_documents.py \
	tests/cli/test_freeze.py \
	tests/cli/test_life.py \
	tests/cli/test_password.py \
	tests/cli/test_terminal.py \
	tests/cli/test_usage.py \
	tests/cli/test_verbs.py
bashcompletiondir = $(datadir)/bash-completion/completions
install-data-local: install-completion
uninstall-local: uninstall-completion
install-completion:
	$(MKDIR_P) $(DESTDIR)$(bashcompletiondir)
	$(INSTALL_DATA) $(top_srcdir)/%D%/quiescectl.bash-completion $(DESTDIR)$(bashcompletiondir)/quiescectl
uninstall-completion:
	rm -f $(DESTDIR)$(bashcompletiondir)/quiescectl

if HAVE_CMOCKA
check_PROGRAMS += test-display test-table test-bus-json
TESTS += test-display test-table test-bus-json
CLI_TEST_CFLAGS = $(TEST_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
CLI_TEST_LIBS = $(CLI_LIBS) $(CMOCKA_LIBS)
test_display_SOURCES = tests/unit/test-display.c
test_display_CFLAGS = $(CLI_TEST_CFLAGS)
test_display_LDADD = $(CLI_TEST_LIBS)
test_table_SOURCES = tests/unit/test-table.c
test_table_CFLAGS = $(CLI_TEST_CFLAGS)
test_table_LDADD = $(CLI_TEST_LIBS)
test_bus_json_SOURCES = tests/unit/test-bus-json.c
test_bus_json_CFLAGS = $(CLI_TEST_CFLAGS)
test_bus_json_LDADD = $(CLI_TEST_LIBS)
endif

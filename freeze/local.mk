# SPDX-License-Identifier: Apache-2.0
# What the unprivileged side links; the privileged programs share its protocol and no code.
noinst_LIBRARIES += libfreezeclient.a
libfreezeclient_a_SOURCES = \
	%D%/capture/client.c %D%/capture/client.h \
	%D%/capture/protocol.h \
	%D%/client.c %D%/client.h \
	%D%/protocol.h \
	%D%/report.h \
	%D%/wire.c %D%/wire.h

# libc only: nothing else runs with the freezer's capabilities.
noinst_LIBRARIES += libfreeze.a
libfreeze_a_SOURCES = \
	%D%/crew.c %D%/crew.h \
	%D%/deadman.c %D%/deadman.h \
	%D%/dialogue.c %D%/dialogue.h \
	%D%/door.c %D%/door.h \
	%D%/expedite.c %D%/expedite.h \
	%D%/freeze.c %D%/freeze.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/leftover.c %D%/leftover.h \
	%D%/ledger.c %D%/ledger.h \
	%D%/moment.h \
	%D%/mount-line.c %D%/mount-line.h \
	%D%/offspring.c %D%/offspring.h \
	%D%/packet.c %D%/packet.h \
	%D%/rescue.c %D%/rescue.h \
	%D%/rest.c %D%/rest.h \
	%D%/session.c %D%/session.h \
	%D%/target.c %D%/target.h

# Likewise libc only.
noinst_LIBRARIES += libcapture.a
libcapture_a_SOURCES = \
	%D%/capture/delta.c %D%/capture/delta.h \
	%D%/capture/dialogue.c %D%/capture/dialogue.h \
	%D%/capture/digest.c %D%/capture/digest.h \
	%D%/capture/disk.c %D%/capture/disk.h \
	%D%/capture/idle.c %D%/capture/idle.h \
	%D%/capture/key.c %D%/capture/key.h \
	%D%/capture/listing.c %D%/capture/listing.h \
	%D%/capture/map.c %D%/capture/map.h \
	%D%/capture/origin.c %D%/capture/origin.h \
	%D%/capture/pass.c %D%/capture/pass.h \
	%D%/capture/rules.c %D%/capture/rules.h \
	%D%/capture/scrub.c %D%/capture/scrub.h \
	%D%/capture/session.c %D%/capture/session.h \
	%D%/capture/spare.c %D%/capture/spare.h \
	%D%/capture/stage.c %D%/capture/stage.h \
	%D%/capture/subvolume.c %D%/capture/subvolume.h \
	%D%/capture/swap.c %D%/capture/swap.h \
	%D%/capture/trouble.c %D%/capture/trouble.h \
	%D%/capture/volume.c %D%/capture/volume.h
libcapture_a_CFLAGS = $(AM_CFLAGS) -pthread

pkglibexec_PROGRAMS += quiesced-capture
quiesced_capture_SOURCES = %D%/capture/capture.c
quiesced_capture_LDADD = libcapture.a libfreeze.a
quiesced_capture_LDFLAGS = $(AM_LDFLAGS) -pthread

pkglibexec_PROGRAMS += quiesced-freezer quiesced-thaw
quiesced_freezer_SOURCES = %D%/freezer.c
quiesced_freezer_LDADD = libfreeze.a
quiesced_thaw_SOURCES = %D%/thaw-leftovers.c
quiesced_thaw_LDADD = libfreeze.a

# systemd-shutdown(8) runs what lies there.
systemdshutdown_PROGRAMS = quiesced-witness
quiesced_witness_SOURCES = %D%/witness.c
quiesced_witness_LDADD = libfreeze.a

EXTRA_DIST += \
	tests/freeze/capture.py \
	tests/freeze/conftest.py \
	tests/freeze/freezer.py \
	tests/freeze/test_capture.py \
	tests/freeze/test_capture_hostile.py \
	tests/freeze/test_capture_nets.py \
	tests/freeze/test_capture_scrub.py \
	tests/freeze/test_freezer.py \
	tests/freeze/test_hang.py \
	tests/freeze/test_nets.py \
	tests/freeze/test_protocol.py \
	tests/freeze/test_witness.py \
	tests/lab/loopdisk.py \
	tests/lab/loopfs.py

if HAVE_CMOCKA
check_PROGRAMS += test-freeze-dialogue test-freeze-rest test-freeze-ledger test-freeze-client
TESTS += test-freeze-dialogue test-freeze-rest test-freeze-ledger test-freeze-client
test_freeze_dialogue_SOURCES = tests/unit/test-freeze-dialogue.c
test_freeze_dialogue_CFLAGS = $(TEST_CFLAGS)
test_freeze_dialogue_LDADD = libfreeze.a $(CMOCKA_LIBS)
test_freeze_rest_SOURCES = tests/unit/test-freeze-rest.c
test_freeze_rest_CFLAGS = $(TEST_CFLAGS)
test_freeze_rest_LDADD = libfreeze.a $(CMOCKA_LIBS)
test_freeze_ledger_SOURCES = tests/unit/test-freeze-ledger.c
test_freeze_ledger_CFLAGS = $(TEST_CFLAGS)
test_freeze_ledger_LDADD = libfreeze.a $(CMOCKA_LIBS)
test_freeze_client_SOURCES = tests/unit/test-freeze-client.c
test_freeze_client_CFLAGS = $(TEST_CFLAGS)
test_freeze_client_LDADD = libfreezeclient.a $(BASE_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += test-capture-client test-capture-digest test-capture-map test-capture-rules
TESTS += test-capture-client test-capture-digest test-capture-map test-capture-rules
test_capture_client_SOURCES = tests/unit/test-capture-client.c
test_capture_client_CFLAGS = $(TEST_CFLAGS)
test_capture_client_LDADD = libfreezeclient.a libfreeze.a $(BASE_LIBS) $(CMOCKA_LIBS)
test_capture_digest_SOURCES = tests/unit/test-capture-digest.c
test_capture_digest_CFLAGS = $(TEST_CFLAGS)
test_capture_digest_LDADD = libcapture.a $(CMOCKA_LIBS)
test_capture_map_SOURCES = tests/unit/test-capture-map.c
test_capture_map_CFLAGS = $(TEST_CFLAGS)
test_capture_map_LDADD = libcapture.a libfreeze.a $(CMOCKA_LIBS)
test_capture_rules_SOURCES = tests/unit/test-capture-rules.c
test_capture_rules_CFLAGS = $(TEST_CFLAGS)
test_capture_rules_LDADD = libcapture.a $(CMOCKA_LIBS)
endif

check_PROGRAMS += fuzz-capture fuzz-freeze
TESTS += fuzz-capture fuzz-freeze
fuzz_capture_SOURCES = tests/fuzz/fuzz-capture.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_capture_LDADD = libcapture.a $(BASE_LIBS)
fuzz_freeze_SOURCES = tests/fuzz/fuzz-freeze.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_freeze_LDADD = libfreeze.a $(BASE_LIBS)
EXTRA_DIST += tests/fuzz/corpus/capture tests/fuzz/corpus/freeze

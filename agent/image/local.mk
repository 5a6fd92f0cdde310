# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libimage.a
libimage_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libimage_a_SOURCES = \
	%D%/manifest.c %D%/manifest.h
IMAGE_LIBS = libimage.a $(AWS_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += test-manifest
TESTS += test-manifest
test_manifest_SOURCES = tests/unit/test-manifest.c
test_manifest_CFLAGS = $(TEST_CFLAGS)
test_manifest_LDADD = $(IMAGE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += fuzz-manifest
TESTS += fuzz-manifest
fuzz_manifest_SOURCES = tests/fuzz/fuzz-manifest.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_manifest_LDADD = $(IMAGE_LIBS)
EXTRA_DIST += tests/fuzz/corpus/manifest

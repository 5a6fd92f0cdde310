# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libimage.a
libimage_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS) $(GZIP_CFLAGS)
libimage_a_SOURCES = \
	%D%/archive.c %D%/archive.h \
	%D%/bundle.c %D%/bundle.h \
	%D%/certificates.c %D%/certificates.h \
	%D%/channel.c %D%/channel.h \
	%D%/cipher.c %D%/cipher.h \
	%D%/deflater.c %D%/deflater.h \
	%D%/deposit.c %D%/deposit.h \
	%D%/extents.c %D%/extents.h \
	%D%/fetch.c %D%/fetch.h \
	%D%/folder.c %D%/folder.h \
	%D%/gzip.h \
	%D%/keys.c %D%/keys.h \
	%D%/locked.c %D%/locked.h \
	%D%/manifest.c %D%/manifest.h \
	%D%/manifest-write.c \
	%D%/part.c %D%/part.h \
	%D%/press.c %D%/press.h \
	%D%/rsa.c %D%/rsa.h \
	%D%/sha1.c %D%/sha1.h \
	%D%/split.c %D%/split.h \
	%D%/store.c %D%/store.h \
	%D%/tar.c %D%/tar.h \
	%D%/unbundle.c %D%/unbundle.h \
	%D%/untar.c %D%/untar.h \
	%D%/upload.c %D%/upload.h
if HAVE_ISAL
libimage_a_SOURCES += %D%/grain.c %D%/grain.h %D%/gzip-isal.c
else
libimage_a_SOURCES += %D%/gzip-zlib.c
endif
IMAGE_LIBS = libimage.a $(AWS_LIBS) $(GZIP_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += test-channel test-gzip test-keys test-manifest test-split test-tar
TESTS += test-channel test-gzip test-keys test-manifest test-split test-tar
IMAGE_TEST_LIBS = $(IMAGE_LIBS) $(CMOCKA_LIBS)
test_channel_SOURCES = tests/unit/test-channel.c
test_channel_CFLAGS = $(TEST_CFLAGS)
test_channel_LDADD = $(IMAGE_TEST_LIBS)
test_gzip_SOURCES = tests/unit/test-gzip.c
test_gzip_CFLAGS = $(TEST_CFLAGS)
test_gzip_LDADD = $(IMAGE_TEST_LIBS)
test_keys_SOURCES = tests/unit/test-keys.c
test_keys_CFLAGS = $(TEST_CFLAGS) $(CRYPTO_CFLAGS)
test_keys_LDADD = $(IMAGE_TEST_LIBS)
test_manifest_SOURCES = tests/unit/test-manifest.c
test_manifest_CFLAGS = $(TEST_CFLAGS) $(CRYPTO_CFLAGS)
test_manifest_LDADD = $(IMAGE_TEST_LIBS)
test_split_SOURCES = tests/unit/test-split.c
test_split_CFLAGS = $(TEST_CFLAGS)
test_split_LDADD = $(IMAGE_TEST_LIBS)
test_tar_SOURCES = tests/unit/test-tar.c
test_tar_CFLAGS = $(TEST_CFLAGS)
test_tar_LDADD = $(IMAGE_TEST_LIBS)

# What a build without ISA-L has in its place.
if HAVE_ISAL
check_PROGRAMS += test-grain test-gzip-zlib
TESTS += test-grain test-gzip-zlib
test_grain_SOURCES = tests/unit/test-grain.c
test_grain_CFLAGS = $(TEST_CFLAGS)
test_grain_LDADD = $(IMAGE_TEST_LIBS)
test_gzip_zlib_SOURCES = tests/unit/test-gzip.c %D%/channel.c %D%/deflater.c %D%/gzip-zlib.c %D%/press.c
test_gzip_zlib_CFLAGS = $(TEST_CFLAGS) $(ZLIB_CFLAGS)
test_gzip_zlib_LDADD = libbase.a $(ZLIB_LIBS) $(CMOCKA_LIBS)
endif
endif

check_PROGRAMS += fuzz-manifest fuzz-untar
TESTS += fuzz-manifest fuzz-untar
fuzz_manifest_SOURCES = tests/fuzz/fuzz-manifest.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_manifest_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
fuzz_manifest_LDADD = $(IMAGE_LIBS)
fuzz_untar_SOURCES = tests/fuzz/fuzz-untar.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_untar_LDADD = $(IMAGE_LIBS)

# The pipeline alone, for tests that look at what it makes.
check_PROGRAMS += bundle-probe
bundle_probe_SOURCES = tests/image/bundle-probe.c
bundle_probe_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
bundle_probe_LDADD = $(IMAGE_LIBS)

EXTRA_DIST += \
	tests/fuzz/corpus/manifest \
	tests/fuzz/corpus/untar \
	tests/image/__init__.py \
	tests/image/conftest.py \
	tests/image/test_bundle.py \
	tests/image/test_certificates.py \
	tests/image/test_damage.py \
	tests/image/test_store.py \
	tests/image/test_tar.py

# SPDX-License-Identifier: Apache-2.0
pkglibexec_PROGRAMS += quiesced-bundle
quiesced_bundle_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
quiesced_bundle_LDADD = libcli.a $(FLOW_LIBS)
quiesced_bundle_SOURCES = \
	%D%/bundle.c \
	%D%/defaults.c %D%/defaults.h \
	%D%/options.h \
	%D%/order.c %D%/order.h \
	%D%/place.c %D%/place.h \
	%D%/report.c %D%/report.h \
	%D%/session.c %D%/session.h \
	%D%/target.c %D%/target.h \
	%D%/verb-bundle.c \
	%D%/verb-check.c \
	%D%/verb-download.c \
	%D%/verb-unbundle.c \
	%D%/verb-upload.c \
	%D%/verb.h

EXTRA_DIST += \
	tests/bundle/__init__.py \
	tests/bundle/conftest.py \
	tests/bundle/test_bucket.py \
	tests/bundle/test_folder.py \
	tests/bundle/test_interrupted.py \
	tests/bundle/test_profile.py

# SPDX-License-Identifier: Apache-2.0
# What only tests, tests/try and the bench run.
noinst_PROGRAMS += writers
writers_SOURCES = %D%/writers.c %D%/database.c %D%/database.h %D%/written.c %D%/written.h
writers_LDADD = libbase.a
writers_LDFLAGS = $(AM_LDFLAGS) -pthread
EXTRA_DIST += \
	%D%/__init__.py \
	%D%/bundle.py \
	%D%/bus.py \
	%D%/capture.py \
	%D%/certificates.py \
	%D%/checkers.py \
	%D%/database.py \
	%D%/debian.py \
	%D%/fixtures.py \
	%D%/junit.py \
	%D%/kernel.py \
	%D%/lab.py \
	%D%/loopdisk.py \
	%D%/loopfs.py \
	%D%/packages \
	%D%/paths.py \
	%D%/processes.py \
	%D%/s3rver.py \
	%D%/setup.sh \
	%D%/storelab.py \
	%D%/story.py \
	%D%/unbundle.py \
	%D%/verdict.py \
	%D%/worker.py \
	%D%/written.py

# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += bare-freeze bench-bundle bench-fleet bench-plan bench-retain
bare_freeze_SOURCES = %D%/bare-freeze.c
bare_freeze_LDADD = libbase.a
bare_freeze_LDFLAGS = $(AM_LDFLAGS) -pthread
bench_bundle_SOURCES = %D%/bench-bundle.c
bench_bundle_LDADD = $(IMAGE_LIBS)
if HAVE_ISAL
noinst_PROGRAMS += bare-gzip
bare_gzip_SOURCES = %D%/bare-gzip.c
bare_gzip_CFLAGS = $(AM_CFLAGS) $(GZIP_CFLAGS)
bare_gzip_LDADD = libbase.a $(GZIP_LIBS)
endif
bench_fleet_SOURCES = %D%/bench-fleet.c
bench_fleet_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
bench_fleet_LDADD = $(FLOW_LIBS)
bench_plan_SOURCES = %D%/bench-plan.c
bench_plan_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
bench_plan_LDADD = $(FLOW_LIBS)
bench_retain_SOURCES = %D%/bench-retain.c
bench_retain_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
bench_retain_LDADD = $(FLOW_LIBS)
EXTRA_DIST += \
	%D%/__init__.py \
	%D%/bench.py \
	%D%/bench_vm.py \
	%D%/boot.py \
	%D%/bundling.py \
	%D%/capturing.py \
	%D%/guest_stalls.py \
	%D%/idle.py \
	%D%/pruning.py \
	%D%/stalls.py \
	%D%/tooled.py

# As root. BENCH_RUNS= says how many runs a median is made of.
.PHONY: bench bench-host bench-vm
bench: bench-host bench-vm
bench-vm: all
	QUIESCED_BUILD=$(abs_builddir) PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 $(top_srcdir)/%D%/bench_vm.py $(if $(BENCH_RUNS),--runs=$(BENCH_RUNS))
bench-host: all
	QUIESCED_BUILD=$(abs_builddir) PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 $(top_srcdir)/%D%/bench.py $(if $(BENCH_RUNS),--runs=$(BENCH_RUNS))

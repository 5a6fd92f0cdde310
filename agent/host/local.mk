# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libhost.a
libhost_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(MOUNT_CFLAGS) $(BLKID_CFLAGS)
HOST_LIBS = libhost.a $(MOUNT_LIBS) $(BLKID_LIBS) $(BASE_LIBS)
libhost_a_SOURCES = \
	%D%/blockdev.c %D%/blockdev.h \
	%D%/claim.c %D%/claim.h \
	%D%/descent.c %D%/descent.h \
	%D%/disk.h %D%/disks.c %D%/disks.h \
	%D%/facts.c %D%/facts.h \
	%D%/fstype.c %D%/fstype.h \
	%D%/identity.c %D%/identity.h \
	%D%/mounts.c %D%/mounts.h \
	%D%/parts.c %D%/parts.h \
	%D%/probe.c %D%/probe.h \
	%D%/topology.c %D%/topology.h \
	%D%/topology-report.c %D%/topology-report.h \
	%D%/unused.c %D%/unused.h \
	%D%/volume.c %D%/volume.h \
	%D%/writes.c %D%/writes.h

if HAVE_CMOCKA
HOST_TESTS = test-identity test-mounts test-blockdev test-volume test-topology \
	test-topology-report test-parts test-unused test-writes
check_PROGRAMS += $(HOST_TESTS)
TESTS += $(HOST_TESTS)
HOST_TEST_CFLAGS = $(TEST_CFLAGS) $(JANSSON_CFLAGS)
HOST_TEST_LIBS = $(HOST_LIBS) $(CMOCKA_LIBS)
FAKE_HOST = tests/unit/fake-host.c tests/unit/fake-host.h
test_identity_SOURCES = tests/unit/test-identity.c
test_identity_CFLAGS = $(HOST_TEST_CFLAGS)
test_identity_LDADD = $(HOST_TEST_LIBS)
test_mounts_SOURCES = tests/unit/test-mounts.c
test_mounts_CFLAGS = $(HOST_TEST_CFLAGS)
test_mounts_LDADD = $(HOST_TEST_LIBS)
test_blockdev_SOURCES = tests/unit/test-blockdev.c $(FAKE_HOST)
test_blockdev_CFLAGS = $(HOST_TEST_CFLAGS)
test_blockdev_LDADD = $(HOST_TEST_LIBS)
test_volume_SOURCES = tests/unit/test-volume.c
test_volume_CFLAGS = $(HOST_TEST_CFLAGS)
test_volume_LDADD = $(HOST_TEST_LIBS)
test_topology_SOURCES = tests/unit/test-topology.c $(FAKE_HOST)
test_topology_CFLAGS = $(HOST_TEST_CFLAGS)
test_topology_LDADD = $(HOST_TEST_LIBS)
test_topology_report_SOURCES = tests/unit/test-topology-report.c $(FAKE_HOST)
test_topology_report_CFLAGS = $(HOST_TEST_CFLAGS)
test_topology_report_LDADD = $(HOST_TEST_LIBS)
test_parts_SOURCES = tests/unit/test-parts.c $(FAKE_HOST)
test_parts_CFLAGS = $(HOST_TEST_CFLAGS)
test_parts_LDADD = $(HOST_TEST_LIBS)
test_unused_SOURCES = tests/unit/test-unused.c $(FAKE_HOST)
test_unused_CFLAGS = $(HOST_TEST_CFLAGS)
test_unused_LDADD = $(HOST_TEST_LIBS)
test_writes_SOURCES = tests/unit/test-writes.c $(FAKE_HOST)
test_writes_CFLAGS = $(HOST_TEST_CFLAGS)
test_writes_LDADD = $(HOST_TEST_LIBS)
endif

# What tests/host asks.
noinst_PROGRAMS += host-probe
host_probe_SOURCES = tests/host/host-probe.c
host_probe_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
host_probe_LDADD = $(HOST_LIBS)
EXTRA_DIST += tests/host/test_topology.py

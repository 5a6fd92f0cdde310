# SPDX-License-Identifier: Apache-2.0
pkglibexec_PROGRAMS += quiesced-worker
quiesced_worker_SOURCES = %D%/worker.c %D%/report.c %D%/report.h
quiesced_worker_LDADD = $(FLOW_LIBS)

# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libflow.a
libflow_a_SOURCES = \
	%D%/bake.c %D%/bake.h \
	%D%/bundle.c %D%/bundle.h \
	%D%/bundle-versions.c %D%/bundle-versions.h \
	%D%/bundle-keys.c %D%/bundle-keys.h \
	%D%/bundling.c %D%/bundling.h \
	%D%/bundling-record.h \
	%D%/bundling-undo.c \
	%D%/bundling-upload.c \
	%D%/choice.c %D%/choice.h \
	%D%/complete.c %D%/complete.h \
	%D%/consistency.c %D%/consistency.h \
	%D%/console.c %D%/console.h \
	%D%/cut.c %D%/cut.h \
	%D%/deregister.c %D%/deregister.h \
	%D%/doctor.c %D%/doctor.h \
	%D%/doctor-action.c %D%/doctor-action.h \
	%D%/doctor-bucket.c %D%/doctor-bucket.h \
	%D%/doctor-trial.c %D%/doctor-trial.h \
	%D%/errand.c %D%/errand.h \
	%D%/failure.c %D%/failure.h \
	%D%/follow.c %D%/follow.h \
	%D%/guard.c %D%/guard-launch.c %D%/guard-object.c %D%/guard.h \
	%D%/identify.c %D%/identify.h \
	%D%/inventory.c %D%/inventory.h \
	%D%/journal.c %D%/journal.h \
	%D%/labels.c %D%/labels.h \
	%D%/look.c %D%/look.h \
	%D%/observer.c %D%/observer.h \
	%D%/claims.c %D%/claims.h \
	%D%/origin.c %D%/origin.h \
	%D%/orphans.c %D%/orphans.h \
	%D%/orphans-bundle.c %D%/orphans-bundle.h \
	%D%/orphans-find.c %D%/orphans-find.h \
	%D%/pace.c %D%/pace.h \
	%D%/plan.c %D%/plan-json.c %D%/plan-name.c %D%/plan.h \
	%D%/plan-bundle.c %D%/plan-bundle.h \
	%D%/plan-coverage.c %D%/plan-coverage.h \
	%D%/plan-selection.c %D%/plan-selection.h \
	%D%/plan-verdict.c %D%/plan-verdict.h \
	%D%/profile.c %D%/profile.h \
	%D%/proof.c %D%/proof.h \
	%D%/publication.c %D%/publication.h \
	%D%/publish.c %D%/publish.h \
	%D%/publish-again.c %D%/publish-again.h \
	%D%/publish-copy.c %D%/publish-copy.h \
	%D%/publish-keys.c %D%/publish-keys.h \
	%D%/publish-order.c %D%/publish-order.h \
	%D%/publish-site.c %D%/publish-site.h \
	%D%/publish-undo.c %D%/publish-undo.h \
	%D%/prune.c %D%/prune.h \
	%D%/quiesce.c %D%/quiesce.h \
	%D%/removed-list.c %D%/removed-list.h \
	%D%/removal.c %D%/removal.h \
	%D%/removal-bundle.c %D%/removal-bundle.h \
	%D%/removal-doubt.c %D%/removal-doubt.h \
	%D%/removal-entry.c %D%/removal-entry.h \
	%D%/removal-image.c %D%/removal-image.h \
	%D%/removal-instance.c %D%/removal-instance.h \
	%D%/removal-snapshot.c %D%/removal-snapshot.h \
	%D%/reboot.c %D%/reboot.h \
	%D%/reconsider.c %D%/reconsider.h \
	%D%/record.c %D%/record.h \
	%D%/rest.c %D%/rest.h \
	%D%/retain.c %D%/retain.h \
	%D%/retention.c %D%/retention.h \
	%D%/run.c %D%/run.h \
	%D%/settings.c %D%/settings.h \
	%D%/sight.c %D%/sight.h \
	%D%/spec.c %D%/spec.h \
	%D%/staging.c %D%/staging.h \
	%D%/stock.c %D%/stock.h \
	%D%/survey.c %D%/survey.h \
	%D%/trial.c %D%/trial.h \
	%D%/turn.c %D%/turn.h \
	%D%/undo.c %D%/undo.h \
	%D%/verify.c %D%/verify.h \
	%D%/verify-keys.c %D%/verify-keys.h \
	%D%/watch.c %D%/watch.h \
	%D%/witness.c %D%/witness.h \
	%D%/zone.c %D%/zone.h
libflow_a_CFLAGS = $(AM_CFLAGS) -DWITNESS='"$(systemdshutdowndir)/quiesced-witness"'
FLOW_LIBS = libflow.a libimage.a libaws.a libhost.a libfreezeclient.a $(BASE_LIBS) $(MOUNT_LIBS) $(BLKID_LIBS) \
	$(CURL_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(GZIP_LIBS)

if HAVE_CMOCKA
FLOW_TESTS = test-plan test-plan-bundle test-plan-coverage test-plan-method test-pace test-consistency test-console \
	test-follow test-look test-profile test-publication test-publish-keys test-record \
	test-settings test-sight test-spec test-labels test-watch test-witness
FLOW_TESTS += test-retain test-retain-histories test-stock
FLOW_TESTS += test-bundle test-origin test-orphans
check_PROGRAMS += $(FLOW_TESTS)
TESTS += $(FLOW_TESTS)
PLAN_HOST = tests/unit/plan-host.c tests/unit/plan-host.h
test_plan_SOURCES = tests/unit/test-plan.c $(PLAN_HOST)
test_plan_CFLAGS = $(TEST_CFLAGS)
test_plan_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_plan_bundle_SOURCES = tests/unit/test-plan-bundle.c $(PLAN_HOST)
test_plan_bundle_CFLAGS = $(TEST_CFLAGS)
test_plan_bundle_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_plan_coverage_SOURCES = tests/unit/test-plan-coverage.c $(PLAN_HOST)
test_plan_coverage_CFLAGS = $(TEST_CFLAGS)
test_plan_coverage_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_plan_method_SOURCES = tests/unit/test-plan-method.c $(PLAN_HOST)
test_plan_method_CFLAGS = $(TEST_CFLAGS)
test_plan_method_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_pace_SOURCES = tests/unit/test-pace.c
test_pace_CFLAGS = $(TEST_CFLAGS)
test_pace_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_witness_SOURCES = tests/unit/test-witness.c
test_witness_CFLAGS = $(TEST_CFLAGS)
test_witness_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_consistency_SOURCES = tests/unit/test-consistency.c
test_consistency_CFLAGS = $(TEST_CFLAGS)
test_consistency_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_console_SOURCES = tests/unit/test-console.c
test_console_CFLAGS = $(TEST_CFLAGS)
test_console_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_follow_SOURCES = tests/unit/test-follow.c
test_follow_CFLAGS = $(TEST_CFLAGS)
test_follow_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_look_SOURCES = tests/unit/test-look.c
test_look_CFLAGS = $(TEST_CFLAGS)
test_look_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_profile_SOURCES = tests/unit/test-profile.c
test_profile_CFLAGS = $(TEST_CFLAGS)
test_profile_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_publication_SOURCES = tests/unit/test-publication.c
test_publication_CFLAGS = $(TEST_CFLAGS)
test_publication_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_publish_keys_SOURCES = tests/unit/test-publish-keys.c
test_publish_keys_CFLAGS = $(TEST_CFLAGS)
test_publish_keys_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_record_SOURCES = tests/unit/test-record.c
test_record_CFLAGS = $(TEST_CFLAGS)
test_record_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_settings_SOURCES = tests/unit/test-settings.c
test_settings_CFLAGS = $(TEST_CFLAGS)
test_settings_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_sight_SOURCES = tests/unit/test-sight.c
test_sight_CFLAGS = $(TEST_CFLAGS)
test_sight_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_bundle_SOURCES = tests/unit/test-bundle.c
test_bundle_CFLAGS = $(TEST_CFLAGS)
test_bundle_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_origin_SOURCES = tests/unit/test-origin.c
test_origin_CFLAGS = $(TEST_CFLAGS)
test_origin_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_orphans_SOURCES = tests/unit/test-orphans.c
test_orphans_CFLAGS = $(TEST_CFLAGS)
test_orphans_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_spec_SOURCES = tests/unit/test-spec.c
test_spec_CFLAGS = $(TEST_CFLAGS)
test_spec_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_labels_SOURCES = tests/unit/test-labels.c
test_labels_CFLAGS = $(TEST_CFLAGS)
test_labels_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_retain_SOURCES = tests/unit/test-retain.c
test_retain_CFLAGS = $(TEST_CFLAGS)
test_retain_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_retain_histories_SOURCES = tests/unit/test-retain-histories.c
test_retain_histories_CFLAGS = $(TEST_CFLAGS)
test_retain_histories_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_stock_SOURCES = tests/unit/test-stock.c
test_stock_CFLAGS = $(TEST_CFLAGS)
test_stock_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
test_watch_SOURCES = tests/unit/test-watch.c $(FAKE_HOST)
test_watch_CFLAGS = $(TEST_CFLAGS)
test_watch_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += fuzz-origin
TESTS += fuzz-origin
fuzz_origin_SOURCES = tests/fuzz/fuzz-origin.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_origin_LDADD = $(FLOW_LIBS)
EXTRA_DIST += tests/fuzz/corpus/origin

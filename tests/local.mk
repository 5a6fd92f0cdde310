# SPDX-License-Identifier: Apache-2.0
include $(top_srcdir)/tests/lab/local.mk
EXTRA_DIST += \
	%D%/run \
	%D%/try \
	%D%/conftest.py \
	%D%/e2e/conftest.py \
	%D%/e2e/test_api_faults.py \
	%D%/e2e/test_attributes.py \
	%D%/e2e/test_consistency.py \
	%D%/e2e/test_copied_record.py \
	%D%/e2e/test_devices.py \
	%D%/e2e/test_doctor.py \
	%D%/e2e/test_environment.py \
	%D%/e2e/test_freezes.py \
	%D%/e2e/test_kill.py \
	%D%/e2e/test_lab.py \
	%D%/e2e/test_life_by_command.py \
	%D%/e2e/test_methods.py \
	%D%/e2e/test_profiles.py \
	%D%/e2e/test_publish.py \
	%D%/e2e/test_pace.py \
	%D%/e2e/test_reboot.py \
	%D%/e2e/test_removal.py \
	%D%/e2e/test_retain_after_bake.py \
	%D%/e2e/test_surprises.py \
	%D%/e2e/test_verify_bake.py \
	%D%/worker/conftest.py \
	%D%/worker/test_deregister.py \
	%D%/worker/test_inventory.py \
	%D%/worker/test_orphans.py \
	%D%/worker/test_retain.py \
	%D%/worker/test_verify.py
include $(top_srcdir)/tests/bench/local.mk
include $(top_srcdir)/tests/cloud/local.mk
include $(top_srcdir)/tests/daemon/local.mk
include $(top_srcdir)/tests/package/local.mk
include $(top_srcdir)/tests/vm/local.mk

# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	%D%/__init__.py \
	%D%/agent.py \
	%D%/base.py \
	%D%/conftest.py \
	%D%/copies.py \
	%D%/guest.py \
	%D%/instance.py \
	%D%/layouts.py \
	%D%/load.py \
	%D%/machine.py \
	%D%/monitor.py \
	%D%/nightly.py \
	%D%/prepare.py \
	%D%/restored.py \
	%D%/site.py \
	%D%/standstill.py \
	%D%/store.py \
	%D%/test_bake.py \
	%D%/test_devices.py \
	%D%/test_hang.py \
	%D%/test_instance.py \
	%D%/test_kill.py \
	%D%/test_layouts.py \
	%D%/test_methods.py \
	%D%/test_network.py \
	%D%/test_polkit.py \
	%D%/test_schedule.py \
	%D%/test_power.py \
	%D%/test_shutdown.py \
	%D%/test_store.py \
	%D%/writers.py

# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	%D%/__init__.py \
	%D%/conftest.py \
	%D%/deb.py \
	%D%/machine.py \
	%D%/root.py \
	%D%/sources.py \
	%D%/systemd.macros \
	%D%/test_debian.py \
	%D%/test_install.py \
	%D%/test_rpm.py

# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	%D%/conftest.py \
	%D%/fake_logind.py \
	%D%/fake_worker.py \
	%D%/harness.py \
	%D%/interface.xml \
	%D%/test_followed.py \
	%D%/test_freeze.py \
	%D%/test_history.py \
	%D%/test_inhibit.py \
	%D%/test_life.py \
	%D%/test_long_answers.py \
	%D%/test_looks.py \
	%D%/test_jobs.py \
	%D%/test_options.py \
	%D%/test_page.py \
	%D%/test_policy.py \
	%D%/test_program.py \
	%D%/test_by_reboot.py \
	%D%/test_shutdown.py \
	%D%/test_survey.py \
	%D%/test_units.py

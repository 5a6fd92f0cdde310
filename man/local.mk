# SPDX-License-Identifier: Apache-2.0
dist_man_MANS += \
	%D%/org.quiesced1.5 \
	%D%/quiescectl.1 \
	%D%/quiesced.8 \
	%D%/quiesced.conf.5 \
	%D%/quiesced.profile.5

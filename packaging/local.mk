# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	%D%/quiesced.rpmlintrc \
	%D%/quiesced.spec \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/quiesced.docs \
	debian/quiesced.postinst \
	debian/quiesced.postrm \
	debian/quiesced.prerm \
	debian/rules \
	debian/source/format

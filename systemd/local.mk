# SPDX-License-Identifier: Apache-2.0
# What systemd, D-Bus and polkit read; units learn here where the programs are.
GENERATED_UNITS = \
	%D%/quiesced.service \
	%D%/quiesced-announce.service \
	%D%/quiesced-bake@.service \
	%D%/quiesced-capture@.service \
	%D%/quiesced-freezer@.service \
	%D%/quiesced-prune@.service

systemdsystemunit_DATA = $(GENERATED_UNITS)
dist_systemdsystemunit_DATA = \
	%D%/quiesced-bake@.timer \
	%D%/quiesced-capture.socket \
	%D%/quiesced-freezer.socket \
	%D%/quiesced-prune@.timer \
	%D%/quiesced.timer
dist_dbuspolicy_DATA = %D%/org.quiesced1.conf
dist_dbusservice_DATA = %D%/org.quiesced1.service
dist_polkitaction_DATA = %D%/org.quiesced1.policy

dist_sysusers_DATA = %D%/sysusers.d/quiesced.conf
dist_tmpfiles_DATA = %D%/tmpfiles.d/quiesced.conf

pkgsysconfdir = $(sysconfdir)/quiesced
dist_pkgsysconf_DATA = %D%/quiesced.conf
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	%D%/examples/golden-image.conf \
	%D%/examples/nightly-snapshots.conf

CLEANFILES += $(GENERATED_UNITS)
EXTRA_DIST += \
	%D%/quiesced.service.in \
	%D%/quiesced-announce.service.in \
	%D%/quiesced-bake@.service.in \
	%D%/quiesced-capture@.service.in \
	%D%/quiesced-freezer@.service.in \
	%D%/quiesced-prune@.service.in

$(GENERATED_UNITS): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' \
		-e 's|@bindir[@]|$(bindir)|g' $< >$@.tmp && mv $@.tmp $@

# Messages refer to its policies.
dist_doc_DATA = README.md

# Empty: what a host bakes is for its administrator to say.
install-data-hook:
	$(MKDIR_P) $(DESTDIR)$(pkgsysconfdir)/profiles $(DESTDIR)$(pkgsysconfdir)/quiesced.conf.d

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What file systems lie on beside the device that is mounted: a log, a journal, a realtime device. */

#include "host/facts.h"

/*
 * Fills in the parts of the facts' file systems. xfs and reiserfs name them in their options. ext4
 * does not: JBD2 ("/proc/fs/jbd2") has a folder for each journal, named after its device, and after
 * its inode where it is a file. Which of several such devices is whose is told by the superblock
 * alone, which is not ours to read: each file system then has all of them for its parts. 0 or
 * -ENOMEM.
 */
int parts_read(const char *sysfs, const char *jbd2, HostFacts *facts);

void fs_parts_done(FsParts *parts);

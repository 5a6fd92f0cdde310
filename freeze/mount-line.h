/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A line of mountinfo: "36 35 98:0 / /data ro,noatime shared:1 - ext4 /dev/root rw", see proc(5).
 */

typedef struct MountLine {
        unsigned major;
        unsigned minor;
        char *root;        /* of the mount, within its file system */
        char *mount_point; /* as the kernel writes it: a space is \040 */
        char *type;
        char *source;
        char *options; /* of the file system, whatever a single mount of it may do */
} MountLine;

/* Cuts `line` into pieces, which *ret points to; -EBADMSG if one is missing. */
int mount_line_parse(char *line, MountLine *ret);

/* What the kernel has written as \ooo becomes again what it was, in place. */
void mount_line_unescape(char *field);

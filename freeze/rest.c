/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anything on a disk can still be written. */

#include "freeze/rest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "freeze/mount-line.h"

/* btrfs and others have a device number of no device, and ZFS a source that is none either. */
static bool is_on_disk(const MountLine *mount)
{
        return mount->major != 0 || strncmp(mount->source, "/dev/", 5) == 0 ||
                strcmp(mount->type, "zfs") == 0 || strcmp(mount->type, "bcachefs") == 0;
}

static bool is_writable(const MountLine *mount)
{
        return strncmp(mount->options, "rw", 2) == 0 &&
                (mount->options[2] == ',' || mount->options[2] == '\0');
}

int rest_find_writable(FILE *mountinfo, char **ret)
{
        char *line = NULL;
        size_t allocated = 0, n_lines = 0;
        int r = 0;

        while (r == 0 && getline(&line, &allocated, mountinfo) > 0) {
                MountLine mount = { 0 };

                n_lines++;
                r = mount_line_parse(line, &mount);
                if (r < 0 || !is_on_disk(&mount) || !is_writable(&mount))
                        continue;
                *ret = strdup(mount.mount_point);
                r = *ret ? 1 : -ENOMEM;
        }
        if (r == 0 && (ferror(mountinfo) || n_lines == 0)) /* there is always a root */
                r = -EIO;
        free(line);
        return r;
}

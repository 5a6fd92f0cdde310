/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anything on a disk can still be written. */

#include "freeze/rest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* "36 35 98:0 / /data ro,noatime shared:1 - ext4 /dev/root rw,errors=continue", see proc(5). */
typedef struct MountLine {
        unsigned major;
        char *mount_point;
        char *type;
        char *source;
        char *options; /* of the file system, whatever a single mount of it may do */
} MountLine;

static int line_parse(char *line, MountLine *ret)
{
        char *behind = strstr(line, " - "), *save = NULL, *device;

        if (!behind)
                return -EBADMSG;
        *behind = '\0';
        (void)strtok_r(line, " ", &save);
        (void)strtok_r(NULL, " ", &save);
        device = strtok_r(NULL, " ", &save);
        (void)strtok_r(NULL, " ", &save);
        ret->mount_point = strtok_r(NULL, " ", &save);
        ret->type = strtok_r(behind + strlen(" - "), " ", &save);
        ret->source = strtok_r(NULL, " ", &save);
        ret->options = strtok_r(NULL, " \n", &save);
        if (!device || !ret->mount_point || !ret->options || sscanf(device, "%u:", &ret->major) != 1)
                return -EBADMSG;
        return 0;
}

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
                r = line_parse(line, &mount);
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

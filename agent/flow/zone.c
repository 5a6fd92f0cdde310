/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by their names in the zoneinfo. */

#include "flow/zone.h"

#include <fcntl.h>
#include <time.h>

#include "base/text.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 128
#define ZONE_MAGIC "TZif" /* RFC 8536 */

/* A name, and neither a path that leads out of the folder nor a rule such as "CET-1CEST". */
static bool name_is_valid(const char *name)
{
        return *name && *name != '/' && strlen(name) <= ZONE_NAME_MAX && !strstr(name, "..") &&
                name[strspn(name,
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_/")] ==
                '\0';
}

/* tzset(3) takes a zone that it does not find for UTC, and says nothing. */
int zone_check(const char *name)
{
        const char *folder = getenv("TZDIR");
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closep) int fd = -EBADF;
        char magic[sizeof(ZONE_MAGIC) - 1];

        if (streq(name, "UTC"))
                return 0;
        if (!name_is_valid(name))
                return -ENOENT;
        if (string_printf(&path, "%s/%s", folder && *folder ? folder : ZONE_FOLDER, name) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || read(fd, magic, sizeof(magic)) != (ssize_t)sizeof(magic))
                return -ENOENT;
        return memcmp(magic, ZONE_MAGIC, sizeof(magic)) == 0 ? 0 : -ENOENT;
}

int zone_enter(const char *name)
{
        int r = zone_check(name);

        if (r < 0)
                return r;
        if (setenv("TZ", name, /* overwrite= */ 1) < 0)
                return -errno;
        tzset();
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/mount-line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int mount_line_parse(char *line, MountLine *ret)
{
        char *behind = strstr(line, " - "), *save = NULL, *device;

        if (!behind)
                return -EBADMSG;
        *behind = '\0';
        (void)strtok_r(line, " ", &save);
        (void)strtok_r(NULL, " ", &save);
        device = strtok_r(NULL, " ", &save);
        ret->root = strtok_r(NULL, " ", &save);
        ret->mount_point = strtok_r(NULL, " ", &save);
        ret->type = strtok_r(behind + strlen(" - "), " ", &save);
        ret->source = strtok_r(NULL, " ", &save);
        ret->options = strtok_r(NULL, " \n", &save);
        if (!device || !ret->mount_point || !ret->options ||
                sscanf(device, "%u:%u", &ret->major, &ret->minor) != 2)
                return -EBADMSG;
        return 0;
}

static int octal_read(const char *digits)
{
        int value = 0;

        for (int i = 0; i < 3; i++) {
                if (digits[i] < '0' || digits[i] > '7')
                        return -EBADMSG;
                value = value * 8 + digits[i] - '0';
        }
        return value;
}

void mount_line_unescape(char *field)
{
        char *to = field;

        for (const char *from = field; *from; to++) {
                int value = *from == '\\' ? octal_read(from + 1) : -EBADMSG;

                *to = value < 0 ? *from : (char)value;
                from += value < 0 ? 1 : 4;
        }
        *to = '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names of jobs: "j-20261123T104400Z-1f9a3c", unique, and in the order of their time. */

#include "daemon/job-id.h"

#include <string.h>
#include <sys/random.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/text.h"

#define ID_MAX 64

int job_id_new(char **ret)
{
        char stamp[TIMESTAMP_MAX], compact[TIMESTAMP_MAX], suffix[7];
        unsigned char random[3];
        size_t n = 0;

        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return -EIO;
        hex_encode(random, sizeof(random), suffix);
        timestamp_format(clock_realtime_usec(), stamp);
        for (const char *p = stamp; *p; p++)
                if (*p != '-' && *p != ':')
                        compact[n++] = *p;
        compact[n] = '\0';
        return string_printf(ret, "j-%s-%s", compact, suffix);
}

bool job_id_is_valid(const char *id)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
        size_t length = strlen(id);

        return startswith(id, "j-") && length <= ID_MAX && strspn(id, letters) == length;
}

int job_id_path(const char *id, char **ret)
{
        return sd_bus_path_encode(JOB_PATH_PREFIX, id, ret);
}

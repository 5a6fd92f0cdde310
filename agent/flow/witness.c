/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this host was at rest between two boots, when EC2 took its snapshots. */

#include "flow/witness.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define FILE_BYTES_MAX 256

/* Until the time is synchronised, a kernel has it from the RTC, which counts whole seconds. */
#define CLOCK_ERROR_USEC USEC_PER_SEC

/*
 * By so much EC2's clock may be ahead of what an offset says: a Date has no fraction, and is as old
 * as its reply took to come. Clocks that agree have the offset 0, and count as the same.
 */
#define OFFSET_ERROR_USEC (2 * USEC_PER_SEC)

/* A time by this host's clock, and `agreed` more if the clocks agree, `else_more` if not, by EC2's. */
static bool to_ec2(uint64_t usec, const ClockOffset *clock, uint64_t agreed, uint64_t else_more,
        uint64_t *ret)
{
        uint64_t more = clock->usec == 0 ? agreed : else_more;

        return clock->known && !__builtin_add_overflow(usec, clock->usec, ret) &&
                !__builtin_add_overflow(*ret, more, ret);
}

static bool cut_at_rest(const ShutdownSight *sight)
{
        uint64_t from_usec, until_usec;

        if (!to_ec2(sight->rest_usec, &sight->clock_before, 0, OFFSET_ERROR_USEC, &from_usec) ||
                !to_ec2(sight->boot_usec, &sight->clock_now, CLOCK_ERROR_USEC, 0, &until_usec))
                return false;
        for (size_t i = 0; i < sight->snapshots->count; i++) {
                uint64_t usec = sight->snapshots->items[i].start_time_usec;

                if (usec == 0 || usec < from_usec || usec > until_usec)
                        return false;
        }
        return sight->snapshots->count > 0;
}

void witness_judge(const ShutdownSight *sight, Evidence *evidence)
{
        evidence->by_reboot = true;
        evidence->rebooted = sight->boot_before && !streq(sight->boot_before, sight->boot_now);
        evidence->seen_at_rest = evidence->rebooted && sight->rest_usec > 0;
        evidence->cut_at_rest = evidence->seen_at_rest &&
                streq_ptr(sight->boot_next, sight->boot_now) && cut_at_rest(sight);
}

int witness_boot_id(char **ret)
{
        _cleanup_(freep) char *text = NULL;
        int r = file_read(BOOT_ID_PATH, FILE_BYTES_MAX, &text, NULL);

        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

uint64_t witness_boot_usec(void)
{
        return clock_realtime_usec() - clock_usec();
}

int witness_ask(const char *path, const char *boot_id)
{
        _cleanup_(freep) char *text = NULL;

        if (string_printf(&text, "%s\n", boot_id) < 0)
                return -ENOMEM;
        return file_replace(path, text, strlen(text), 0644);
}

uint64_t witness_read(const char *path, const char *boot_id)
{
        _cleanup_(freep) char *text = NULL;
        const char *rest;
        uint64_t usec;

        if (file_read(path, FILE_BYTES_MAX, &text, NULL) < 0)
                return 0;
        rest = startswith(text, boot_id);
        rest = rest ? startswith(rest, "\nat-rest ") : NULL;
        /* The line's end shows that it was written whole. */
        if (!rest || !endswith(rest, "\n"))
                return 0;
        text[strlen(text) - 1] = '\0';
        return parse_u64(rest, &usec) < 0 ? 0 : usec;
}

/* Anything else that is mounted is gone when the witness looks. */
static bool is_on_root(const char *path)
{
        size_t length = (size_t)(strrchr(path, '/') - path);
        _cleanup_(freep) char *folder = strndup(path, length);
        struct stat root, state;

        return folder && stat("/", &root) == 0 && stat(folder, &state) == 0 &&
                root.st_dev == state.st_dev;
}

const char *witness_obstacle(const char *path)
{
        if (access(WITNESS, X_OK) < 0)
                return "there is no " WITNESS ", or systemd does not shut this host down";
        if (!is_on_root(path))
                return "the state directory of quiesced is not on the root file system, the last one "
                       "that a shutdown leaves";
        return NULL;
}

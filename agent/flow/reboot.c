/* SPDX-License-Identifier: Apache-2.0 */
/* Method=reboot: EC2 shuts this host down, takes the snapshots, and boots it again. */

#include "flow/reboot.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/cut.h"
#include "flow/follow.h"
#include "flow/witness.h"

/* The next boot may have another clock: what this one is worth is put down while it goes. */
static void note_clock(Bake *bake)
{
        Record *record = &bake->record;

        record->asked_usec = clock_realtime_usec();
        record->asked_ec2_usec = aws_client_knows_clock(bake->aws) ?
                record->asked_usec + (uint64_t)aws_client_clock_offset_usec(bake->aws) : 0;
}

int reboot_prepare(Bake *bake)
{
        Record *record = &bake->record;
        int r = 0;

        note_clock(bake);
        /* Where the plan knows already that the set is not whole, no testimony can make it so. */
        if (bake->plan.complete_coverage) {
                r = witness_boot_id(&record->boot_id);
                if (r >= 0)
                        r = witness_ask(bake->settings->witness_path, record->boot_id);
        }
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The witness of the shutdown cannot be asked, in %s: %s",
                        bake->settings->witness_path, strerror(-r));
        return 0;
}

/* Whoever waits in this boot has not been rebooted, and whoever is in the next one is late already. */
static int give_up(Bake *bake)
{
        _cleanup_(freep) char *span = NULL;

        (void)format_usec(bake->settings->reboot_usec, &span);
        return failure_set(&bake->failure, FAILURE_API_TIMEOUT, -ETIMEDOUT,
                "EC2 has accepted CreateImage (%s), and has taken no snapshots for %s: it has not shut "
                "this host down, or not said so; a reboot may still come",
                bake->record.image_id, span ? span : "too long");
}

static int look_for_cut(Bake *bake, Attempt *ret)
{
        int r = follow_image(bake, ret);

        ret->complete = r == 0 && bake->record.snapshots.count >= bake->record.volumes.count;
        if (r == 0 && !ret->complete &&
                clock_usec() >= ret->since_usec + bake->settings->reboot_usec)
                return give_up(bake);
        return r;
}

/* On record before anything is waited for: EC2 may reboot this host yet, after somebody else has. */
static int note_boot(Bake *bake)
{
        _cleanup_(freep) char *boot_now = NULL;
        Record *record = &bake->record;
        int r;

        if (!record->boot_id || record->next_boot_id)
                return 0;
        r = witness_boot_id(&boot_now);
        if (r >= 0 && streq(record->boot_id, boot_now))
                return 0;
        if (r >= 0)
                r = string_replace(&record->next_boot_id, boot_now);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The id of this boot cannot be noted: %s", strerror(-r));
        return bake_save(bake);
}

static int judge(Bake *bake, Attempt *ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
        _cleanup_(freep) char *boot_now = NULL;
        const Record *record = &bake->record;
        ShutdownSight sight = { .boot_before = record->boot_id,
                .boot_next = record->next_boot_id, .snapshots = &snapshots };
        int r = follow_describe_snapshots(bake, &snapshots);

        if (r == 0)
                r = cut_check_volumes(bake, &snapshots);
        if (r != 0)
                return r;
        r = witness_boot_id(&boot_now);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The id of this boot cannot be read: %s", strerror(-r));
        sight.boot_now = boot_now;
        sight.boot_usec = witness_boot_usec();
        sight.clock_before = (ClockOffset){ (int64_t)(record->asked_ec2_usec - record->asked_usec),
                .known = record->asked_ec2_usec > 0 };
        sight.clock_now = (ClockOffset){ aws_client_clock_offset_usec(bake->aws),
                .known = aws_client_knows_clock(bake->aws) };
        if (record->boot_id)
                sight.rest_usec = witness_read(bake->settings->witness_path, record->boot_id);
        bake->evidence = (Evidence){ .complete_coverage = record->boot_id,
                .same_volumes = cut_has_planned_only(bake, &snapshots) };
        witness_judge(&sight, &bake->evidence);
        ret->complete = true;
        return 0;
}

int reboot_await(Bake *bake)
{
        int r;

        observer_step(bake->observer, STEP_CUT);
        r = note_boot(bake);
        if (r >= 0)
                r = follow(bake, look_for_cut);
        if (r >= 0)
                r = follow(bake, judge);
        return r < 0 ? r : cut_record_class(bake);
}

void reboot_forget(const Bake *bake)
{
        if (bake->record.method == METHOD_REBOOT && record_is_finished(&bake->record))
                (void)unlink(bake->settings->witness_path);
}

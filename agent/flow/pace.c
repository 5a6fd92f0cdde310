/* SPDX-License-Identifier: Apache-2.0 */
/* Whether EC2 would take a snapshot of each volume now; if not, it is waited for. */

#include "flow/pace.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* "Amazon EBS quotas": concurrent snapshots per volume, of st1 and sc1, and of all other types. */
#define PENDING_MAX 5
#define PENDING_MAX_HDD 1

/* Between two looks at what is pending; and the longest silence towards the daemon. */
#define LOOK_USEC_MIN (USEC_PER_SEC)
#define LOOK_USEC_MAX (15 * USEC_PER_SEC)
#define SLICE_USEC (2 * USEC_PER_SEC)

uint64_t pace_spacing_left(uint64_t last_usec, uint64_t now_usec, uint64_t spacing_usec)
{
        if (last_usec == 0 || last_usec > now_usec || now_usec - last_usec >= spacing_usec)
                return 0;
        return spacing_usec - (now_usec - last_usec);
}

size_t pace_pending_max(const char *volume_type)
{
        return volume_type && (streq(volume_type, "st1") || streq(volume_type, "sc1")) ?
                PENDING_MAX_HDD :
                PENDING_MAX;
}

static size_t count_pending(const Ec2SnapshotList *pending, const char *volume_id)
{
        size_t n = 0;

        for (size_t i = 0; i < pending->count; i++)
                n += streq_ptr(pending->items[i].volume_id, volume_id);
        return n;
}

const char *pace_find_crowded(
        const StringList *volumes, const Ec2VolumeList *types, const Ec2SnapshotList *pending)
{
        for (size_t i = 0; i < volumes->count; i++) {
                const char *id = volumes->items[i];
                const Ec2Volume *volume = ec2_volume_list_find(types, id);

                if (count_pending(pending, id) >= pace_pending_max(volume ? volume->type : NULL))
                        return id;
        }
        return NULL;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

void pace_be_patient(Bake *bake, bool patient)
{
        if (patient && bake->patience.patient_usec == 0) {
                retry_init(&bake->patience, clock_usec(), /* retries_not_found= */ false);
                retry_be_patient(&bake->patience, clock_usec() + BAKE_PATIENCE_USEC);
        }
        if (bake->aws)
                aws_client_set_patience(bake->aws, patient ? &bake->patience : NULL);
}

int pace_rest(Bake *bake, uint64_t usec)
{
        uint64_t end_usec = clock_usec() + usec;
        const Observer *observer = bake->observer;

        for (;;) {
                uint64_t now_usec = clock_usec();
                int r = bake_check_cancelled(bake);

                if (r < 0 || now_usec >= end_usec)
                        return r;
                (void)bake_cancelled(bake); /* shows that we are alive */
                usec = end_usec - now_usec;
                observer->wait(observer->userdata, usec < SLICE_USEC ? usec : SLICE_USEC,
                        /* fd= */ -1);
        }
}

/* --- The time since the last snapshot --------------------------------------------------------- */

static bool shares_volume(const Record *record, const StringList *volumes)
{
        for (size_t i = 0; i < record->volumes.count; i++)
                if (string_list_contains(volumes, record->volumes.items[i]))
                        return true;
        return false;
}

/* When this host last had a snapshot of one of the volumes cut, as far as it is on record; or 0. */
static uint64_t last_cut_usec(const Bake *bake, uint64_t now_usec)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        uint64_t last_usec = 0;

        if (record_list(bake->settings->job_folder, &ids) < 0)
                return 0;
        for (size_t i = 0; i < ids.count; i++) {
                _cleanup_(record_done) Record record = { 0 };

                if (streq(ids.items[i], bake->record.id) ||
                        record_load(bake->settings->job_folder, ids.items[i], &record) < 0)
                        continue;
                if (record.cut_usec > last_usec && record.cut_usec <= now_usec &&
                        shares_volume(&record, &bake->record.volumes))
                        last_usec = record.cut_usec;
        }
        return last_usec;
}

static int await_spacing(Bake *bake)
{
        _cleanup_(freep) char *span = NULL;
        uint64_t spacing_usec = bake->settings->volume_spacing_usec, now_usec, left_usec;

        if (spacing_usec == 0)
                return 0;
        now_usec = clock_realtime_usec();
        left_usec = pace_spacing_left(last_cut_usec(bake, now_usec), now_usec, spacing_usec);
        if (left_usec == 0)
                return 0;
        if (format_usec(left_usec, &span) >= 0)
                log_notice("EC2 refuses snapshots of a volume that follow each other too soon: "
                           "waiting for %s, see VolumeSpacingSec=", span);
        return pace_rest(bake, left_usec);
}

/* --- What is pending -------------------------------------------------------------------------- */

/* *ret is the crowded volume, or NULL: also where EC2 does not tell, since the call itself will. */
static int look_for_crowd(Bake *bake, const char **ret)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList pending = { 0 };
        _cleanup_(ec2_volume_list_done) Ec2VolumeList types = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const StringList *volumes = &bake->record.volumes;
        const Ec2SnapshotFilter filter = { .pending_of = volumes };
        int r = ec2_describe_snapshots(bake->aws, &filter, /* flags= */ 0, &pending, &error);

        if (r == 0 && pending.count > 0) {
                r = ec2_describe_volumes(bake->aws, volumes, &types, &error);
                if (r > 0)
                        log_warning("The types of the volumes are not known: %s",
                                error.message ? error.message : "no reason given");
        }
        *ret = pace_find_crowded(volumes, &types, &pending);
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory") : 0;
}

static int fail_crowded(Bake *bake, const char *volume_id)
{
        return failure_set(&bake->failure, FAILURE_BUSY, -EBUSY,
                "EC2 takes no further snapshot of %s while so many of it are pending, and waiting "
                "for them would take longer than PendingWaitSec= allows: bake again when they are "
                "complete (aws ec2 describe-snapshots --filters Name=volume-id,Values=%s "
                "Name=status,Values=pending)",
                volume_id, volume_id);
}

static int await_room(Bake *bake)
{
        uint64_t end_usec = clock_usec() + bake->settings->pending_wait_usec;
        uint64_t pause_usec = LOOK_USEC_MIN;
        const char *crowded;

        for (bool told = false;; told = true) {
                int r = look_for_crowd(bake, &crowded);

                if (r < 0 || !crowded)
                        return r < 0 ? r : bake_check_cancelled(bake);
                if (clock_usec() + pause_usec > end_usec)
                        return fail_crowded(bake, crowded);
                if (!told)
                        log_notice("EC2 takes no further snapshot of %s while so many of it are "
                                   "pending: waiting for them", crowded);
                r = pace_rest(bake, pause_usec);
                if (r < 0)
                        return r;
                pause_usec += pause_usec / 2;
                if (pause_usec > LOOK_USEC_MAX)
                        pause_usec = LOOK_USEC_MAX;
        }
}

int pace_await(Bake *bake)
{
        int r;

        if (bake->record.volumes.count == 0) /* a bundle takes no snapshot */
                return 0;
        r = await_spacing(bake);
        return r < 0 ? r : await_room(bake);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the disk that is bundled, as quiesced-capture stages it. */

#include "flow/staging.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/errand.h"
#include "flow/plan-bundle.h"
#include "flow/removed-list.h"

/* Its own limit, see freeze/capture/protocol.h. */
#define BUDGET_USEC_MAX CAPTURE_BUDGET_MAX_USEC

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

/* A connection that a cancel has broken off is no failure of the capture. */
static int judge(Bake *bake, CaptureClient *capture, int r)
{
        if (r == 0)
                return 0;
        if (bake_check_cancelled(bake) < 0)
                return -ECANCELED;
        return failure_set(&bake->failure, FAILURE_CAPTURE_FAILED, r < 0 ? r : -EREMOTEIO, "%s",
                capture_client_error(capture));
}

static int connect_capture(Bake *bake, CaptureClient **ret)
{
        const char *path = bake->settings->capture_socket;
        int r = capture_connect(path, ret);

        if (r == 0)
                return 0;
        return failure_set(&bake->failure, FAILURE_CAPTURE_FAILED, r,
                "The capture of disks does not answer on %s: %s; start quiesced-capture.socket",
                path, strerror(-r));
}

int staging_check(Bake *bake)
{
        _cleanup_(capture_freep) CaptureClient *capture = NULL;

        return connect_capture(bake, &capture);
}

static const char *folder_of(const Record *record)
{
        return json_get_string(record->bundle, "folder", NULL);
}

static void break_off(void *userdata)
{
        capture_break_off(userdata);
}

static int run_errand(Bake *bake, int (*run)(void *userdata))
{
        const Errand errand = { .run = run, .break_off = break_off, .userdata = bake->capture };

        return judge(bake, bake->capture, errand_run(bake, &errand));
}

/* --- Before the window ------------------------------------------------------------------------ */

static CapturePlace place_of(const FileSystem *fs)
{
        return (CapturePlace){ .major = fs->major, .minor = fs->minor, .path = fs->mount_point };
}

/* All that is mounted of the disk, the image's root first. */
static size_t list_places(const Bake *bake, CapturePlace *places)
{
        const Topology *topology = &bake->topology;
        size_t n = 0;

        places[n++] = place_of(bake->plan.bundled);
        for (size_t i = 0; i < topology->n_file_systems; i++) {
                const FileSystem *fs = topology->file_systems + i;

                if (fs != bake->plan.bundled && plan_bundle_is_on_disk(&bake->plan, fs))
                        places[n++] = place_of(fs);
        }
        return n;
}

static int begin(Bake *bake)
{
        _cleanup_(freep) CapturePlace *places =
                calloc(bake->topology.n_file_systems + 1, sizeof(CapturePlace));
        CaptureOrder order = {
                .job = bake->record.id,
                .folder = folder_of(&bake->record),
                .major = bake->plan.bundled->disk_major,
                .minor = bake->plan.bundled->disk_minor,
                .places = places,
        };

        if (!places)
                return fail_memory(bake);
        order.n_places = list_places(bake, places);
        return judge(bake, bake->capture, capture_begin(bake->capture, &order));
}

static int run_passes(void *userdata)
{
        return capture_passes(userdata);
}

static void note_pass(const Bake *bake)
{
        const CaptureReport *report = capture_report(bake->capture);

        log_info("%s: %llu bytes are in use, %llu changed while they were last read",
                bake->plan.bundled->disk, (unsigned long long)report->used_bytes,
                (unsigned long long)report->changed_bytes);
}

int staging_read(Bake *bake)
{
        int r;

        bake->capture = capture_free(bake->capture);
        r = connect_capture(bake, &bake->capture);
        if (r >= 0)
                r = begin(bake);
        if (r >= 0)
                r = run_errand(bake, run_passes);
        if (r >= 0)
                note_pass(bake);
        return r;
}

/* --- The window ------------------------------------------------------------------------------- */

void staging_cut(Bake *bake)
{
        uint64_t now_usec = clock_usec();
        uint64_t left_usec =
                bake->send_deadline_usec > now_usec ? bake->send_deadline_usec - now_usec : 0;

        if (left_usec > BUDGET_USEC_MAX)
                left_usec = BUDGET_USEC_MAX;
        bake->capture_outcome = left_usec < CAPTURE_BUDGET_MIN_USEC
                ? -ETIMEDOUT
                : capture_final(bake->capture, left_usec);
        bake->evidence.answered_inside = bake->capture_outcome == 0;
        bake->evidence.same_volumes = true; /* it is one disk, which was open all the time */
}

/* --- After the thaw --------------------------------------------------------------------------- */

static int check_window(Bake *bake)
{
        if (bake->capture_outcome == 0 && bake->evidence.thawed_by_us)
                return 0;
        if (bake->capture_outcome == 0 || bake->capture_outcome == -ETIMEDOUT)
                return failure_set(&bake->failure, FAILURE_FREEZE_TIMEOUT, -ETIMEDOUT,
                        "The budget of the freeze was over before the disk was read once more: "
                        "raise "
                        "FreezeBudgetSec=, or bake when less is written");
        return judge(bake, bake->capture, bake->capture_outcome);
}

static int add_rules(Bake *bake, CaptureRuleKind kind, const StringList *patterns)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < patterns->count; i++)
                r = capture_rule(bake->capture, kind, patterns->items[i]);
        return judge(bake, bake->capture, r);
}

typedef struct Scrub {
        CaptureClient *capture;
        unsigned flags;
} Scrub;

static int run_scrub(void *userdata)
{
        const Scrub *scrub = userdata;

        return capture_scrub(scrub->capture, scrub->flags);
}

static void break_off_scrub(void *userdata)
{
        const Scrub *scrub = userdata;

        capture_break_off(scrub->capture);
}

static unsigned scrub_flags(const BundleWish *wish)
{
        return (wish->scrub ? 0 : CAPTURE_SCRUB_NO_DEFAULTS) |
                (wish->reset_machine_id ? CAPTURE_SCRUB_MACHINE_ID : 0) |
                (wish->reset_leases ? CAPTURE_SCRUB_LEASES : 0);
}

/* Of a list that is longer than what the job itself has of it. */
static int keep_list(Bake *bake, json_t *scrubbed)
{
        _cleanup_(closep) int fd = capture_take_list(bake->capture);
        _cleanup_(freep) char *path = NULL;
        int r = fd < 0 ? 0 : removed_list_write(&bake->record, fd, &path);

        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r,
                        "The list of what was removed from the image cannot be kept in %s: %s",
                        bake->record.folder, strerror(-r));
        if (path && json_object_set_new(scrubbed, "file", json_text(path)) < 0)
                return fail_memory(bake);
        return 0;
}

/* "scrubbed": what is gone from the image, and where the rest of a long list is. */
static int record_removals(Bake *bake)
{
        const CaptureRemovals *removals = capture_removals(bake->capture);
        _cleanup_(json_decrefp) json_t *paths = json_array();
        const char *path = removals->list;
        json_t *scrubbed;
        int r;

        for (uint32_t i = 0; i < removals->n_listed; i++, path += strlen(path) + 1)
                if (json_array_append_new(paths, json_text(path)) < 0)
                        return fail_memory(bake);
        if (!bake->record.details)
                bake->record.details = json_object();
        scrubbed = json_pack("{s:I,s:I,s:O}", "count", (json_int_t)removals->n_removed, "bytes",
                (json_int_t)removals->removed_bytes, "paths", paths);
        if (json_object_set_new(bake->record.details, "scrubbed", scrubbed) < 0)
                return fail_memory(bake);
        r = keep_list(bake, scrubbed);
        if (r >= 0 && observer_details(bake->observer, json_incref(bake->record.details)) < 0)
                return fail_memory(bake);
        return r;
}

static int scrub(Bake *bake)
{
        const BundleWish *wish = &bake->profile.bundle;
        Scrub what = { .capture = bake->capture, .flags = scrub_flags(wish) };
        const Errand errand = { .run = run_scrub, .break_off = break_off_scrub, .userdata = &what };
        int r = add_rules(bake, CAPTURE_RULE_INCLUDE, &wish->include);

        if (r >= 0)
                r = add_rules(bake, CAPTURE_RULE_EXCLUDE, &wish->exclude);
        if (r >= 0)
                r = judge(bake, bake->capture, errand_run(bake, &errand));
        return r < 0 ? r : record_removals(bake);
}

/* Only its name counts: whoever bundles it opens it anew, as after a crash. */
static int run_keep(void *userdata)
{
        _cleanup_(closep) int fd = -EBADF;

        return capture_keep(userdata, &fd);
}

int staging_keep(Bake *bake)
{
        json_int_t used_bytes = (json_int_t)capture_report(bake->capture)->used_bytes;
        int r = check_window(bake);

        if (r >= 0)
                r = scrub(bake);
        bake_pause_point("scrubbed");
        if (r >= 0)
                r = run_errand(bake, run_keep);
        bake->capture = capture_free(bake->capture);
        bake_pause_point("kept");
        if (r < 0)
                return r;
        if (json_object_set_new(bake->record.bundle, "used-bytes", json_integer(used_bytes)) < 0)
                return fail_memory(bake);
        return 0;
}

int staging_open(Bake *bake, int *ret_fd)
{
        _cleanup_(capture_freep) CaptureClient *capture = NULL;
        int r = connect_capture(bake, &capture);

        if (r < 0)
                return r;
        return judge(bake, capture,
                capture_take_fd(capture, bake->record.id, folder_of(&bake->record), ret_fd));
}

int staging_discard(Bake *bake)
{
        _cleanup_(capture_freep) CaptureClient *capture = NULL;
        int r = connect_capture(bake, &capture);

        if (r >= 0)
                r = capture_discard(capture, bake->record.id, folder_of(&bake->record));
        if (r <= 0)
                return r;
        return failure_set(&bake->failure, FAILURE_CAPTURE_FAILED, -EREMOTEIO, "%s",
                capture_client_error(capture));
}

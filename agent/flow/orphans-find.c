/* SPDX-License-Identifier: Apache-2.0 */
/* Orphans of the account: looked for, told, and deleted. */

#include "flow/orphans-find.h"

#include "aws/ec2-guarded.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/claims.h"
#include "flow/bundle.h"
#include "flow/identify.h"
#include "flow/labels.h"
#include "flow/orphans-bundle.h"
#include "flow/removal-entry.h"
#include "flow/removal.h"
#include "flow/turn.h"

/*
 * A call each, so that a listing of thousands does not take all day: a deletion asks in any case.
 */
#define SHARED_MAX 200

#define SHARED "it is shared with others"

typedef struct Search {
        Bake *bake;
        OrphanScene scene;
        OrphanList orphans;
} Search;

static void search_done(Search *search)
{
        orphan_scene_done(&search->scene);
        orphan_list_done(&search->orphans);
}

/* --- What there is ---------------------------------------------------------------------------- */

static int on_images(void *userdata, Ec2ImageList *page)
{
        Search *search = userdata;

        for (size_t i = 0; i < page->count; i++)
                if (orphan_scene_add_image(&search->scene, &page->items[i]) < 0)
                        return -ENOMEM;
        (void)bake_cancelled(search->bake); /* shows that we are alive */
        return 0;
}

static int on_snapshots(void *userdata, Ec2SnapshotList *page)
{
        Search *search = userdata;

        for (size_t i = 0; i < page->count; i++)
                if (orphan_scene_add_pending(&search->scene, &page->items[i]) < 0 ||
                        orphans_judge_snapshot(
                                &search->scene, &page->items[i], &search->orphans) < 0)
                        return -ENOMEM;
        (void)bake_cancelled(search->bake);
        return 0;
}

/* What a service does not know cannot be there; what a policy forbids to see, EC2 still guards. */
static int read_locks(Search *search)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_list_locked_snapshots(search->bake->aws, &search->scene.locked, &error);

        if (r == EC2_E_REFUSED) {
                log_info("Which snapshots are locked is not known: %s",
                        error.message ? error.message : error.code);
                return 0;
        }
        return r == 0 ? 0 : bake_fail_api(search->bake, "DescribeLockedSnapshots", r, &error);
}

static int read_images(Search *search)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .all = true };
        int r = ec2_list_images(search->bake->aws, &filter, on_images, search, &error);

        return r == 0 ? 0 : bake_fail_api(search->bake, "DescribeImages", r, &error);
}

static int read_snapshots(Search *search)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool all = search->scene.all;
        Ec2SnapshotFilter filter = {
                .all = all,
                .tag_key = all ? NULL : LABEL_INSTANCE,
                .tag_value = search->scene.instance_id,
        };
        int r = ec2_list_snapshots(search->bake->aws, &filter, on_snapshots, search, &error);

        return r == 0 ? 0 : bake_fail_api(search->bake, "DescribeSnapshots", r, &error);
}

static int read_instances(Search *search)
{
        _cleanup_(ec2_instance_list_done) Ec2InstanceList instances = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2InstanceFilter filter = { .tag_key = LABEL_VERIFY };
        int r = ec2_describe_instances(search->bake->aws, &filter, &instances, &error);

        if (r != 0)
                return bake_fail_api(search->bake, "DescribeInstances", r, &error);
        for (size_t i = 0; i < instances.count; i++)
                if (orphans_judge_instance(
                            &search->scene, &instances.items[i], &search->orphans) < 0)
                        return -ENOMEM;
        return 0;
}

/* --- The last word ---------------------------------------------------------------------------- */

static int list_lost_images(const OrphanList *orphans, StringList *ret)
{
        for (size_t i = 0; i < orphans->count; i++) {
                const Orphan *orphan = &orphans->items[i];

                if (orphan->kind == ORPHAN_SNAPSHOT && orphan->of_is_image &&
                        !string_list_contains(ret, orphan->of) && string_list_add(ret, orphan->of) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int on_existing(void *userdata, Ec2ImageList *page)
{
        for (size_t i = 0; i < page->count; i++)
                if (string_list_add(userdata, page->items[i].id) < 0)
                        return -ENOMEM;
        return 0;
}

/* Also another account's: what exists for anybody is not gone. */
static int settle(Search *search)
{
        _cleanup_(string_list_done) StringList lost = STRING_LIST_INIT, existing = STRING_LIST_INIT;

        if (list_lost_images(&search->orphans, &lost) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < lost.count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
                StringList some = { lost.items + i, lost.count - i };
                Ec2ImageFilter filter = { .ids = &some };
                int r;

                if (some.count > EC2_FILTER_VALUES_MAX)
                        some.count = EC2_FILTER_VALUES_MAX;
                r = ec2_list_images(search->bake->aws, &filter, on_existing, &existing, &error);
                if (r != 0)
                        return bake_fail_api(search->bake, "DescribeImages", r, &error);
        }
        orphan_scene_sort(&search->scene); /* snapshots under way were added since */
        orphans_settle(&search->scene, &existing, &search->orphans);
        return 0;
}

/* *ret_shared also when nobody can tell: what others may use stays. */
static int ask_shared(Bake *bake, const Orphan *orphan, bool *ret_shared)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool shared = true;
        int r;

        if (orphan->kind != ORPHAN_SNAPSHOT) {
                *ret_shared = false;
                return 0;
        }
        r = ec2_is_snapshot_shared(bake->aws, orphan->id, &shared, &error);
        if (r < 0)
                return r;
        if (r != 0)
                log_info("Whether %s is shared is not known: %s", orphan->id,
                        error.message ? error.message : ec2_outcome_to_string((Ec2Outcome)r));
        *ret_shared = shared;
        return 0;
}

static int drop_shared(Search *search)
{
        OrphanList *orphans = &search->orphans;
        size_t n_asked = 0;

        for (size_t i = 0; i < orphans->count && n_asked < SHARED_MAX; n_asked++) {
                bool shared = false;

                if (ask_shared(search->bake, &orphans->items[i], &shared) < 0)
                        return -ENOMEM;
                if (shared)
                        orphan_list_drop(orphans, i);
                else
                        i++;
        }
        return 0;
}

static int search_run(Search *search, const BakeRequest *request)
{
        Bake *bake = search->bake;
        int r;

        search->scene.instance_id = bake->identity.instance_id;
        search->scene.all = json_get_bool(request->options, "all", false);
        search->scene.min_age_usec = bake->settings->orphan_age_usec;
        r = claims_read(bake->settings, request->job, &search->scene.claims, &bake->failure);
        if (r >= 0)
                r = read_locks(search);
        if (r >= 0)
                r = read_images(search);
        orphan_scene_sort(&search->scene);
        search->scene.now_usec = aws_client_realtime_usec(bake->aws); /* EC2's, by its replies */
        if (r >= 0)
                r = read_snapshots(search);
        if (r >= 0)
                r = read_instances(search);
        if (r >= 0)
                r = orphans_find_bundles(bake, &search->scene, &search->orphans);
        if (r >= 0)
                r = orphans_find_bundleless(bake, &search->scene, &search->orphans);
        if (r >= 0)
                r = settle(search);
        if (r >= 0)
                r = drop_shared(search);
        return r;
}

int run_orphans(Bake *bake, const BakeRequest *request)
{
        _cleanup_(search_done) Search search = { .bake = bake };
        const OrphanPrices prices = {
                .ebs_micro = bake->settings->price_micro,
                .s3_micro = bake->settings->bundle_price_micro,
        };
        json_t *answer = NULL;
        int r = step_identity(bake);

        if (r >= 0)
                r = search_run(&search, request);
        if (r >= 0)
                r = orphans_to_json(&search.orphans, &prices, &answer);
        if (r >= 0)
                r = observer_answer(bake->observer, answer);
        return r < 0 ? failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r)) : 0;
}

/* --- Deletion --------------------------------------------------------------------------------- */

/* Where its entry stands in a removal; NULL for what is no id. */
static const char *entries_of(const char *id)
{
        static const char *const entries[][2] = {
                { "snap-", "snapshots" },
                { "i-", "instances" },
                { "ami-", "images" },
        };

        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                if (ec2_id_is_valid(id, entries[i][0]))
                        return entries[i][1];
        return endswith(id, BUNDLE_MANIFEST_SUFFIX) && strchr(id, '/') ? "bundles" : NULL;
}

static int add_entry(Search *search, json_t *removal, const char *id)
{
        const Orphan *orphan = orphan_list_find(&search->orphans, id);
        json_t *entry = json_pack("{s:s}", "id", id);
        bool shared = false;
        int r = orphan ? ask_shared(search->bake, orphan, &shared) : 0;

        if (entry && r >= 0 && orphan && orphan->kind == ORPHAN_IMAGE &&
                json_object_set_new(entry, "bundleless", json_true()) < 0)
                r = -ENOMEM;
        if (entry && r >= 0 && (!orphan || shared))
                r = entry_refuse(entry, FAILURE_INVALID_ARGUMENT,
                        orphan ? SHARED : "it is no orphan, or not any more");
        if (r < 0) {
                json_decref(entry);
                return r;
        }
        return entry_add(removal, entries_of(id), entry);
}

static int read_request(Bake *bake, const BakeRequest *request, StringList *ret)
{
        size_t count = json_array_size(request->ids), n_bytes = 0, i;
        const json_t *value;

        if (count == 0 || count > REMOVAL_IDS_MAX)
                return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                        "Name the orphans to delete: 1 to %d at a time", REMOVAL_IDS_MAX);
        json_array_foreach(request->ids, i, value) {
                const char *id = json_string_value(value);

                if (!id || !entries_of(id))
                        return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -EINVAL,
                                "'%s' is no id of a snapshot, an instance or an image, which look "
                                "like snap-0123456789abcdef0, and no BUCKET/KEY of a manifest",
                                id ? id : "");
                if (string_list_contains(ret, id))
                        continue;
                n_bytes += strlen(id);
                if (n_bytes > REMOVAL_BYTES_MAX)
                        return failure_set(&bake->failure, FAILURE_INVALID_ARGUMENT, -E2BIG,
                                "These ids are longer than one job can keep on record (%d bytes): "
                                "name fewer at a time",
                                REMOVAL_BYTES_MAX);
                if (string_list_add(ret, id) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int fill_removal(Search *search, const StringList *ids)
{
        Record *record = &search->bake->record;

        record->removal = json_object();
        for (size_t i = 0; i < ids->count; i++) {
                int r = add_entry(search, record->removal, ids->items[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int run_delete_orphans(Bake *bake, const BakeRequest *request)
{
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(search_done) Search search = { .bake = bake };
        _cleanup_(closep) int turn = -EBADF;
        int r = read_request(bake, request, &ids);

        if (r >= 0)
                r = step_identity(bake);
        if (r >= 0)
                r = bake_begin_record(bake, request->job, "orphans");
        if (r >= 0)
                r = turn_await(bake, TURN_REMOVAL, &turn);
        if (r >= 0)
                r = search_run(&search, request);
        if (r >= 0)
                r = fill_removal(&search, &ids);
        if (r >= 0)
                r = bake_check_cancelled(bake);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r));
        return removal_run(bake, /* is_retention= */ false);
}

/* --- After an interruption -------------------------------------------------------------------- */

/* What is gone already is not asked about in vain: that is success. */
static int refuse_shared(Bake *bake, json_t *entry)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        bool shared = false;
        int r = ec2_is_snapshot_shared(bake->aws, entry_id(entry), &shared, &error);

        if (r < 0)
                return r;
        return r == 0 && shared ? entry_refuse(entry, FAILURE_INVALID_ARGUMENT, SHARED) : 0;
}

int orphans_resume(Bake *bake)
{
        json_t *entry;
        size_t i;
        int r = 0;

        json_array_foreach(json_object_get(bake->record.removal, "snapshots"), i, entry)
                if (r >= 0 && !entry_is_settled(entry))
                        r = refuse_shared(bake, entry);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r));
        return removal_run(bake, /* is_retention= */ false);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/orphans.h"

#include <math.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/labels.h"
#include "tests/unit/unit.h"

#define TEXT(string) ((char *)(uintptr_t)(string))
#define DAY_USEC (86400 * USEC_PER_SEC)
#define NOW_USEC (20000 * DAY_USEC)
#define SELF "i-0123456789abcdef0"
#define GONE "ami-0fedcba9876543210"
#define THERE "ami-0123456789abcdef0"
#define PLACE "bundles/nightly/web.manifest.xml"
#define OF(image) "Created by CreateImage(" SELF ") for " image

/* An image that is there, with a snapshot and a job; a record of another job; a lock. */
static void scene_make(OrphanScene *scene)
{
        Ec2BlockDevice device = { .snapshot_id = TEXT("snap-used") };
        Tag tag = { TEXT(LABEL_JOB), TEXT("there") };
        const Ec2Image image = { .id = TEXT(THERE), .devices = &device, .n_devices = 1,
                .tags = { &tag, 1 } };

        *scene = (OrphanScene){ .instance_id = SELF, .now_usec = NOW_USEC, .min_age_usec = DAY_USEC };
        assert_return_code(orphan_scene_add_image(scene, &image), 0);
        assert_return_code(string_list_add(&scene->claims, "unfinished"), 0);
        assert_return_code(string_list_add(&scene->claims, "snap-claimed"), 0);
        assert_return_code(string_list_add(&scene->locked, "snap-locked"), 0);
        orphan_scene_sort(scene);
}

typedef struct Case {
        const char *id;
        const char *description;
        const char *job; /* and with it the instance; or NULL */
        const char *kind;
        const char *instance; /* NULL: our own */
        int state;
        uint64_t age_usec; /* 0: two days */
        const char *of; /* it is an orphan; or NULL */
} Case;

static void judge(const OrphanScene *scene, const Case *one, OrphanList *found)
{
        Tag tags[] = {
                { TEXT(LABEL_JOB), TEXT(one->job) },
                { TEXT(LABEL_INSTANCE), TEXT(one->instance ? one->instance : SELF) },
                { TEXT(LABEL_KIND), TEXT(one->kind) },
        };
        const Ec2Snapshot snapshot = {
                .id = TEXT(one->id),
                .volume_id = TEXT("vol-0123456789abcdef0"),
                .description = TEXT(one->description),
                .state = (Ec2SnapshotState)one->state,
                .size_gib = 8,
                .start_time_usec = NOW_USEC - (one->age_usec ? one->age_usec : 2 * DAY_USEC),
                .tags = { tags, !one->job ? 0 : one->kind ? 3 : 2 },
        };

        assert_return_code(orphans_judge_snapshot(scene, &snapshot, found), 0);
}

static void check(const OrphanScene *scene, const Case *cases, size_t n_cases)
{
        for (size_t i = 0; i < n_cases; i++) {
                OrphanList found = { 0 };

                judge(scene, &cases[i], &found);
                if (found.count != (cases[i].of ? 1u : 0u))
                        fail_msg("%zu %s: %zu", i, cases[i].id, found.count);
                if (found.count > 0)
                        assert_string_equal(found.items[0].of, cases[i].of);
                orphan_list_done(&found);
        }
}

#define COMPLETED EC2_SNAPSHOT_COMPLETED

static void our_own_are_judged_by_description_and_job(void **state)
{
        const Case cases[] = {
                { "snap-1", OF(GONE), "there", "image", NULL, COMPLETED, 0, GONE },
                { "snap-2", OF(GONE), "lost", NULL, NULL, COMPLETED, 0, GONE },
                { "snap-3", OF(GONE), "lost", "image", NULL, EC2_SNAPSHOT_ERROR, 0, GONE },
                { "snap-4", "", "lost", "image", NULL, COMPLETED, 0, "lost" },
                { "snap-5", OF(THERE), "lost", "image", NULL, COMPLETED, 0, NULL },
                { "snap-6", "", "there", "image", NULL, COMPLETED, 0, NULL },
                { "snap-7", "", "lost", "snapshots", NULL, COMPLETED, 0, NULL },
                { "snap-8", "", "lost", "IMAGE", NULL, COMPLETED, 0, NULL },
                { "snap-9", "", "lost", NULL, NULL, COMPLETED, 0, NULL },
                { "snap-10", OF(GONE) "!", "lost", NULL, NULL, COMPLETED, 0, NULL },
                { "snap-11", OF(GONE), NULL, NULL, NULL, COMPLETED, 0, NULL },
                { "snap-12", OF(GONE), "lost", "image", "i-other", COMPLETED, 0, NULL },
        };
        OrphanScene scene;

        scene_make(&scene);
        check(&scene, cases, ELEMENTSOF(cases));
        orphan_scene_done(&scene);
}

static void what_is_used_claimed_locked_young_or_under_way_is_none(void **state)
{
        const Case cases[] = {
                { "snap-used", OF(GONE), "lost", "image", NULL, COMPLETED, 0, NULL },
                { "snap-claimed", OF(GONE), "lost", "image", NULL, COMPLETED, 0, NULL },
                { "snap-1", OF(GONE), "unfinished", "image", NULL, COMPLETED, 0, NULL },
                { "snap-locked", OF(GONE), "lost", "image", NULL, COMPLETED, 0, NULL },
                { "snap-1", OF(GONE), "lost", "image", NULL, EC2_SNAPSHOT_PENDING, 0, NULL },
                { "snap-1", OF(GONE), "lost", "image", NULL, EC2_SNAPSHOT_RECOVERABLE, 0, NULL },
                { "snap-1", OF(GONE), "lost", "image", NULL, EC2_SNAPSHOT_STATE_INVALID, 0, NULL },
                { "snap-1", OF(GONE), "lost", "image", NULL, COMPLETED, DAY_USEC - 1, NULL },
                { "snap-1", OF(GONE), "lost", "image", NULL, COMPLETED, DAY_USEC, GONE },
                { "snap-1", OF(GONE), "lost", "image", NULL, COMPLETED, NOW_USEC, NULL }, /* not said */
                { "snap-1", OF(GONE), "lost", "image", NULL, COMPLETED, (uint64_t)-1, NULL }, /* future */
        };
        OrphanScene scene;

        scene_make(&scene);
        check(&scene, cases, ELEMENTSOF(cases));
        orphan_scene_done(&scene);
}

static void all_are_the_accounts(void **state)
{
        const Case cases[] = {
                { "snap-1", OF(GONE), NULL, NULL, NULL, COMPLETED, 0, GONE },
                { "snap-2", "", "lost", "image", "i-other", COMPLETED, LABEL_UNFINISHED_USEC, "lost" },
                { "snap-4", "", "lost", "image", "i-other", COMPLETED, LABEL_UNFINISHED_USEC - 1, NULL },
                { "snap-used", OF(GONE), NULL, NULL, NULL, COMPLETED, 0, NULL },
                { "snap-3", NULL, NULL, NULL, NULL, COMPLETED, 0, NULL },
        };
        OrphanScene scene;

        scene_make(&scene);
        scene.all = true;
        check(&scene, cases, ELEMENTSOF(cases));
        orphan_scene_done(&scene);
}

static void the_last_word_drops_what_exists_and_what_is_under_way_and_doubles(void **state)
{
        const Case first = { "snap-1", OF(GONE), "lost", "image", NULL, COMPLETED, 0, GONE };
        const Case second = { "snap-2", "", "slow", "image", NULL, COMPLETED, 0, "slow" };
        const Case pending = { "snap-3", "", "slow", "image", NULL, EC2_SNAPSHOT_PENDING, 0, NULL };
        char *items[] = { TEXT(GONE), NULL };
        const StringList existing = { items, 1 }, none = STRING_LIST_INIT;
        Tag tag = { TEXT(LABEL_JOB), TEXT("slow") };
        const Ec2Snapshot slow = { .id = TEXT(pending.id), .state = EC2_SNAPSHOT_PENDING,
                .tags = { &tag, 1 } };
        OrphanList found = { 0 };
        OrphanScene scene;

        scene_make(&scene);
        judge(&scene, &first, &found);
        judge(&scene, &second, &found);
        judge(&scene, &first, &found);
        assert_int_equal(found.count, 3);
        orphans_settle(&scene, &none, &found);
        assert_int_equal(found.count, 2);
        assert_non_null(orphan_list_find(&found, "snap-2"));
        assert_return_code(orphan_scene_add_pending(&scene, &slow), 0);
        orphan_scene_sort(&scene);
        orphans_settle(&scene, &none, &found);
        assert_int_equal(found.count, 1);
        orphans_settle(&scene, &existing, &found);
        assert_int_equal(found.count, 0);
        orphan_list_done(&found);
        orphan_scene_done(&scene);
}

static size_t judge_instance_of(const char *owner, const char *id, const char *verify,
        const char *launched, const char *state)
{
        Tag tags[] = {
                { TEXT(LABEL_JOB), TEXT("proved") },
                { TEXT(LABEL_INSTANCE), TEXT(owner) },
                { TEXT(LABEL_VERIFY), TEXT(verify) },
        };
        const Ec2Instance instance = { .id = TEXT(id), .state = TEXT(state),
                .launch_time = TEXT(launched), .tags = { tags, verify ? 3 : 2 } };
        OrphanList found = { 0 };
        OrphanScene scene;
        size_t count;

        scene_make(&scene); /* it is midnight of 2024-10-04 */
        scene.all = !streq(owner, SELF);
        assert_return_code(orphans_judge_instance(&scene, &instance, &found), 0);
        count = found.count;
        orphan_list_done(&found);
        orphan_scene_done(&scene);
        return count;
}

static size_t judge_instance(const char *id, const char *verify, const char *launched, const char *state)
{
        return judge_instance_of(SELF, id, verify, launched, state);
}

static void a_verification_of_another_host_is_one_when_it_cannot_run_any_more(void **state)
{
        const char *other = "i-0fedcba9876543210", *launched = "2024-10-03T16:59:00.000Z";

        assert_int_equal(judge_instance_of(other, "i-1", THERE, launched, "running"), 1);
        launched = "2024-10-03T17:01:00.000Z"; /* TimeoutSec=6h there, and a late start */
        assert_int_equal(judge_instance_of(other, "i-1", THERE, launched, "running"), 0);
}

static void a_verification_is_one_after_an_hour(void **state)
{
        assert_int_equal(judge_instance("i-1", THERE, "2024-10-03T22:59:00.000Z", "running"), 1);
        assert_int_equal(judge_instance("i-1", THERE, "2024-10-03T22:59:00.000Z", "stopped"), 1);
        assert_int_equal(judge_instance("i-1", THERE, "2024-10-03T23:01:00.000Z", "running"), 0);
        assert_int_equal(judge_instance("i-1", THERE, "2024-10-03T22:00:00.000Z", "terminated"), 0);
        assert_int_equal(judge_instance("i-1", THERE, "2024-10-03T22:00:00.000Z", "shutting-down"), 0);
        assert_int_equal(judge_instance("i-1", NULL, "2024-10-03T22:00:00.000Z", "running"), 0);
        assert_int_equal(judge_instance("i-1", THERE, "soon", "running"), 0);
        assert_int_equal(judge_instance("i-1", THERE, NULL, "running"), 0);
        assert_int_equal(judge_instance(SELF, THERE, "2024-10-03T22:00:00.000Z", "running"), 0);
}

static size_t judge_bundle(const char *place, const char *job, const char *instance,
        uint64_t age_usec, bool all)
{
        Tag tags[] = { { TEXT(LABEL_JOB), TEXT(job) }, { TEXT(LABEL_INSTANCE), TEXT(instance) } };
        const TagList list = { tags, job ? 2 : 0 };
        const Orphan bundle = { .id = TEXT(place), .of = TEXT(""),
                .created_usec = NOW_USEC - age_usec };
        OrphanList found = { 0 };
        OrphanScene scene;
        size_t count;

        scene_make(&scene);
        scene.all = all;
        assert_return_code(string_list_add(&scene.places, "bundles/there.manifest.xml"), 0);
        assert_return_code(string_list_add(&scene.claims, "bundles/claimed.manifest.xml"), 0);
        orphan_scene_sort(&scene);
        assert_return_code(orphans_judge_bundle(&scene, &bundle, &list, &found), 0);
        count = found.count;
        if (count > 0) {
                assert_int_equal(found.items[0].kind, ORPHAN_BUNDLE);
                assert_string_equal(found.items[0].of, job ? job : "");
        }
        orphan_list_done(&found);
        orphan_scene_done(&scene);
        return count;
}

static void a_bundle_is_one_without_an_image(void **state)
{
        assert_int_equal(judge_bundle(PLACE, "lost", SELF, 2 * DAY_USEC, false), 1);
        assert_int_equal(judge_bundle(PLACE, "lost", "i-1", 2 * DAY_USEC, false), 0);
        assert_int_equal(judge_bundle(PLACE, "lost", "i-1", 2 * DAY_USEC, true), 0);
        assert_int_equal(judge_bundle(PLACE, "lost", "i-1", 8 * DAY_USEC, true), 1);
        assert_int_equal(judge_bundle(PLACE, NULL, NULL, 2 * DAY_USEC, false), 0);
        assert_int_equal(judge_bundle(PLACE, NULL, NULL, 2 * DAY_USEC, true), 1);
        assert_int_equal(judge_bundle(PLACE, "lost", SELF, DAY_USEC - 1, true), 0);
        assert_int_equal(judge_bundle(PLACE, "lost", SELF, NOW_USEC, true), 0);
        assert_int_equal(judge_bundle(PLACE, "unfinished", SELF, 2 * DAY_USEC, true), 0);
        assert_int_equal(
                judge_bundle("bundles/there.manifest.xml", "lost", SELF, 2 * DAY_USEC, true), 0);
        assert_int_equal(
                judge_bundle("bundles/claimed.manifest.xml", "lost", SELF, 2 * DAY_USEC, true), 0);
}

static size_t judge_image_in_s3(const char *type, Ec2ImageState image_state, bool is_own, bool all)
{
        Tag tags[] = { { TEXT(LABEL_JOB), TEXT("made") }, { TEXT(LABEL_INSTANCE), TEXT(SELF) } };
        const Ec2Image image = { .id = TEXT(GONE), .location = TEXT(PLACE),
                .root_device_type = TEXT(type), .state = image_state,
                .created_usec = NOW_USEC - 2 * DAY_USEC, .tags = { tags, is_own ? 2 : 0 } };
        OrphanScene scene = { .instance_id = SELF, .now_usec = NOW_USEC, .all = all };
        size_t count;

        assert_return_code(orphan_scene_add_image(&scene, &image), 0);
        count = scene.in_s3.count;
        if (count > 0)
                assert_string_equal(scene.in_s3.items[0].of, PLACE);
        assert_int_equal(scene.places.count, streq(type, "instance-store"));
        orphan_scene_done(&scene);
        return count;
}

static void an_image_in_s3_may_be_one(void **state)
{
        assert_int_equal(judge_image_in_s3("instance-store", EC2_IMAGE_AVAILABLE, true, false), 1);
        assert_int_equal(judge_image_in_s3("instance-store", EC2_IMAGE_AVAILABLE, false, false), 0);
        assert_int_equal(judge_image_in_s3("instance-store", EC2_IMAGE_AVAILABLE, false, true), 1);
        assert_int_equal(judge_image_in_s3("instance-store", EC2_IMAGE_PENDING, true, true), 0);
        assert_int_equal(judge_image_in_s3("ebs", EC2_IMAGE_AVAILABLE, true, true), 0);
}

static void the_cost_is_the_size_at_the_price(void **state)
{
        Orphan items[] = {
                { ORPHAN_SNAPSHOT, TEXT("snap-1"), TEXT(GONE), true, true, UINT64_C(8) << 30, 1 },
                { ORPHAN_SNAPSHOT, TEXT("snap-2"), TEXT("lost"), false, false, UINT64_C(64) << 40, 2 },
                { ORPHAN_INSTANCE, TEXT("i-1"), TEXT(THERE), true, true, 0, 3 },
                { ORPHAN_BUNDLE, TEXT(PLACE), TEXT("lost"), false, true, UINT64_C(10) << 30, 4 },
        };
        const OrphanList orphans = { items, ELEMENTSOF(items) };
        _cleanup_(json_decrefp) json_t *told = NULL;
        const json_t *list, *one;

        assert_return_code(orphans_to_json(&orphans, &(OrphanPrices){ 1000000000, 0 }, &told), 0);
        list = json_object_get(told, "orphans");
        one = json_array_get(list, 1);
        assert_float_equal(json_real_value(json_object_get(one, "monthly-cost")), 65536000.0, 0);
        assert_string_equal(json_get_string(json_array_get(list, 2), "kind", ""), "instance");
        assert_float_equal(json_real_value(json_object_get(told, "total-monthly-cost")), 65544000.0, 0);
        json_decref(told);
        assert_return_code(orphans_to_json(&orphans, &(OrphanPrices){ 50000, 23000 }, &told), 0);
        one = json_array_get(json_object_get(told, "orphans"), 0);
        assert_float_equal(json_real_value(json_object_get(one, "monthly-cost")), 0.4, 0);
        one = json_array_get(json_object_get(told, "orphans"), 3);
        assert_string_equal(json_get_string(one, "kind", ""), "bundle");
        assert_float_equal(json_real_value(json_object_get(one, "monthly-cost")), 0.23, 0);
        assert_int_equal(json_integer_value(json_object_get(told, "total-bytes")),
                (INT64_C(18) << 30) + (INT64_C(64) << 40));
}

/* 60,000 snapshots beside 12,000 images: in a moment, and of them only what is an orphan is kept. */
static void an_account_of_thousands(void **state)
{
        OrphanList found = { 0 };
        OrphanScene scene;
        uint64_t began_usec = clock_usec();

        scene_make(&scene);
        scene.all = true;
        for (unsigned i = 0; i < 12000; i++) {
                char id[32], used[32];
                Ec2BlockDevice device = { .snapshot_id = used };
                const Ec2Image image = { .id = id, .devices = &device, .n_devices = 1 };

                (void)snprintf(id, sizeof(id), "ami-%017u", i * 7919 % 12000);
                (void)snprintf(used, sizeof(used), "snap-%017u", i * 5);
                assert_return_code(orphan_scene_add_image(&scene, &image), 0);
        }
        orphan_scene_sort(&scene);
        for (unsigned i = 0; i < 60000; i++) {
                char id[32], description[128];
                const Case one = { id, description, NULL, NULL, NULL, COMPLETED, 0, NULL };

                (void)snprintf(id, sizeof(id), "snap-%017u", i);
                (void)snprintf(description, sizeof(description), OF("ami-%017u"), i / 4);
                judge(&scene, &one, &found);
        }
        /* Images 12000 to 14999 are gone: four snapshots each, of which every fifth is used. */
        assert_int_equal(found.count, 3000 * 4 * 4 / 5);
        orphans_settle(&scene, &(StringList){ 0 }, &found);
        assert_true(clock_usec() - began_usec < 30 * USEC_PER_SEC);
        orphan_list_done(&found);
        orphan_scene_done(&scene);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(our_own_are_judged_by_description_and_job),
                cmocka_unit_test(what_is_used_claimed_locked_young_or_under_way_is_none),
                cmocka_unit_test(all_are_the_accounts),
                cmocka_unit_test(the_last_word_drops_what_exists_and_what_is_under_way_and_doubles),
                cmocka_unit_test(a_verification_is_one_after_an_hour),
                cmocka_unit_test(a_verification_of_another_host_is_one_when_it_cannot_run_any_more),
                cmocka_unit_test(a_bundle_is_one_without_an_image),
                cmocka_unit_test(an_image_in_s3_may_be_one),
                cmocka_unit_test(the_cost_is_the_size_at_the_price),
                cmocka_unit_test(an_account_of_thousands),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

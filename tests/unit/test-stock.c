/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/choice.h"

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define TEXT(string) ((char *)(uintptr_t)(string))
#define DAY (86400 * USEC_PER_SEC)
#define NOW (20000 * DAY)

/* Tags of what a finished job has made; `kind` "image" or "snapshots". */
#define TAGS_OF(job, instance, kind)                                                               \
        {                                                                                          \
                (Tag[]){ { TEXT("quiesced:job"), TEXT(job) },                                      \
                        { TEXT("quiesced:instance"), TEXT(instance) },                             \
                        { TEXT("quiesced:kind"), TEXT(kind) },                                     \
                        { TEXT("quiesced:consistency"), TEXT("filesystem") } },                    \
                        4                                                                          \
        }

static Ec2Image image_of(const char *id, TagList tags)
{
        return (Ec2Image){ .id = TEXT(id), .name = TEXT("web"), .state = EC2_IMAGE_AVAILABLE,
                .created_usec = NOW - DAY, .tags = tags };
}

static Ec2Snapshot snapshot_of(const char *id, TagList tags)
{
        return (Ec2Snapshot){ .id = TEXT(id), .state = EC2_SNAPSHOT_COMPLETED, .size_gib = 8,
                .start_time_usec = NOW - DAY, .tags = tags };
}

static void read_all(Stock *stock, Ec2Image *images, size_t n_images, Ec2Snapshot *snapshots,
        size_t n_snapshots)
{
        *stock = (Stock){ .now_usec = NOW };
        assert_return_code(stock_add_images(stock, &(Ec2ImageList){ images, n_images }), 0);
        assert_return_code(
                stock_add_snapshots(stock, &(Ec2SnapshotList){ snapshots, n_snapshots }), 0);
        assert_return_code(stock_finish(stock), 0);
}

static void what_is_not_ours_is_passed_over(void **state)
{
        Ec2Image images[] = { image_of("ami-1", (TagList){ 0 }) };
        Ec2Snapshot snapshots[] = {
                snapshot_of("snap-1", (TagList){ 0 }),
                snapshot_of("snap-2", (TagList)TAGS_OF("j-1", "i-1", "image")),
        };
        _cleanup_(stock_done) Stock stock = { 0 };

        read_all(&stock, images, ELEMENTSOF(images), snapshots, ELEMENTSOF(snapshots));
        assert_int_equal(stock.count, 0);
}

static void a_copy_that_somebody_made_with_our_tags_is_not_ours(void **state)
{
        Tag tags[] = { { TEXT("quiesced:job"), TEXT("j") },
                { TEXT("quiesced:copy-of"), TEXT("ami-source") } };
        const TagList copied = { tags, 1 }, published = { tags, 2 };
        Ec2Image images[] = { image_of("ami-1", copied), image_of("ami-2", published),
                image_of("ami-3", published), image_of("ami-4", copied) };
        _cleanup_(stock_done) Stock stock = { 0 };

        images[0].source_image_id = TEXT("ami-source");
        images[1].source_image_id = TEXT("ami-source");
        images[2].source_image_id = TEXT("ami-2"); /* of what was published */
        images[3].source_image_id = TEXT("ami-5"); /* by CreateImage: of the instance */
        images[3].source_instance_id = TEXT("i-1");
        read_all(&stock, images, ELEMENTSOF(images), NULL, 0);
        assert_int_equal(stock.count, 2);
        assert_string_equal(stock.items[0].id, "ami-2");
        assert_string_equal(stock.items[1].id, "ami-4");
}

static void an_image_has_its_snapshots_and_their_size(void **state)
{
        Ec2BlockDevice devices[] = {
                { .snapshot_id = TEXT("snap-1"), .size_gib = 8, .is_ebs = true },
                { .virtual_name = TEXT("ephemeral0") },
                { .snapshot_id = TEXT("snap-2"), .size_gib = 100, .is_ebs = true },
        };
        Ec2Image images[] = { image_of("ami-1", (TagList)TAGS_OF("j-1", "i-1", "image")) };
        _cleanup_(stock_done) Stock stock = { 0 };

        images[0].devices = devices;
        images[0].n_devices = ELEMENTSOF(devices);
        images[0].deregistration_protection = TEXT("enabled-with-cooldown");
        read_all(&stock, images, ELEMENTSOF(images), NULL, 0);
        assert_int_equal(stock.count, 1);
        assert_int_equal(stock.items[0].kind, STOCK_IMAGE);
        assert_int_equal(stock.items[0].size_gib, 108);
        assert_int_equal(stock.items[0].snapshots.count, 2);
        assert_string_equal(stock.items[0].retain.id, "ami-1");
        assert_true(stock.items[0].is_protected);
}

static void the_state_of_an_image_is_judged(void **state)
{
        Tag doubtful[] = { { TEXT("quiesced:job"), TEXT("j") },
                { TEXT("quiesced:consistency"), TEXT("crash") },
                { TEXT("quiesced:verified"), TEXT("no") } };
        Tag verified[] = { { TEXT("quiesced:job"), TEXT("j") },
                { TEXT("quiesced:consistency"), TEXT("crash") },
                { TEXT("quiesced:verified"), TEXT("2026-11-23T10:44:00Z") } };
        Tag bare[] = { { TEXT("quiesced:job"), TEXT("j") } };
        const struct {
                Ec2ImageState ec2_state;
                TagList tags;
                uint64_t age_usec;
                RetainState state;
                bool is_verified, is_guarded;
        } cases[] = {
                { EC2_IMAGE_AVAILABLE, { verified, 3 }, DAY, RETAIN_USABLE, true, false },
                { EC2_IMAGE_AVAILABLE, { doubtful, 3 }, DAY, RETAIN_DOUBTFUL, false, false },
                { EC2_IMAGE_AVAILABLE, { bare, 1 }, DAY, RETAIN_PENDING, false, true },
                { EC2_IMAGE_AVAILABLE, { bare, 1 }, 8 * DAY, RETAIN_FAILED, false, true },
                { EC2_IMAGE_AVAILABLE, { verified, 3 }, NOW, RETAIN_USABLE, true, true },
                { EC2_IMAGE_PENDING, { bare, 1 }, 8 * DAY, RETAIN_PENDING, false, false },
                { EC2_IMAGE_STATE_INVALID, { verified, 3 }, DAY, RETAIN_PENDING, true, false },
                { EC2_IMAGE_FAILED, { verified, 3 }, DAY, RETAIN_FAILED, true, false },
                { EC2_IMAGE_DISABLED, { verified, 3 }, DAY, RETAIN_DOUBTFUL, true, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Ec2Image image = image_of("ami-1", cases[i].tags);
                _cleanup_(stock_done) Stock stock = { 0 };

                image.state = cases[i].ec2_state;
                image.created_usec = NOW - cases[i].age_usec;
                read_all(&stock, &image, 1, NULL, 0);
                assert_int_equal(stock.items[0].retain.state, cases[i].state);
                assert_int_equal(stock.items[0].retain.is_verified, cases[i].is_verified);
                assert_int_equal(stock.items[0].retain.guard != NULL, cases[i].is_guarded);
        }
}

static void the_cut_of_an_image_is_that_of_its_tag(void **state)
{
        static const struct {
                const char *tag;
                uint64_t cut_usec;
        } cases[] = {
                { "2024-10-02T00:00:00Z", NOW - 2 * DAY },
                { "2024-10-03T12:00:00Z", NOW - DAY }, /* later than it was made */
                { "9999-12-31T23:59:59Z", NOW - DAY },
                { "yesterday", NOW - DAY },
                { "", NOW - DAY },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Tag tags[] = { { TEXT("quiesced:job"), TEXT("j") },
                        { TEXT("quiesced:cut"), TEXT(cases[i].tag) } };
                Ec2Image image = image_of("ami-1", (TagList){ tags, ELEMENTSOF(tags) });
                _cleanup_(stock_done) Stock stock = { 0 };

                read_all(&stock, &image, 1, NULL, 0);
                assert_int_equal(retain_cut_usec(&stock.items[0].retain), cases[i].cut_usec);
                assert_int_equal(stock.items[0].retain.created_usec, NOW - DAY);
        }
}

static void snapshots_of_a_job_are_a_set(void **state)
{
        TagList first = TAGS_OF("j-1", "i-1", "snapshots");
        TagList second = TAGS_OF("j-2", "i-1", "snapshots");
        TagList elsewhere = TAGS_OF("j-1", "i-2", "snapshots");
        Ec2Snapshot snapshots[] = { snapshot_of("snap-3", first), snapshot_of("snap-1", second),
                snapshot_of("snap-2", first), snapshot_of("snap-4", elsewhere) };
        _cleanup_(stock_done) Stock stock = { 0 };

        snapshots[2].start_time_usec = NOW - 2 * DAY;
        read_all(&stock, NULL, 0, snapshots, ELEMENTSOF(snapshots));
        assert_int_equal(stock.count, 3);
        assert_string_equal(stock.items[0].id, "j-1");
        assert_string_equal(stock.items[0].instance, "i-1");
        assert_int_equal(stock.items[0].kind, STOCK_SNAPSHOTS);
        assert_int_equal(stock.items[0].size_gib, 16);
        assert_int_equal(stock.items[0].retain.created_usec, NOW - 2 * DAY);
        assert_string_equal(stock.items[0].snapshots.items[0], "snap-2");
        assert_string_equal(stock.items[1].instance, "i-2");
        assert_string_equal(stock.items[2].id, "j-2");
}

static void a_set_is_no_better_than_its_worst(void **state)
{
        static const struct {
                Ec2SnapshotState states[2];
                RetainState state;
        } cases[] = {
                { { EC2_SNAPSHOT_COMPLETED, EC2_SNAPSHOT_COMPLETED }, RETAIN_USABLE },
                { { EC2_SNAPSHOT_COMPLETED, EC2_SNAPSHOT_ERROR }, RETAIN_FAILED },
                { { EC2_SNAPSHOT_ERROR, EC2_SNAPSHOT_COMPLETED }, RETAIN_FAILED },
                { { EC2_SNAPSHOT_ERROR, EC2_SNAPSHOT_PENDING }, RETAIN_PENDING },
                { { EC2_SNAPSHOT_PENDING, EC2_SNAPSHOT_ERROR }, RETAIN_PENDING },
                { { EC2_SNAPSHOT_COMPLETED, EC2_SNAPSHOT_RECOVERING }, RETAIN_PENDING },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TagList tags = TAGS_OF("j-1", "i-1", "snapshots");
                Ec2Snapshot snapshots[] = {
                        snapshot_of("snap-1", tags), snapshot_of("snap-2", tags)
                };
                _cleanup_(stock_done) Stock stock = { 0 };

                snapshots[0].state = cases[i].states[0];
                snapshots[1].state = cases[i].states[1];
                read_all(&stock, NULL, 0, snapshots, ELEMENTSOF(snapshots));
                assert_int_equal(stock.count, 1);
                assert_int_equal(stock.items[0].retain.state, cases[i].state);
        }
}

static void what_is_listed_twice_is_there_once(void **state)
{
        TagList set = TAGS_OF("j-1", "i-1", "snapshots"), tags = TAGS_OF("j-2", "i-1", "image");
        Ec2Image images[] = { image_of("ami-1", tags), image_of("ami-2", tags),
                image_of("ami-1", tags) };
        Ec2Snapshot snapshots[] = { snapshot_of("snap-1", set), snapshot_of("snap-2", set),
                snapshot_of("snap-1", set) };
        _cleanup_(stock_done) Stock stock = { 0 };

        images[2].state = EC2_IMAGE_PENDING;
        read_all(&stock, images, ELEMENTSOF(images), snapshots, ELEMENTSOF(snapshots));
        assert_int_equal(stock.count, 3);
        assert_string_equal(stock.items[0].id, "ami-1");
        assert_int_equal(stock.items[0].retain.state, RETAIN_PENDING);
        assert_string_equal(stock.items[2].id, "j-1");
        assert_int_equal(stock.items[2].snapshots.count, 2);
}

/* Two instances with two images and a set each; KeepLast=1. */
static void assert_deleted(int per, size_t expected)
{
        TagList one = TAGS_OF("j-1", "i-1", "image"), two = TAGS_OF("j-2", "i-2", "image");
        Ec2Image images[] = { image_of("ami-1", one), image_of("ami-2", one),
                image_of("ami-3", two), image_of("ami-4", two) };
        Ec2Snapshot snapshots[] = {
                snapshot_of("snap-1", (TagList)TAGS_OF("j-3", "i-1", "snapshots")),
                snapshot_of("snap-2", (TagList)TAGS_OF("j-4", "i-2", "snapshots")),
        };
        const Retention retention = { .policy.keep[RETAIN_KEEP_LAST] = 1, .per = per };
        const RetainTime time = { .now_usec = NOW, .to_local = gmtime_r };
        _cleanup_(choice_done) Choice choice = { 0 };

        read_all(&choice.stock, images, ELEMENTSOF(images), snapshots, ELEMENTSOF(snapshots));
        assert_return_code(choice_apply(&choice, &retention, &time), 0);
        assert_int_equal(choice.n_deleted, expected);
}

static void the_policy_holds_for_each_group(void **state)
{
        assert_deleted(RETENTION_PER_INSTANCE, 2);
        assert_deleted(RETENTION_PER_SELECTION, 4);
}

static void an_image_of_many_snapshots_takes_more_of_a_record(void **state)
{
        Ec2BlockDevice devices[16];
        Ec2Image images[] = { image_of("ami-1", (TagList)TAGS_OF("j-1", "i-1", "image")) };
        const Retention retention = { .policy.max_age_usec = 1 };
        const RetainTime time = { .now_usec = NOW, .to_local = gmtime_r };
        _cleanup_(json_decrefp) json_t *removal = NULL;
        _cleanup_(choice_done) Choice choice = { 0 };
        size_t n_later;

        for (size_t i = 0; i < ELEMENTSOF(devices); i++)
                devices[i] = (Ec2BlockDevice){ .snapshot_id = TEXT("snap-1"), .is_ebs = true };
        images[0].devices = devices;
        images[0].n_devices = ELEMENTSOF(devices);
        read_all(&choice.stock, images, ELEMENTSOF(images), NULL, 0);
        assert_return_code(choice_apply(&choice, &retention, &time), 0);
        assert_return_code(choice_to_removal(&choice, &retention, 2, &removal, &n_later), 0);
        assert_int_equal(n_later, 1);
}

static void what_goes_is_put_on_record_and_no_more_than_fits(void **state)
{
        TagList image = TAGS_OF("j-1", "i-1", "image"), set = TAGS_OF("j-2", "i-1", "snapshots");
        Ec2Image images[] = { image_of("ami-1", image), image_of("ami-2", image) };
        Ec2Snapshot snapshots[] = { snapshot_of("snap-1", set), snapshot_of("snap-2", set) };
        const Retention retention = { .policy.max_age_usec = 1 };
        const RetainTime time = { .now_usec = NOW, .to_local = gmtime_r };
        _cleanup_(choice_done) Choice choice = { 0 };
        _cleanup_(json_decrefp) json_t *all = NULL, *some = NULL;
        size_t n_later;

        read_all(&choice.stock, images, ELEMENTSOF(images), snapshots, ELEMENTSOF(snapshots));
        assert_return_code(choice_apply(&choice, &retention, &time), 0);
        assert_return_code(choice_to_removal(&choice, &retention, 4, &all, &n_later), 0);
        assert_int_equal(n_later, 0);
        assert_int_equal(json_array_size(json_object_get(all, "images")), 2);
        assert_int_equal(json_array_size(json_object_get(all, "snapshots")), 2);
        assert_return_code(choice_to_removal(&choice, &retention, 3, &some, &n_later), 0);
        assert_int_equal(n_later, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_ours_is_passed_over),
                cmocka_unit_test(a_copy_that_somebody_made_with_our_tags_is_not_ours),
                cmocka_unit_test(an_image_has_its_snapshots_and_their_size),
                cmocka_unit_test(the_state_of_an_image_is_judged),
                cmocka_unit_test(the_cut_of_an_image_is_that_of_its_tag),
                cmocka_unit_test(snapshots_of_a_job_are_a_set),
                cmocka_unit_test(a_set_is_no_better_than_its_worst),
                cmocka_unit_test(what_is_listed_twice_is_there_once),
                cmocka_unit_test(the_policy_holds_for_each_group),
                cmocka_unit_test(an_image_of_many_snapshots_takes_more_of_a_record),
                cmocka_unit_test(what_goes_is_put_on_record_and_no_more_than_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

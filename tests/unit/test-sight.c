/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/sight.h"

#include "base/text.h"
#include "tests/unit/unit.h"

static void fill_snapshots(json_t *sight)
{
        Ec2Snapshot items[] = {
                { .id = (char *)"snap-1", .volume_id = (char *)"vol-1", .progress = 42,
                        .state = EC2_SNAPSHOT_PENDING },
                { .id = (char *)"snap-2", .volume_id = (char *)"vol-2", .progress = 7,
                        .state = EC2_SNAPSHOT_ERROR, .message = (char *)"no key \xe9" },
                { .id = (char *)"snap-3", .state = EC2_SNAPSHOT_STATE_INVALID },
        };
        const Ec2SnapshotList list = { items, ELEMENTSOF(items) };

        assert_return_code(sight_add_snapshots(sight, &list), 0);
}

static void list_ids(StringList *ids, const char *words)
{
        assert_return_code(string_list_split(ids, words, " "), 0);
}

static void snapshots_come_out_as_they_went_in(void **state)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList found = { 0 };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(json_decrefp) json_t *sight = json_object();

        fill_snapshots(sight);
        list_ids(&ids, "snap-2 snap-1 snap-3");
        assert_return_code(sight_get_snapshots(sight, &ids, &found), 0);
        assert_int_equal(found.count, 3);
        assert_string_equal(found.items[0].id, "snap-2");
        assert_int_equal(found.items[0].state, EC2_SNAPSHOT_ERROR);
        assert_string_equal(found.items[0].message, "no key \\351");
        assert_string_equal(found.items[1].volume_id, "vol-1");
        assert_int_equal(found.items[1].state, EC2_SNAPSHOT_PENDING);
        assert_int_equal(found.items[1].progress, 42);
        assert_null(found.items[1].message);
        assert_int_equal(found.items[2].state, EC2_SNAPSHOT_STATE_INVALID);
        assert_null(found.items[2].volume_id);
}

static void what_was_not_seen_is_not_made_up(void **state)
{
        _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList found = { 0 };
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(json_decrefp) json_t *sight = json_object();

        list_ids(&ids, "snap-1 snap-9");
        assert_int_equal(sight_get_snapshots(NULL, &ids, &found), -ENOENT);
        fill_snapshots(sight);
        assert_int_equal(sight_get_snapshots(sight, &ids, &found), -ENOENT);
        assert_int_equal(found.count, 0);
        assert_int_equal(sight_get_image(sight, "ami-1", &images), -ENOENT);
        assert_int_equal(sight_get_image(NULL, "ami-1", &images), -ENOENT);
        assert_false(sight_is_blind(sight) || sight_is_throttled(sight) || sight_is_blind(NULL));
}

static void an_image_comes_with_its_snapshots(void **state)
{
        Ec2BlockDevice devices[] = {
                { .snapshot_id = (char *)"snap-1", .is_ebs = true },
                { .virtual_name = (char *)"ephemeral0" },
                { .snapshot_id = (char *)"snap-2", .is_ebs = true },
        };
        Ec2Image image = { .id = (char *)"ami-1", .state = EC2_IMAGE_FAILED, .devices = devices,
                .n_devices = ELEMENTSOF(devices), .state_message = (char *)"on purpose" };
        const Ec2ImageList list = { &image, 1 };
        _cleanup_(ec2_image_list_done) Ec2ImageList found = { 0 };
        _cleanup_(json_decrefp) json_t *sight = json_object();

        assert_return_code(sight_add_images(sight, &list), 0);
        assert_return_code(sight_get_image(sight, "ami-1", &found), 0);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.items[0].id, "ami-1");
        assert_int_equal(found.items[0].state, EC2_IMAGE_FAILED);
        assert_string_equal(found.items[0].state_message, "on purpose");
        assert_int_equal(found.items[0].n_devices, 2);
        assert_string_equal(found.items[0].devices[1].snapshot_id, "snap-2");
}

/* A worker reads what another one wrote, and a state that it does not know completes nothing. */
static void odd_sights_do_no_harm(void **state)
{
        static const char *const texts[] = {
                "{\"snapshots\": {\"snap-1\": {\"state\": 99}}}",
                "{\"snapshots\": {\"snap-1\": {\"state\": -1}}}",
                "{\"snapshots\": {\"snap-1\": {\"state\": \"1\", \"progress\": \"x\"}}}",
                "{\"snapshots\": {\"snap-1\": 1}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(json_decrefp) json_t *sight = json_loads(texts[i], 0, NULL);
                _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList found = { 0 };
                _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;

                list_ids(&ids, "snap-1");
                assert_return_code(sight_get_snapshots(sight, &ids, &found), 0);
                assert_int_equal(found.items[0].state, EC2_SNAPSHOT_STATE_INVALID);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(snapshots_come_out_as_they_went_in),
                cmocka_unit_test(what_was_not_seen_is_not_made_up),
                cmocka_unit_test(an_image_comes_with_its_snapshots),
                cmocka_unit_test(odd_sights_do_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

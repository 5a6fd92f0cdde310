/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mounts.h"

#include <errno.h>

#include "base/text.h"
#include "tests/unit/unit.h"

static const Mount *mount_of(const MountTable *table, size_t file_system)
{
        return table->items + table->file_systems[file_system].mount;
}

static const Mount *with_id(const MountTable *table, int id)
{
        for (size_t i = 0; i < table->count; i++)
                if (table->items[i].id == id)
                        return table->items + i;
        fail_msg("no mount has the id %d", id);
        return NULL;
}

static void parse(const char *text, MountTable *ret)
{
        assert_int_equal(mount_table_parse(text, ret), 0);
}

static void a_line_gives_its_fields(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        const Mount *mount;

        parse("36 35 98:3 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root2 ro,errors=c\n",
                &table);
        assert_int_equal(table.count, 1);
        mount = table.items;
        assert_int_equal(mount->id, 36);
        assert_int_equal(mount->parent_id, 35);
        assert_int_equal(mount->major, 98);
        assert_int_equal(mount->minor, 3);
        assert_string_equal(mount->root, "/mnt1");
        assert_string_equal(mount->target, "/mnt2");
        assert_string_equal(mount->type, "ext3");
        assert_string_equal(mount->source, "/dev/root2");
        assert_true(mount->read_only);
        assert_true(mount->visible);
}

static void a_read_only_mount_of_a_writable_file_system_is_writable(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 0 8:1 / / ro,noatime - ext4 /dev/sda1 rw,errors=remount-ro\n", &table);
        assert_false(table.items[0].read_only);
}

static void octal_escapes_are_undone(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "2 1 8:2 / /a\\040b\\011c\\012d\\134e rw - ext4 /dev/sda2 rw\n"
              "3 1 8:3 / /gr\xc3\xbc\xc3\x9f rw - ext4 /dev/sda3 rw\n"
              "4 1 8:4 / /caf\\303\\251 rw - ext4 /dev/sda4 rw\n"
              "5 1 8:5 / /bytes\xff\xfe rw - ext4 /dev/sda5 rw\n",
                &table);
        assert_int_equal(table.count, 5);
        assert_string_equal(table.items[1].target, "/a b\tc\nd\\e");
        assert_string_equal(table.items[2].target, "/gr\xc3\xbc\xc3\x9f");
        assert_string_equal(table.items[3].target, "/caf\xc3\xa9");
        assert_string_equal(table.items[4].target, "/bytes\xff\xfe");
        assert_ptr_equal(mount_table_find(&table, "/a b\tc\nd\\e/file"), table.items + 1);
}

static void a_hundred_bind_mounts_are_one_file_system(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        _cleanup_(text_done) Text text = TEXT_INIT;

        assert_return_code(text_add(&text, "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"), 0);
        for (unsigned i = 0; i < 100; i++)
                assert_return_code(text_addf(&text, "%u 1 8:2 /dir%u /b%u rw - ext4 /dev/sdb rw\n",
                                           i + 10, i, i),
                        0);
        assert_return_code(text_add(&text, "200 1 8:2 / /longer/data rw - ext4 /dev/sdb rw\n"), 0);
        parse(text.data, &table);
        assert_int_equal(table.count, 102);
        assert_int_equal(table.n_file_systems, 2);
        assert_int_equal(table.file_systems[1].n_mounts, 101);
        /* The one that shows the whole file system is opened, though its path is longer. */
        assert_string_equal(mount_of(&table, 1)->target, "/longer/data");
        assert_int_equal(with_id(&table, 50)->file_system, 1);
}

static void subvolumes_are_one_file_system_and_the_shortest_path_is_opened(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 0 0:30 /@home /home rw - btrfs /dev/sda2 rw,subvol=/@home\n"
              "2 3 0:30 /@var /var rw - btrfs /dev/sda2 rw,subvol=/@var\n"
              "3 0 0:30 /@ / rw - btrfs /dev/sda2 rw,subvol=/@\n"
              "4 3 0:31 / /run rw - tmpfs tmpfs rw\n",
                &table);
        assert_int_equal(table.n_file_systems, 2);
        assert_string_equal(mount_of(&table, 0)->target, "/");
}

static void what_is_mounted_over_is_not_opened(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        const Mount *second;

        /* 3 on the root of 2; 5 below 4's mount point, which came later; 6 below hidden 5. */
        parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "2 1 8:2 / /data rw - ext4 /dev/sdb rw\n"
              "3 2 8:3 / /data rw - ext4 /dev/sdc rw\n"
              "5 1 8:5 / /srv/www/old rw - ext4 /dev/sde rw\n"
              "4 1 8:4 / /srv rw - ext4 /dev/sdd rw\n"
              "6 5 8:6 / /srv/www/old/deep rw - ext4 /dev/sdf rw\n"
              "7 3 8:2 / /data/again rw - ext4 /dev/sdb rw\n"
              "8 1 8:7 / /srv.bak rw - ext4 /dev/sdg rw\n",
                &table);
        assert_true(with_id(&table, 1)->visible);
        assert_false(with_id(&table, 2)->visible);
        assert_true(with_id(&table, 3)->visible);
        assert_true(with_id(&table, 4)->visible);
        assert_false(with_id(&table, 5)->visible);
        assert_false(with_id(&table, 6)->visible);
        assert_true(with_id(&table, 7)->visible);
        assert_true(with_id(&table, 8)->visible);
        /* 8:2 is still seen at its second mount. */
        second = mount_of(&table, with_id(&table, 2)->file_system);
        assert_string_equal(second->target, "/data/again");
        assert_ptr_equal(mount_table_find(&table, "/data/file"), with_id(&table, 3));
        assert_ptr_equal(mount_table_find(&table, "/srv/www/old/file"), with_id(&table, 4));
        assert_ptr_equal(mount_table_find(&table, "/srv.bak"), with_id(&table, 8));
        assert_ptr_equal(mount_table_find(&table, "/srv.bakery"), with_id(&table, 1));
        assert_null(mount_table_find(&table, "relative"));
}

static void the_root_that_is_its_own_parent_gives_way_to_the_real_one(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 1 0:2 / / rw - rootfs rootfs rw\n"
              "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "26 25 8:2 / /data rw - ext4 /dev/sda2 rw\n",
                &table);
        assert_false(with_id(&table, 1)->visible);
        assert_true(with_id(&table, 25)->visible);
        assert_true(with_id(&table, 26)->visible);
        assert_ptr_equal(mount_table_find(&table, "/"), with_id(&table, 25));
}

static void a_ring_of_parents_and_doubled_ids_do_no_harm(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "2 3 8:2 / /a rw - ext4 /dev/sdb rw\n"
              "3 2 8:3 / /a/b rw - ext4 /dev/sdc rw\n"
              "1 1 8:4 / / rw - ext4 /dev/sdd rw\n"
              "7 1 8:5 / /x rw - ext4 /dev/sde rw\n"
              "7 7 8:6 / / rw - ext4 /dev/sdf rw\n",
                &table);
        assert_int_equal(table.count, 6);
        assert_false(with_id(&table, 2)->visible);
        assert_false(with_id(&table, 3)->visible);
}

static void lines_that_are_no_mount_are_counted_and_left_out(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

        parse("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
              "what is this\n"
              "\n"
              "2 1 8:2 / /a rw ext4 /dev/sdb rw\n"
              "3 1 8:3 / /b rw - ext4 /dev/sdc rw\n"
              "4 1 8:4 / /cut",
                &table);
        assert_int_equal(table.count, 2);
        assert_true(table.n_ignored >= 3);
        assert_string_equal(table.items[1].target, "/b");
}

static void what_is_no_mountinfo_is_refused(void **state)
{
        static const char *const texts[] = { "", "\n", "proc /proc proc rw 0 0\n", "1 2 3 4 5\n" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;

                assert_int_equal(mount_table_parse(texts[i], &table), -EBADMSG);
        }
}

static void more_lines_than_a_kernel_has_are_refused(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        _cleanup_(text_done) Text text = TEXT_INIT;

        assert_return_code(text_add(&text, "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"), 0);
        for (unsigned i = 0; i <= MOUNTINFO_LINES_MAX; i++)
                assert_return_code(text_add(&text, "\n"), 0);
        assert_int_equal(mount_table_parse(text.data, &table), -E2BIG);
}

static void ten_thousand_mounts_are_all_found_again(void **state)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        _cleanup_(text_done) Text text = TEXT_INIT;

        assert_return_code(text_add(&text, "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"), 0);
        for (unsigned i = 0; i < 10000; i++)
                assert_return_code(text_addf(&text, "%u 1 9:%u / /pods/%u rw - ext4 /dev/x%u rw\n",
                                           i + 10, i / 2, i, i / 2),
                        0);
        parse(text.data, &table);
        assert_int_equal(table.n_file_systems, 5001);
        for (unsigned i = 0; i < 10000; i++) {
                char path[64];

                (void)snprintf(path, sizeof(path), "/pods/%u/file", i);
                assert_int_equal(mount_table_find(&table, path)->id, i + 10);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_gives_its_fields),
                cmocka_unit_test(a_read_only_mount_of_a_writable_file_system_is_writable),
                cmocka_unit_test(octal_escapes_are_undone),
                cmocka_unit_test(a_hundred_bind_mounts_are_one_file_system),
                cmocka_unit_test(subvolumes_are_one_file_system_and_the_shortest_path_is_opened),
                cmocka_unit_test(what_is_mounted_over_is_not_opened),
                cmocka_unit_test(the_root_that_is_its_own_parent_gives_way_to_the_real_one),
                cmocka_unit_test(a_ring_of_parents_and_doubled_ids_do_no_harm),
                cmocka_unit_test(lines_that_are_no_mount_are_counted_and_left_out),
                cmocka_unit_test(what_is_no_mountinfo_is_refused),
                cmocka_unit_test(more_lines_than_a_kernel_has_are_refused),
                cmocka_unit_test(ten_thousand_mounts_are_all_found_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/topology.h"

#include "base/json.h"
#include "tests/unit/fake-host.h"

#define VOL_A "vol-0aaaaaaaaaaaaaaa0"
#define VOL_B "vol-0bbbbbbbbbbbbbbb0"
#define VOL_C "vol-0ccccccccccccccc0"
#define SERIAL_A "vol0aaaaaaaaaaaaaaa0"
#define SERIAL_B "vol0bbbbbbbbbbbbbbb0"
#define SERIAL_C "vol0ccccccccccccccc0"

static void build(FakeHost *host)
{
        int r = fake_host_build(host);

        if (r != 0)
                fail_msg("%d: %s", r, host->message ? host->message : "no message");
}

static void assert_covered(const FakeHost *host, const char *mount_point, const char *ids)
{
        const FileSystem *fs = fake_file_system(host, mount_point);

        if (!fs->covered)
                fail_msg("%s is not covered: %s", mount_point, fs->reason);
        assert_volumes(host, fs, ids);
}

static void assert_not_covered(const FakeHost *host, const char *mount_point, const char *reason)
{
        const FileSystem *fs = fake_file_system(host, mount_point);

        assert_false(fs->covered);
        assert_contains(fs->reason, reason);
}

/* The volume A with two partitions, and B, unpartitioned. */
static void add_two_volumes(FakeHost *host)
{
        fake_nvme(host, "nvme0n1", "259:0", SERIAL_A, EBS);
        fake_partition(host, "nvme0n1", "nvme0n1p1", "259:1");
        fake_partition(host, "nvme0n1", "nvme0n1p15", "259:2");
        fake_nvme(host, "nvme1n1", "259:3", SERIAL_B, EBS);
}

/* libmount asks the real machine for /dev/root: by a number that no disk of it has. */
#define NOBODYS_NUMBER "259:987654"

static void partitions_and_whole_disks_are_on_their_volumes(void **state)
{
        FakeHost *host = *state;
        const FileSystem *root;

        add_two_volumes(host);
        fake_partition(host, "nvme0n1", "nvme0n1p2", NOBODYS_NUMBER);
        fake_mount(host, NOBODYS_NUMBER, "/", "ext4", "/dev/root");
        fake_mount(host, "259:2", "/boot/efi", "vfat", "/dev/nvme0n1p15");
        fake_mount(host, "259:3", "/data", "xfs", "/dev/nvme1n1");
        fake_mount(host, "0:5", "/proc", "proc", "proc");
        fake_attached(host, VOL_A, "/dev/xvda");
        fake_attached(host, VOL_B, "/dev/sdf");
        build(host);
        assert_int_equal(host->topology.n_file_systems, 3);
        assert_covered(host, "/", VOL_A);
        assert_covered(host, "/data", VOL_B);
        assert_covered(host, "/boot/efi", VOL_A);
        root = fake_file_system(host, "/");
        assert_true(root->freezable);
        assert_null(root->reason);
        assert_int_equal(root->depth, 0);
        assert_string_equal(root->device, "/dev/nvme0n1p2");
        assert_false(fake_file_system(host, "/boot/efi")->freezable);
        assert_contains(fake_file_system(host, "/boot/efi")->reason, "cannot freeze");
        assert_string_equal(fake_volume(host, VOL_B)->attached_as, "/dev/sdf");
        assert_string_equal(fake_volume(host, VOL_B)->device, "/dev/nvme1n1");
        assert_true(fake_volume(host, VOL_A)->mounted);
        assert_null(fake_volume(host, VOL_A)->reason);
}

static void assert_layers(const FakeHost *host, const char *mount_point, const char *expected)
{
        _cleanup_(freep) char *joined = NULL;
        const FileSystem *fs = fake_file_system(host, mount_point);

        assert_return_code(string_list_join(&fs->layers, " ", &joined), 0);
        assert_string_equal(joined, expected);
}

static void a_logical_volume_over_two_disks_needs_both(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_stacked(host, "dm-0", "253:0", "nvme0n1p1 nvme1n1");
        fake_mount(host, "253:0", "/srv", "xfs", "/dev/mapper/vg-srv");
        build(host);
        assert_covered(host, "/srv", VOL_A " " VOL_B);
        assert_string_equal(fake_file_system(host, "/srv")->device, "/dev/mapper/vg-srv");
        assert_layers(host, "/srv", "");
}

static void crypt_on_lvm_on_raid_is_followed_to_the_end(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_nvme(host, "nvme2n1", "259:4", SERIAL_C, EBS);
        fake_stacked(host, "md127", "9:127", "nvme1n1 nvme2n1");
        fake_file(host, "raid1\n", "sys/block/md127/md/level");
        fake_stacked(host, "dm-3", "253:3", "md127");
        fake_file(host, "LVM-Ab\n", "sys/block/dm-3/dm/uuid");
        fake_file(host, "vg-vault\n", "sys/block/dm-3/dm/name");
        fake_stacked(host, "dm-4", "253:4", "dm-3");
        fake_file(host, "CRYPT-LUKS2-0123-vault\n", "sys/block/dm-4/dm/uuid");
        fake_file(host, "vault\n", "sys/block/dm-4/dm/name");
        fake_mount(host, "253:4", "/vault", "ext4", "/dev/mapper/vault");
        build(host);
        assert_layers(host, "/vault", "crypt:vault lvm:vg-vault raid1");
        assert_covered(host, "/vault", VOL_B " " VOL_C);
        assert_contains(fake_volume(host, VOL_A)->reason, "no mounted file system");
}

static void one_device_without_a_volume_leaves_it_uncovered(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_nvme(host, "nvme2n1", "259:4", "AWS22C0FFEE", INSTANCE_STORE);
        fake_stacked(host, "md0", "9:0", "nvme1n1 nvme2n1");
        fake_mount(host, "9:0", "/mixed", "ext4", "/dev/md0");
        fake_mount(host, "259:4", "/scratch", "ext4", "/dev/nvme2n1");
        build(host);
        assert_not_covered(host, "/mixed", "/dev/nvme2n1 is an instance store");
        assert_volumes(host, fake_file_system(host, "/mixed"), VOL_B);
        assert_not_covered(host, "/scratch", "/dev/nvme2n1 is an instance store");
        assert_int_equal(host->topology.n_others, 1);
        assert_string_equal(host->topology.others[0].device, "/dev/nvme2n1");
        assert_contains(host->topology.others[0].reason, "instance store");
}

static void a_missing_serial_is_named_with_its_remedy(void **state)
{
        FakeHost *host = *state;

        fake_nvme(host, "nvme0n1", "259:0", NULL, EBS);
        fake_mount(host, "259:0", "/", "ext4", "/dev/nvme0n1");
        build(host);
        assert_not_covered(host, "/", "VolumeMap=/dev/nvme0n1:VOLUME-ID");
}

static void btrfs_on_several_devices_needs_all_their_volumes(void **state)
{
        FakeHost *host = *state;
        const FileSystem *fs;

        add_two_volumes(host);
        fake_link(host, "x", "sys/fs/btrfs/11111111-2222-3333-4444-555555555555/devices/nvme0n1p1");
        fake_link(host, "x", "sys/fs/btrfs/11111111-2222-3333-4444-555555555555/devices/nvme1n1");
        fake_file(host, "pool\n", "sys/fs/btrfs/11111111-2222-3333-4444-555555555555/label");
        fake_file(host, "0\n", "sys/fs/btrfs/features/raid56");
        fake_mount(host, "0:44", "/pool", "btrfs", "/dev/nvme1n1");
        fake_mount(host, "0:44", "/pool/sub", "btrfs", "/dev/nvme1n1");
        build(host);
        assert_covered(host, "/pool", VOL_A " " VOL_B);
        fs = fake_file_system(host, "/pool");
        assert_string_equal(fs->uuid, "11111111-2222-3333-4444-555555555555");
        assert_string_equal(fs->label, "pool");
        assert_int_equal(fs->n_mounts, 2);
        assert_int_equal(host->topology.n_file_systems, 1);
}

static void a_btrfs_device_that_is_gone_leaves_it_uncovered(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_link(host, "x", "sys/fs/btrfs/1-1/devices/nvme1n1");
        fake_link(host, "x", "sys/fs/btrfs/1-1/devices/nvme9n1");
        fake_mount(host, "0:44", "/pool", "btrfs", "/dev/nvme1n1");
        fake_mount(host, "0:45", "/other", "btrfs", "/dev/disk/by-label/no-such");
        build(host);
        assert_not_covered(host, "/pool", "/dev/nvme9n1");
        assert_not_covered(host, "/other", "mountinfo names /dev/disk/by-label/no-such");
        assert_false(fake_file_system(host, "/pool")->lost);
        assert_true(fake_file_system(host, "/other")->lost);
}

static void what_lies_on_devices_that_nobody_names_is_lost(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_mount(host, "0:44", "/tank", "zfs", "tank");
        fake_mount(host, "0:45", "/many", "bcachefs", "/dev/nvme0n1:/dev/nvme1n1");
        fake_mount(host, "0:46", "/elsewhere", "beegfs", "beegfs_nodev");
        fake_mount(host, "259:77", "/gone", "ext4", "/dev/nvme7n1");
        build(host);
        assert_not_covered(host, "/tank", "mountinfo names tank");
        assert_true(fake_file_system(host, "/tank")->lost);
        assert_true(fake_file_system(host, "/many")->lost);
        assert_false(fake_file_system(host, "/elsewhere")->lost);
        assert_false(fake_file_system(host, "/gone")->lost);
}

/* sysfs does not show what replicates, exports or invents a device has it from. */
static void what_lies_on_a_device_that_does_not_show_its_own_is_lost(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_virtual(host, "drbd0", "147:0");
        fake_stacked(host, "dm-0", "253:0", "drbd0");
        fake_virtual(host, "nbd0", "43:0");
        fake_partition(host, "nbd0", "nbd0p1", "43:1");
        fake_virtual(host, "loop9", "7:9");
        fake_mount(host, "253:0", "/replicated", "ext4", "/dev/mapper/on-drbd");
        fake_mount(host, "43:1", "/exported", "xfs", "/dev/nbd0p1");
        fake_mount(host, "7:9", "/fileless", "ext4", "/dev/loop9");
        build(host);
        assert_not_covered(host, "/replicated", "/dev/drbd0 (no model, no serial) shows no volume id");
        assert_true(fake_file_system(host, "/replicated")->lost);
        assert_true(fake_file_system(host, "/exported")->lost);
        assert_true(fake_file_system(host, "/fileless")->lost);
}

static void what_lies_in_memory_or_on_a_disk_that_is_no_volume_is_not_lost(void **state)
{
        FakeHost *host = *state;

        fake_virtual(host, "zram0", "251:0");
        fake_virtual(host, "ram0", "1:0");
        fake_disk(host, "sda", "8:0");
        fake_mount(host, "251:0", "/zram", "ext4", "/dev/zram0");
        fake_mount(host, "1:0", "/ram", "ext4", "/dev/ram0");
        fake_mount(host, "8:0", "/usb", "ext4", "/dev/sda");
        build(host);
        assert_not_covered(host, "/zram", "memory");
        assert_false(fake_file_system(host, "/zram")->lost);
        assert_false(fake_file_system(host, "/ram")->lost);
        assert_false(fake_file_system(host, "/usb")->lost);
}

static void a_virtual_device_that_is_mapped_is_a_volume(void **state)
{
        FakeHost *host = *state;

        fake_virtual(host, "drbd0", "147:0");
        fake_mount(host, "147:0", "/replicated", "ext4", "/dev/drbd0");
        assert_return_code(string_list_add(&host->map, "/dev/drbd0:" VOL_C), 0);
        build(host);
        assert_covered(host, "/replicated", VOL_C);
        assert_false(fake_file_system(host, "/replicated")->lost);
}

static void an_image_is_frozen_before_what_it_lies_in(void **state)
{
        FakeHost *host = *state;
        const FileSystem *inner, *middle;

        add_two_volumes(host);
        fake_loop(host, "loop0", "7:0", "/data/images/inner.img");
        fake_loop(host, "loop1", "7:1", "/mnt/inner/deeper.img (deleted)");
        fake_partition(host, "loop1", "loop1p1", "259:9");
        fake_mount(host, "259:9", "/mnt/deeper", "ext4", "/dev/loop1p1");
        fake_mount(host, "7:0", "/mnt/inner", "xfs", "/dev/loop0");
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        fake_mount(host, "259:3", "/data", "ext4", "/dev/nvme1n1");
        build(host);
        assert_covered(host, "/mnt/deeper", VOL_B);
        inner = fake_file_system(host, "/mnt/deeper");
        assert_int_equal(inner->depth, 2);
        assert_int_equal(inner->n_below, 1);
        middle = host->topology.file_systems + inner->below[0];
        assert_string_equal(middle->mount_point, "/mnt/inner");
        assert_int_equal(middle->depth, 1);
        assert_string_equal(host->topology.file_systems[middle->below[0]].mount_point, "/data");
        assert_int_equal(fake_file_system(host, "/data")->depth, 0);
}

static void an_image_in_memory_is_not_covered(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_loop(host, "loop0", "7:0", "/tmp/x.img");
        fake_loop(host, "loop1", "7:1", "/sys/y.img");
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        fake_mount(host, "0:40", "/tmp", "tmpfs", "tmpfs");
        fake_mount(host, "0:41", "/sys", "sysfs", "sysfs");
        fake_mount(host, "7:0", "/x", "ext4", "/dev/loop0");
        fake_mount(host, "7:1", "/y", "ext4", "/dev/loop1");
        build(host);
        assert_not_covered(host, "/x", "/tmp, which is not covered: lives in memory");
        assert_not_covered(host, "/y", "pseudo file system");
}

static void an_image_that_lies_in_itself_ends_the_search(void **state)
{
        FakeHost *host = *state;

        fake_loop(host, "loop0", "7:0", "/a/x.img");
        fake_loop(host, "loop1", "7:1", "/b/x.img");
        fake_mount(host, "7:0", "/b", "ext4", "/dev/loop0");
        fake_mount(host, "7:1", "/a", "ext4", "/dev/loop1");
        build(host);
        assert_not_covered(host, "/a", "in itself");
        assert_not_covered(host, "/b", "not covered");
}

static void a_loop_over_a_block_device_is_on_its_volume(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_loop(host, "loop0", "7:0", "/dev/nvme1n1");
        fake_mount(host, "7:0", "/x", "ext4", "/dev/loop0");
        build(host);
        assert_covered(host, "/x", VOL_B);
        assert_int_equal(fake_file_system(host, "/x")->n_below, 0);
}

static void a_mapped_loop_device_is_a_volume_itself(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_loop(host, "loop0", "7:0", "/data/volume.img");
        fake_mount(host, "259:3", "/data", "ext4", "/dev/nvme1n1");
        fake_mount(host, "7:0", "/mapped", "ext4", "/dev/loop0");
        assert_return_code(string_list_add(&host->map, "/dev/loop0:" VOL_C), 0);
        assert_return_code(string_list_add(&host->map, "/dev/not-there:vol-9"), 0);
        build(host);
        assert_covered(host, "/mapped", VOL_C);
        assert_int_equal(fake_file_system(host, "/mapped")->n_below, 0);
        assert_int_equal(host->topology.n_volumes, 3);
}

static void xen_disks_are_told_by_their_names(void **state)
{
        FakeHost *host = *state;

        fake_disk(host, "xvda", "202:0");
        fake_partition(host, "xvda", "xvda1", "202:1");
        fake_disk(host, "xvdf", "202:80");
        fake_mount(host, "202:1", "/", "ext4", "/dev/xvda1");
        fake_mount(host, "202:80", "/data", "ext4", "/dev/xvdf");
        fake_attached(host, VOL_A, "/dev/sda1");
        fake_attached(host, VOL_B, "/dev/sdf");
        build(host);
        assert_covered(host, "/", VOL_A);
        assert_covered(host, "/data", VOL_B);
}

static void a_xen_disk_that_fits_two_volumes_is_neither(void **state)
{
        FakeHost *host = *state;

        fake_disk(host, "xvdf", "202:80");
        fake_mount(host, "202:80", "/data", "ext4", "/dev/xvdf");
        fake_attached(host, VOL_A, "/dev/sdf");
        fake_attached(host, VOL_B, "/dev/xvdf");
        build(host);
        assert_int_equal(host->topology.n_absent, 2);
        assert_not_covered(host, "/data", "/dev/xvdf may be " VOL_A);
        assert_not_covered(host, "/data", "or " VOL_B);
}

static void two_devices_that_claim_one_id_are_both_not_it(void **state)
{
        FakeHost *host = *state;

        fake_nvme(host, "nvme0n1", "259:0", SERIAL_A, EBS);
        fake_nvme(host, "nvme1n1", "259:1", SERIAL_A, EBS);
        fake_mount(host, "259:0", "/", "ext4", "/dev/nvme0n1");
        build(host);
        assert_int_equal(host->topology.n_volumes, 0);
        assert_int_equal(host->topology.n_others, 2);
        assert_string_equal(host->topology.others[1].claimed_id, VOL_A);
        assert_contains(host->topology.others[1].reason, "/dev/nvme1n1 and /dev/nvme0n1 both claim");
        assert_not_covered(host, "/", "/dev/nvme0n1 and /dev/nvme1n1 both claim to be " VOL_A);
}

static void of_two_that_claim_one_id_the_mapped_one_is_believed(void **state)
{
        FakeHost *host = *state;

        fake_nvme(host, "nvme0n1", "259:0", SERIAL_A, EBS);
        fake_nvme(host, "nvme1n1", "259:1", SERIAL_A, EBS);
        fake_mount(host, "259:0", "/", "ext4", "/dev/nvme0n1");
        fake_mount(host, "259:1", "/data", "ext4", "/dev/nvme1n1");
        assert_return_code(string_list_add(&host->map, "/dev/nvme1n1:" VOL_A), 0);
        build(host);
        assert_covered(host, "/data", VOL_A);
        assert_not_covered(host, "/", "claims to be " VOL_A ", which is /dev/nvme1n1 by VolumeMap=");
}

static void what_the_api_does_not_list_is_in_no_snapshot(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        fake_mount(host, "259:3", "/data", "ext4", "/dev/nvme1n1");
        fake_attached(host, VOL_A, "/dev/xvda");
        build(host);
        assert_covered(host, "/", VOL_A);
        assert_false(fake_volume(host, VOL_B)->listed);
        assert_contains(fake_volume(host, VOL_B)->reason, "EC2 does not list it");
        assert_not_covered(host, "/data", "/dev/nvme1n1 says it is " VOL_B);
}

static void disks_are_in_the_order_that_people_count_in(void **state)
{
        FakeHost *host = *state;

        fake_nvme(host, "nvme10n1", "259:0", SERIAL_A, EBS);
        fake_nvme(host, "nvme2n1", "259:1", SERIAL_B, EBS);
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme2n1");
        build(host);
        assert_string_equal(host->topology.volumes[0].device, "/dev/nvme2n1");
        assert_string_equal(host->topology.volumes[1].device, "/dev/nvme10n1");
}

static void a_virtio_serial_is_a_volume_id(void **state)
{
        FakeHost *host = *state;

        fake_disk(host, "vdb", "254:16");
        fake_file(host, "vol-12345678", "sys/block/vdb/serial");
        fake_mount(host, "254:16", "/data", "ext4", "/dev/vdb");
        build(host);
        assert_covered(host, "/data", "vol-12345678");
}

static void a_ring_of_slaves_and_a_missing_one_are_named(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_stacked(host, "dm-0", "253:0", "dm-1 nvme1n1");
        fake_stacked(host, "dm-1", "253:1", "dm-0");
        fake_stacked(host, "dm-2", "253:2", "gone");
        fake_stacked(host, "dm-3", "253:3", "");
        fake_mount(host, "253:0", "/ring", "ext4", "/dev/dm-0");
        fake_mount(host, "253:2", "/lost", "ext4", "/dev/dm-2");
        fake_mount(host, "253:3", "/zero", "ext4", "/dev/dm-3");
        fake_mount(host, "8:99", "/unknown", "ext4", "/dev/sdx");
        build(host);
        assert_not_covered(host, "/ring", "/dev/dm-0 lies on itself");
        assert_not_covered(host, "/lost", "/dev/gone");
        assert_not_covered(host, "/zero", "/dev/dm-3 lies on no other device");
        assert_not_covered(host, "/unknown", "/dev/sdx");
}

static void what_no_snapshot_has_is_listed_with_its_reason(void **state)
{
        FakeHost *host = *state;

        fake_mount(host, "0:40", "/tmp", "tmpfs", "tmpfs");
        fake_mount(host, "0:41", "/net", "nfs4", "server:/export");
        fake_mount(host, "0:42", "/merged", "overlay", "overlay");
        fake_mount(host, "0:43", "/remote", "fuse.sshfs", "user@host:");
        fake_mount(host, "0:44", "/new", "somethingfs", "thing");
        fake_mount(host, "0:45", "/sys/fs/cgroup", "cgroup2", "cgroup2");
        build(host);
        assert_int_equal(host->topology.n_file_systems, 5);
        assert_not_covered(host, "/tmp", "lives in memory");
        assert_not_covered(host, "/net", "another machine");
        assert_not_covered(host, "/merged", "other file systems");
        assert_not_covered(host, "/remote", "FUSE");
        assert_not_covered(host, "/new", "not known");
        assert_string_equal(fake_file_system(host, "/net")->device, "server:/export");
}

static void swap_space_is_noted(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_file(host,
                "Filename  Type  Size  Used  Priority\n/dev/nvme1n1  partition 1048572 0 -2\n"
                "/swapfile  file  1024 0 -3\n",
                "swaps");
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        build(host);
        assert_contains(fake_volume(host, VOL_B)->reason, "swap space");
        assert_false(fake_volume(host, VOL_B)->mounted);
}

static void what_is_hidden_below_another_mount_cannot_be_frozen(void **state)
{
        FakeHost *host = *state;

        add_two_volumes(host);
        fake_mount(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        fake_mount(host, "259:3", "/data/db", "ext4", "/dev/nvme1n1");
        assert_return_code(text_add(&host->mountinfo, "9 1 0:50 / / rw - tmpfs tmpfs rw\n"), 0);
        assert_return_code(
                text_add(&host->mountinfo, "1 0 0:51 / / rw - tmpfs tmpfs rw\n"), 0);
        build(host);
        assert_true(fake_file_system(host, "/data/db")->covered);
        assert_false(fake_file_system(host, "/data/db")->freezable);
        assert_contains(fake_file_system(host, "/data/db")->reason, "hidden");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(partitions_and_whole_disks_are_on_their_volumes),
                FAKE_HOST_TEST(a_logical_volume_over_two_disks_needs_both),
                FAKE_HOST_TEST(crypt_on_lvm_on_raid_is_followed_to_the_end),
                FAKE_HOST_TEST(one_device_without_a_volume_leaves_it_uncovered),
                FAKE_HOST_TEST(a_missing_serial_is_named_with_its_remedy),
                FAKE_HOST_TEST(btrfs_on_several_devices_needs_all_their_volumes),
                FAKE_HOST_TEST(a_btrfs_device_that_is_gone_leaves_it_uncovered),
                FAKE_HOST_TEST(what_lies_on_devices_that_nobody_names_is_lost),
                FAKE_HOST_TEST(what_lies_on_a_device_that_does_not_show_its_own_is_lost),
                FAKE_HOST_TEST(what_lies_in_memory_or_on_a_disk_that_is_no_volume_is_not_lost),
                FAKE_HOST_TEST(a_virtual_device_that_is_mapped_is_a_volume),
                FAKE_HOST_TEST(an_image_is_frozen_before_what_it_lies_in),
                FAKE_HOST_TEST(an_image_in_memory_is_not_covered),
                FAKE_HOST_TEST(an_image_that_lies_in_itself_ends_the_search),
                FAKE_HOST_TEST(a_loop_over_a_block_device_is_on_its_volume),
                FAKE_HOST_TEST(a_mapped_loop_device_is_a_volume_itself),
                FAKE_HOST_TEST(xen_disks_are_told_by_their_names),
                FAKE_HOST_TEST(a_xen_disk_that_fits_two_volumes_is_neither),
                FAKE_HOST_TEST(two_devices_that_claim_one_id_are_both_not_it),
                FAKE_HOST_TEST(of_two_that_claim_one_id_the_mapped_one_is_believed),
                FAKE_HOST_TEST(what_the_api_does_not_list_is_in_no_snapshot),
                FAKE_HOST_TEST(disks_are_in_the_order_that_people_count_in),
                FAKE_HOST_TEST(a_virtio_serial_is_a_volume_id),
                FAKE_HOST_TEST(a_ring_of_slaves_and_a_missing_one_are_named),
                FAKE_HOST_TEST(what_no_snapshot_has_is_listed_with_its_reason),
                FAKE_HOST_TEST(swap_space_is_noted),
                FAKE_HOST_TEST(what_is_hidden_below_another_mount_cannot_be_frozen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

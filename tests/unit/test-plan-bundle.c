/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan makes of a root that is an instance store, and of Method=bundle. */
#include "base/text.h"
#include "tests/unit/plan-host.h"

#define GIB (UINT64_C(1) << 30)

/* The root is a partition of a disk that is no volume; /data is not on it, and holds /data/inner.
 */
static void store_init(Host *host)
{
        static char *ec2_certificates[] = { TEXT("aws-us-gov:/g.pem"), TEXT("aws-cn:/cn.pem"), NULL };

        host_init(host);
        host->instance.root_device_type = TEXT("instance-store");
        host->identity.account_id = TEXT("123456789012");
        host->identity.partition = TEXT("aws-cn");
        host->profile.bucket = TEXT("bundles");
        host->profile.bundle = (BundleWish){ .certificate = TEXT("/c.pem"),
                .private_key = TEXT("/k.pem"),
                .ec2_certificates = { ec2_certificates, 2 },
                .scrub = true };
        host->file_systems[0] = (FileSystem){ .mount_point = TEXT("/"),
                .type = TEXT("ext4"),
                .device = TEXT("/dev/vda1"),
                .disk = TEXT("/dev/vda"),
                .disk_major = 254,
                .disk_bytes = 10 * GIB,
                .freezable = true,
                .reason = TEXT("an instance store") };
}

static void make(Host *host, Plan *plan)
{
        assert_return_code(plan_make(&host->input, plan), 0);
}

static bool is_frozen(const Plan *plan, const char *mount_point)
{
        for (size_t i = 0; i < plan->n_mounts; i++)
                if (streq(plan->mounts[i].fs->mount_point, mount_point))
                        return true;
        return false;
}

static bool is_gap(const Plan *plan, const char *what)
{
        for (size_t i = 0; i < plan->n_gaps; i++)
                if (streq(plan->gaps[i].what, what))
                        return true;
        return false;
}

static void an_instance_store_root_is_bundled(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        store_init(&host);
        make(&host, &plan);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.method, METHOD_BUNDLE);
        assert_string_equal(plan.bundled->disk, "/dev/vda");
        assert_int_equal(plan.volumes.count, 0);
        assert_int_equal(plan.n_mounts, 1);
        assert_true(is_frozen(&plan, "/"));
        assert_true(
                is_gap(&plan, "/data") && is_gap(&plan, "/data/inner") && is_gap(&plan, "/tmp"));
        assert_true(plan.complete_coverage);
}

static void all_of_the_disk_is_frozen_and_what_lies_in_its_files_first(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        store_init(&host);
        host.file_systems[1] = host.file_systems[0];
        host.file_systems[1].mount_point = TEXT("/data");
        make(&host, &plan);
        assert_int_equal(plan.n_mounts, 3);
        assert_string_equal(plan.mounts[0].fs->mount_point, "/data/inner");
        assert_int_equal(plan.mounts[0].group, 0);
        assert_int_equal(plan.mounts[1].group, 1);
}

static void what_cannot_be_frozen_is_watched_or_refused(void **state)
{
        for (int watchable = 0; watchable < 2; watchable++) {
                _cleanup_(plan_done) Plan plan = { 0 };
                Host host;

                store_init(&host);
                host.profile.consistency = CONSISTENCY_CRASH; /* no label mends what is torn */
                host.file_systems[1] = host.file_systems[0];
                host.file_systems[1].mount_point = TEXT("/boot/efi");
                host.file_systems[1].freezable = false;
                host.file_systems[1].watchable = watchable;
                host.file_systems[2].n_below = 0;
                make(&host, &plan);
                assert_int_equal(plan.n_watches, watchable);
                assert_int_equal(some_line_has(&plan.refusals, "/boot/efi (ext4) is on the disk"),
                        !watchable);
        }
}

static void a_partition_that_nothing_is_mounted_from_is_watched(void **state)
{
        UnusedDevice unused[] = { { .major = 254, .minor = 2, .disk_major = 254,
                                          .device = TEXT("/dev/vda2") },
                { .major = 8, .minor = 2, .disk_major = 8, .device = TEXT("/dev/sda2") } };
        Host host;

        store_init(&host);
        host.topology.unused = unused;
        host.topology.n_unused = ELEMENTSOF(unused);
        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
                _cleanup_(plan_done) Plan plan = { 0 };

                unused[0].mounted_elsewhere = unused[1].mounted_elsewhere = elsewhere;
                make(&host, &plan);
                assert_int_equal(plan.n_watches, !elsewhere);
                assert_int_equal(plan.refusals.count, elsewhere);
                if (elsewhere)
                        assert_true(some_line_has(&plan.refusals, "/dev/vda2 is on the disk"));
                else
                        assert_string_equal(plan.watches[0].what, "/dev/vda2");
        }
}

static void a_later_mount_of_the_disk_is_missed(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host, later;

        store_init(&host);
        make(&host, &plan);
        store_init(&later);
        assert_null(plan_find_missed(&plan, &later.topology));
        later.file_systems[1] = later.file_systems[0];
        later.file_systems[1].minor = 7;
        assert_ptr_equal(plan_find_missed(&plan, &later.topology), &later.file_systems[1]);
}

static void drop_certificate(Host *host)
{
        host->profile.bundle.certificate = NULL;
        host->profile.bundle.private_key = TEXT("");
}

static void drop_ec2_certificates(Host *host)
{
        host->profile.bundle.ec2_certificates = (StringList){ 0 };
}

static void be_in_another_partition(Host *host)
{
        host->identity.partition = TEXT("aws");
}

static void be_on_two_disks(Host *host)
{
        host->file_systems[0].disk = NULL;
}

static void be_large(Host *host)
{
        host->file_systems[0].disk_bytes = 10 * GIB + 512;
}

static void be_elsewhere(Host *host)
{
        host->profile.bundle.file_system = TEXT("/nowhere");
}

static void belong_to_nobody(Host *host)
{
        host->identity.account_id = TEXT("1234-5678");
}

static void not_freeze(Host *host)
{
        host->profile.no_freeze = true;
}

static void name_volumes(Host *host)
{
        static char *volumes[] = { TEXT("vol-a"), NULL };

        host->profile.volumes = (StringList){ volumes, 1 };
}

static void copy_elsewhere(Host *host)
{
        static char *copies[] = { TEXT("us-east-1"), NULL };

        host->profile.copy_to = (StringList){ copies, 1 };
}

static void lock_snapshots(Host *host)
{
        host->profile.lock = (ProfileLock){ .mode = LOCK_GOVERNANCE, .days = 7 };
}

static void want_snapshots(Host *host)
{
        host->profile.method = METHOD_BUNDLE;
        host->input.image_wanted = false;
}

static void cut_volumes(Host *host)
{
        host->profile.method = METHOD_CREATE_IMAGE;
}

static void what_cannot_be_bundled_is_refused_with_what_to_do(void **state)
{
        static const struct {
                void (*change)(Host *host);
                const char *refusal;
        } cases[] = {
                { drop_certificate, "to say Certificate=, PrivateKey= as well" },
                { drop_ec2_certificates, "to say Ec2Certificate= as well" },
                { be_in_another_partition,
                        "has no certificate for partition aws, where this instance is, but "
                        "aws-us-gov:/g.pem, aws-cn:/cn.pem: add Ec2Certificate=aws:/PATH" },
                { be_on_two_disks, "does not lie on one disk" },
                { be_large, "at most 10 GiB" },
                { be_elsewhere, "No file system is mounted at /nowhere" },
                { belong_to_nobody, "but 1234-5678: a bundle names it, in digits" },
                { not_freeze, "cannot be made without a freeze" },
                { name_volumes, "Volumes= chooses volumes" },
                { copy_elsewhere, "CopyTo= in [Publish]: EC2 would copy a bundle into a bucket" },
                { lock_snapshots, "Lock= in [Publish]: is for snapshots, and a bundle has none" },
                { want_snapshots, "Method=bundle makes an image" },
                { cut_volumes, "say Method=bundle" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(plan_done) Plan plan = { 0 };
                Host host;

                store_init(&host);
                cases[i].change(&host);
                make(&host, &plan);
                if (!some_line_has(&plan.refusals, cases[i].refusal))
                        fail_msg("nothing says '%s'", cases[i].refusal);
        }
}

static void a_profile_may_want_all_to_be_in_it(void **state)
{
        static char *excluded[] = { TEXT("/data"), TEXT("/data/inner"), NULL };
        Host host;

        store_init(&host);
        host.file_systems[1].class = host.file_systems[2].class = FS_FREEZABLE;
        host.profile.on_uncovered = ON_UNCOVERED_FAIL;
        for (int n = 0; n <= 2; n += 2) {
                _cleanup_(plan_done) Plan plan = { 0 };

                host.profile.exclude = (StringList){ excluded, (size_t)n };
                make(&host, &plan);
                assert_int_equal(
                        some_line_has(&plan.refusals, "/data would be in no bundle"), n == 0);
        }
}

static void a_volume_may_be_bundled_too(void **state)
{
        _cleanup_(plan_done) Plan plan = { 0 };
        Host host;

        store_init(&host);
        host.instance.root_device_type = TEXT("ebs");
        host.profile.method = METHOD_BUNDLE;
        make(&host, &plan);
        assert_int_equal(plan.refusals.count, 0);
        assert_int_equal(plan.method, METHOD_BUNDLE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_instance_store_root_is_bundled),
                cmocka_unit_test(all_of_the_disk_is_frozen_and_what_lies_in_its_files_first),
                cmocka_unit_test(what_cannot_be_frozen_is_watched_or_refused),
                cmocka_unit_test(a_partition_that_nothing_is_mounted_from_is_watched),
                cmocka_unit_test(a_later_mount_of_the_disk_is_missed),
                cmocka_unit_test(what_cannot_be_bundled_is_refused_with_what_to_do),
                cmocka_unit_test(a_profile_may_want_all_to_be_in_it),
                cmocka_unit_test(a_volume_may_be_bundled_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

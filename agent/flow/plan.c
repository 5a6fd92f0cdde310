/* SPDX-License-Identifier: Apache-2.0 */
/* What a bake will do, decided before anything is done: pure, from what was read. */

#include "flow/plan.h"

#include "base/text.h"
#include "flow/plan-bundle.h"
#include "flow/plan-coverage.h"
#include "flow/plan-selection.h"
#include "flow/plan-verdict.h"

void plan_done(Plan *plan)
{
        free(plan->image_name);
        string_list_done(&plan->volumes);
        string_list_done(&plan->exclude_data_volumes);
        free(plan->mounts);
        free(plan->watches);
        free(plan->gaps);
        string_list_done(&plan->warnings);
        string_list_done(&plan->refusals);
        *plan = (Plan){ 0 };
}

/* EC2 User Guide, "AMI billing information fields": anything but plain RunInstances is billed. */
static bool has_billing_codes(const PlanInput *input)
{
        const char *operation = input->instance->usage_operation;

        return identity_has_billing_codes(input->identity) ||
                input->instance->product_codes.count > 0 ||
                (operation && !streq(operation, "RunInstances"));
}

static bool is_on_instance_store(const PlanInput *input)
{
        return streq_ptr(input->instance->root_device_type, "instance-store");
}

static void choose_by_itself(Plan *plan, const PlanInput *input)
{
        if (is_on_instance_store(input)) {
                plan->method = METHOD_BUNDLE;
                plan->method_reason = "the root device is an instance store";
        } else if (has_billing_codes(input)) {
                plan->method = METHOD_CREATE_IMAGE;
                plan->method_reason = "the instance carries billing or marketplace codes, which "
                                      "RegisterImage would lose";
        } else {
                plan->method = METHOD_REGISTER;
                plan->method_reason = "no billing codes; all snapshots are cut at one instant";
        }
}

static void choose_method(Plan *plan, const PlanInput *input)
{
        if (!input->image_wanted)
                return;
        plan->method = input->profile->method;
        plan->method_reason = "the profile says so";
        if (plan->method == METHOD_AUTO)
                choose_by_itself(plan, input);
}

static int check_method(Plan *plan, const PlanInput *input)
{
        if (plan->method == METHOD_BUNDLE)
                return plan_bundle(plan, input);
        if (is_on_instance_store(input))
                return plan_refuse(plan, FAILURE_NOT_SUPPORTED,
                        "The root device of this instance is an instance store: it has no volume to "
                        "take a snapshot of; say Method=bundle, or leave Method= out");
        if (has_billing_codes(input) && plan->method == METHOD_REGISTER)
                return plan_warn(plan,
                        "Method=register loses the billing or marketplace codes of this instance; "
                        "Method=auto keeps them");
        return 0;
}

static int check_snapshots(Plan *plan, const PlanInput *input)
{
        int method = input->profile->method;

        if (method != METHOD_REBOOT && method != METHOD_BUNDLE)
                return 0;
        return plan_refuse(plan, FAILURE_INVALID_ARGUMENT,
                "Method=%s makes an image, and snapshots alone are wanted", method_names[method]);
}

static int check_image(Plan *plan, const PlanInput *input)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        if (!input->image_wanted)
                return check_snapshots(plan, input);
        if (plan->exclude_boot_volume && plan->refusals.count == 0 &&
                plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "An image needs the root volume: take it out of Exclude=, or name it in "
                        "Volumes=, or take snapshots only") < 0)
                return -ENOMEM;
        r = plan_image_name(input, &plan->image_name, &reason);
        if (r == -EINVAL)
                r = plan_refuse(plan, FAILURE_INVALID_ARGUMENT, "%s", reason);
        return r < 0 ? r : check_method(plan, input);
}

static size_t count_volumes(const Plan *plan, const Topology *topology, const size_t *volumes,
        size_t n_volumes)
{
        size_t n = 0;

        for (size_t i = 0; i < n_volumes; i++)
                n += string_list_contains(&plan->volumes, topology->volumes[volumes[i]].id);
        return n;
}

static size_t count_selected(const Plan *plan, const Topology *topology, const FileSystem *fs)
{
        return count_volumes(plan, topology, fs->volumes, fs->n_volumes);
}

static int add_gap(Plan *plan, const char *what, const char *reason)
{
        PlanGap *gap = ARRAY_ADD(plan->gaps, plan->n_gaps);

        if (!gap)
                return -ENOMEM;
        *gap = (PlanGap){ what, reason };
        return 0;
}

/* A covered file system that changes and cannot be frozen: the class is crash at best. */
static int add_unfreezable(Plan *plan, const PlanInput *input, const FileSystem *fs)
{
        return plan_degrade(plan, input->profile, FAILURE_PLAN_REFUSED,
                "%s (%s) is in the snapshot and cannot be frozen: %s; remount it read-only, unmount "
                "it, or accept Consistency=crash",
                fs->mount_point, fs->type, fs->reason ? fs->reason : "unknown type");
}

/* Its other part is on nothing that a snapshot covers: what is in the snapshot is torn. */
static int add_partial(Plan *plan, const PlanInput *input, const FileSystem *fs)
{
        return plan_degrade(plan, input->profile, FAILURE_NOT_COVERED,
                "%s lies on a volume of the set, but not with all of its data: %s; leave the volume "
                "out with Exclude=, or accept Consistency=crash",
                fs->mount_point, fs->reason);
}

/* A pool of ZFS, or on drbd: nobody can say that it is not on the volumes, and nobody froze it. */
static int add_lost(Plan *plan, const PlanInput *input, const FileSystem *fs)
{
        const Candidate candidate = { .device = fs->device, .mount_point = fs->mount_point };

        if (fs->read_only || plan->method == METHOD_REBOOT || selection_excludes(input, &candidate))
                return 0;
        return plan_degrade(plan, input->profile, FAILURE_NOT_COVERED,
                "%s (%s) may be in the snapshots, and is not frozen: %s; unmount it, name it with "
                "Exclude= if it is on no volume of the set, or accept Consistency=crash",
                fs->mount_point, fs->type, fs->reason);
}

static int add_mount(Plan *plan, const FileSystem *fs, unsigned depth_max)
{
        PlanMount *mount = ARRAY_ADD(plan->mounts, plan->n_mounts);

        if (!mount)
                return -ENOMEM;
        /* What lies in a file of another file system goes first: its last writes land there. */
        *mount = (PlanMount){ fs, depth_max - fs->depth };
        return 0;
}

static int add_watch(Plan *plan, const PlanWatch *watch)
{
        PlanWatch *added = ARRAY_ADD(plan->watches, plan->n_watches);

        if (!added)
                return -ENOMEM;
        *added = *watch;
        return 0;
}

static int watch_file_system(Plan *plan, const FileSystem *fs)
{
        return add_watch(plan, &(PlanWatch){ .what = fs->mount_point, .reason = fs->reason,
                .fs = fs, .volumes = fs->volumes, .n_volumes = fs->n_volumes,
                .major = fs->major, .minor = fs->minor });
}

static int add_lost_elsewhere(Plan *plan, const PlanInput *input, const UnusedDevice *unused)
{
        const Candidate candidate = { .device = unused->device };

        if (selection_excludes(input, &candidate))
                return 0;
        return plan_degrade(plan, input->profile, FAILURE_NOT_COVERED,
                "%s has a file system that is mounted in another mount namespace only: it may be in "
                "the snapshots, and is not frozen; unmount it, name %s with Exclude= if it is on no "
                "volume of the set, or accept Consistency=crash",
                unused->device, unused->device);
}

/* What is mounted may have more to write than was seen to be written. */
static int add_mounted_elsewhere(Plan *plan, const PlanInput *input, const UnusedDevice *unused)
{
        if (unused->lost)
                return add_lost_elsewhere(plan, input, unused);
        return plan_degrade(plan, input->profile, FAILURE_PLAN_REFUSED,
                "%s has a file system that is mounted in another mount namespace only: it is in the "
                "snapshot, and cannot be frozen from here; unmount it, leave the volume out with "
                "Exclude=, or accept Consistency=crash",
                unused->device);
}

static bool is_unused_taken(const Plan *plan, const Topology *topology, const UnusedDevice *unused)
{
        if (plan->method == METHOD_BUNDLE)
                return plan_bundle_has_unused(plan, unused);
        return count_volumes(plan, topology, unused->volumes, unused->n_volumes) > 0;
}

/* Whoever may write there is not known: that nobody does is seen when it counts. */
static int watch_unused(Plan *plan, const PlanInput *input, const UnusedDevice *unused)
{
        if (!is_unused_taken(plan, input->topology, unused))
                return 0;
        if (unused->mounted_elsewhere && plan->method == METHOD_BUNDLE)
                return plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "%s is on the disk that is bundled, and has a file system that is mounted in "
                        "another mount namespace only, so that it cannot be frozen from here: "
                        "unmount it",
                        unused->device);
        if (unused->mounted_elsewhere)
                return add_mounted_elsewhere(plan, input, unused);
        return add_watch(plan, &(PlanWatch){ .what = unused->device,
                .reason = "no file system is mounted from it", .volumes = unused->volumes,
                .n_volumes = unused->n_volumes, .major = unused->major, .minor = unused->minor });
}

/* What is torn in a bundle stays so: no label would help. */
static int refuse_unfreezable(Plan *plan, const FileSystem *fs)
{
        return plan_refuse(plan, FAILURE_PLAN_REFUSED,
                "%s (%s) is on the disk that is bundled and cannot be frozen: %s; remount it "
                "read-only, or unmount it",
                fs->mount_point, fs->type, fs->reason ? fs->reason : "unknown type");
}

static int place_bundled(Plan *plan, const PlanInput *input, const FileSystem *fs,
        unsigned depth_max)
{
        if (!plan_bundle_holds(plan, input->topology, fs))
                return add_gap(plan, fs->mount_point,
                        fs->covered || !fs->reason ? "it is not on the disk that is bundled" :
                                                     fs->reason);
        if (fs->read_only)
                return 0;
        if (fs->freezable)
                return add_mount(plan, fs, depth_max);
        return fs->watchable ? watch_file_system(plan, fs) : refuse_unfreezable(plan, fs);
}

static int place_file_system(Plan *plan, const PlanInput *input, const FileSystem *fs,
        unsigned depth_max)
{
        size_t selected = count_selected(plan, input->topology, fs);
        int r = 0;

        if (plan->method == METHOD_BUNDLE)
                return place_bundled(plan, input, fs, depth_max);
        if (!fs->covered && selected > 0 && !fs->read_only)
                r = add_partial(plan, input, fs);
        else if (fs->lost)
                r = add_lost(plan, input, fs);
        if (r < 0)
                return r;
        if (!fs->covered)
                return add_gap(plan, fs->mount_point, fs->reason ? fs->reason : "on no volume");
        if (selected == 0)
                return add_gap(plan, fs->mount_point, "its volume is left out by the selection");
        if (selected < fs->n_volumes)
                return plan_refuse(plan, FAILURE_NOT_COVERED,
                        "%s lies on %zu volumes, and only %zu are in the set: its snapshot could not "
                        "be restored; name all of them, or none",
                        fs->mount_point, fs->n_volumes, selected);
        if (fs->read_only)
                return 0;
        if (plan->method == METHOD_REBOOT)
                return 0; /* the shutdown unmounts it */
        if (!fs->freezable && !fs->watchable)
                return add_unfreezable(plan, input, fs);
        if (input->profile->no_freeze)
                return 0;
        return fs->freezable ? add_mount(plan, fs, depth_max) : watch_file_system(plan, fs);
}

/* Those with a file system are named by that. */
static int add_volumes_beside(Plan *plan, const Topology *topology)
{
        if (plan->method != METHOD_BUNDLE)
                return 0;
        for (size_t i = 0; i < topology->n_volumes; i++) {
                const Volume *volume = topology->volumes + i;

                if (!volume->mounted && !plan_bundle_is_disk(plan, volume->device) &&
                        add_gap(plan, volume->id, "a volume is in no bundle: take a snapshot of it") <
                                0)
                        return -ENOMEM;
        }
        return 0;
}

static int compare_groups(const void *a, const void *b)
{
        const PlanMount *left = a, *right = b;

        if (left->group != right->group)
                return left->group < right->group ? -1 : 1;
        return strcmp(left->fs->mount_point, right->fs->mount_point);
}

static int place_file_systems(Plan *plan, const PlanInput *input)
{
        bool no_freeze = input->profile->no_freeze || plan->method == METHOD_REBOOT;
        const Topology *topology = input->topology;
        unsigned depth_max = 0;

        plan->complete_coverage = !input->profile->no_freeze || plan->method == METHOD_REBOOT;
        for (size_t i = 0; i < topology->n_file_systems; i++)
                if (topology->file_systems[i].depth > depth_max)
                        depth_max = topology->file_systems[i].depth;
        for (size_t i = 0; i < topology->n_file_systems; i++) {
                int r = place_file_system(plan, input, &topology->file_systems[i], depth_max);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; !no_freeze && i < topology->n_unused; i++)
                if (watch_unused(plan, input, topology->unused + i) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < topology->n_others; i++)
                if (!plan_bundle_is_disk(plan, topology->others[i].device) &&
                        add_gap(plan, topology->others[i].device, topology->others[i].reason) < 0)
                        return -ENOMEM;
        if (add_volumes_beside(plan, topology) < 0)
                return -ENOMEM;
        if (plan->n_mounts > 1)
                qsort(plan->mounts, plan->n_mounts, sizeof(PlanMount), compare_groups);
        /* Groups are numbered by depth; close the gaps that unused depths leave. */
        for (size_t i = 0, group = 0; i < plan->n_mounts; i++) {
                unsigned depth = plan->mounts[i].group;

                plan->mounts[i].group = (unsigned)group;
                if (i + 1 < plan->n_mounts && plan->mounts[i + 1].group != depth)
                        group++;
        }
        return 0;
}

static int check_reboot(Plan *plan, const PlanInput *input)
{
        const Profile *profile = input->profile;

        if (plan_warn(plan, "This host will be rebooted: EC2 shuts it down, takes the snapshots and "
                            "boots it again") < 0)
                return -ENOMEM;
        if (profile->consistency == CONSISTENCY_APPLICATION &&
                plan_degrading_is_refused(profile) &&
                plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "By a reboot the class is filesystem at best: say Consistency=filesystem, or "
                        "choose another Method=") < 0)
                return -ENOMEM;
        if (!input->no_witness)
                return 0;
        return plan_degrade(plan, profile, FAILURE_PLAN_REFUSED,
                "Nobody could tell whether the shutdown brings the file systems to rest: %s; mend "
                "that, or accept Consistency=crash", input->no_witness);
}

static int check_freeze(Plan *plan, const PlanInput *input)
{
        size_t n = plan->n_mounts;

        if (plan->method == METHOD_REBOOT)
                return check_reboot(plan, input);
        for (size_t i = 0; i < plan->n_watches; i++)
                n += plan->watches[i].fs != NULL;
        if (n > PLAN_MOUNTS_MAX)
                return plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "%zu file systems are to be frozen or synced, and %d is the most; leave "
                        "volumes out with Exclude=",
                        n, PLAN_MOUNTS_MAX);
        if (input->profile->no_freeze && plan_degrading_is_refused(input->profile))
                return plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "Without a freeze the class is crash at best: say Consistency=crash, or "
                        "OnDegrade=label");
        return 0;
}

static bool is_same(const FileSystem *a, const FileSystem *b)
{
        return a && a->major == b->major && a->minor == b->minor;
}

static bool is_to_be_at_rest(const Plan *plan, const FileSystem *fs)
{
        for (size_t i = 0; i < plan->n_mounts; i++)
                if (is_same(plan->mounts[i].fs, fs))
                        return true;
        for (size_t i = 0; i < plan->n_watches; i++)
                if (is_same(plan->watches[i].fs, fs))
                        return true;
        return false;
}

static bool is_taken(const Plan *plan, const Topology *topology, const FileSystem *fs)
{
        return plan->method == METHOD_BUNDLE ? plan_bundle_holds(plan, topology, fs) :
                                               count_selected(plan, topology, fs) > 0;
}

const FileSystem *plan_find_missed(const Plan *plan, const Topology *topology)
{
        for (size_t i = 0; i < topology->n_file_systems; i++) {
                const FileSystem *fs = &topology->file_systems[i];

                if (!fs->read_only && is_taken(plan, topology, fs) && !is_to_be_at_rest(plan, fs))
                        return fs;
        }
        return NULL;
}

int plan_make(const PlanInput *input, Plan *ret)
{
        _cleanup_(plan_done) Plan plan = { .method = METHOD_REGISTER, .method_reason = "" };

        choose_method(&plan, input);
        if (selection_apply(&plan, input) < 0 || check_image(&plan, input) < 0 ||
                place_file_systems(&plan, input) < 0 || coverage_check(&plan, input) < 0 ||
                check_freeze(&plan, input) < 0)
                return -ENOMEM;
        *ret = plan;
        plan = (Plan){ 0 };
        return 0;
}

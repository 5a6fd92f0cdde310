/* SPDX-License-Identifier: Apache-2.0 */
/* What Method=bundle takes from this host, and what speaks against it. */

#include "flow/plan-bundle.h"

#include "base/text.h"
#include "flow/plan-verdict.h"
#include "flow/publish-keys.h"
#include "image/bundle.h"

bool plan_bundle_is_on_disk(const Plan *plan, const FileSystem *fs)
{
        const FileSystem *bundled = plan->bundled;

        return bundled && fs->disk && fs->disk_major == bundled->disk_major &&
                fs->disk_minor == bundled->disk_minor;
}

bool plan_bundle_has_unused(const Plan *plan, const UnusedDevice *unused)
{
        const FileSystem *bundled = plan->bundled;

        return bundled && unused->disk_major == bundled->disk_major &&
                unused->disk_minor == bundled->disk_minor;
}

bool plan_bundle_is_disk(const Plan *plan, const char *device)
{
        return plan->bundled && streq_ptr(plan->bundled->disk, device);
}

/* The topology's `below` has no circles: `depth` falls with each step. */
bool plan_bundle_holds(const Plan *plan, const Topology *topology, const FileSystem *fs)
{
        if (plan_bundle_is_on_disk(plan, fs))
                return true;
        for (size_t i = 0; i < fs->n_below; i++) {
                const FileSystem *outer = topology->file_systems + fs->below[i];

                if (outer->depth < fs->depth && plan_bundle_holds(plan, topology, outer))
                        return true;
        }
        return false;
}

static int refuse_missing(Plan *plan, const Profile *profile)
{
        const struct {
                const char *key, *value;
        } keys[] = {
                { "Bucket=", profile->bucket },
                { "Certificate=", profile->bundle.certificate },
                { "PrivateKey=", profile->bundle.private_key },
                { "Ec2Certificate=",
                        profile->bundle.ec2_certificates.count > 0 ? "yes" : NULL },
        };
        _cleanup_(text_done) Text missing = TEXT_INIT;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if ((!keys[i].value || *keys[i].value == '\0') &&
                        text_addf(&missing, "%s%s", missing.length > 0 ? ", " : "", keys[i].key) <
                                0)
                        return -ENOMEM;
        if (missing.length == 0)
                return 0;
        return plan_refuse(plan, FAILURE_NOT_SUPPORTED,
                "%s: its image is a bundle in S3, and for that the section [Bundle] of a profile "
                "has "
                "to say %s as well; see quiesced.profile(5)",
                profile->method == METHOD_BUNDLE ? "The profile says Method=bundle"
                                                 : "The root device of this instance is an "
                                                   "instance store, which has no volume "
                                                   "to take a snapshot of",
                missing.data);
}

static int check_partition(Plan *plan, const PlanInput *input)
{
        const StringList *entries = &input->profile->bundle.ec2_certificates;
        const char *partition = input->identity->partition;
        _cleanup_(freep) char *said = NULL;

        if (entries->count == 0 || bundle_find_ec2(entries, partition))
                return 0;
        if (string_list_join(entries, ", ", &said) < 0)
                return -ENOMEM;
        return plan_refuse(plan, FAILURE_CONFIG_INVALID,
                "Ec2Certificate= in [Bundle] has no certificate for partition %s, where this "
                "instance is, but %s: add Ec2Certificate=%s:/PATH",
                partition ? partition : "(unknown)", said, partition ? partition : "PARTITION");
}

static const FileSystem *find_mounted(const Topology *topology, const char *mount_point)
{
        for (size_t i = 0; i < topology->n_file_systems; i++)
                if (streq(topology->file_systems[i].mount_point, mount_point))
                        return topology->file_systems + i;
        return NULL;
}

static int find_disk(Plan *plan, const PlanInput *input)
{
        const char *wanted = input->profile->bundle.file_system;
        const char *mount_point = wanted && *wanted ? wanted : "/";
        const FileSystem *fs = find_mounted(input->topology, mount_point);

        if (!fs)
                return plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "No file system is mounted at %s, whose disk is to be bundled: correct "
                        "FileSystem= in [Bundle]",
                        mount_point);
        if (!fs->disk)
                return plan_refuse(plan, FAILURE_NOT_SUPPORTED,
                        "%s (%s on %s) does not lie on one disk, or on one partition of it, alone: "
                        "such a disk is all that can be bundled",
                        mount_point, fs->type, fs->device);
        plan->bundled = fs;
        return 0;
}

static int check_size(Plan *plan)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        if (!plan->bundled)
                return 0;
        r = bundle_check_size(plan->bundled->disk_bytes, &reason);
        if (r == -ENOMEM)
                return r;
        return r == 0 ? 0
                      : plan_refuse(plan, FAILURE_NOT_SUPPORTED, "%s cannot be bundled: %s",
                                plan->bundled->disk, reason);
}

static int check_account(Plan *plan, const char *account)
{
        if (account && *account && account[strspn(account, "0123456789")] == '\0')
                return 0;
        return plan_refuse(plan, FAILURE_NOT_SUPPORTED,
                "The metadata service does not say to which account this instance belongs%s%s: a "
                "bundle names it, in digits",
                account ? ", but " : "", account ? account : "");
}

static int check_publication(Plan *plan, const Profile *profile)
{
        _cleanup_(freep) char *reason = NULL;
        const char *key = NULL;
        int r = publish_check_bundle(profile, &key, &reason);

        if (r == -ENOMEM)
                return r;
        return r == 0 ? 0
                      : plan_refuse(plan, FAILURE_NOT_SUPPORTED, "%s= in [Publish]: %s", key,
                                reason ? reason : strerror(-r));
}

/* A torn copy of a disk is no crash: no journal knows how to mend it. */
static int check_profile(Plan *plan, const Profile *profile)
{
        if (profile->volumes.count > 0 &&
                plan_refuse(plan, FAILURE_INVALID_ARGUMENT,
                        "Volumes= chooses volumes to take snapshots of, and a bundle has the disk "
                        "of FileSystem= in [Bundle]: leave it out") < 0)
                return -ENOMEM;
        if (!profile->no_freeze)
                return 0;
        return plan_refuse(plan, FAILURE_INVALID_ARGUMENT,
                "A disk that is read while it changes is worth nothing: a bundle cannot be made "
                "without a freeze");
}

int plan_bundle(Plan *plan, const PlanInput *input)
{
        if (refuse_missing(plan, input->profile) < 0 || check_partition(plan, input) < 0 ||
                find_disk(plan, input) < 0 || check_size(plan) < 0 || check_account(plan, input->identity->account_id) < 0)
                return -ENOMEM;
        if (check_publication(plan, input->profile) < 0)
                return -ENOMEM;
        return check_profile(plan, input->profile);
}

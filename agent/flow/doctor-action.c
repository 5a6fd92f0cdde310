/* SPDX-License-Identifier: Apache-2.0 */
/* What quiesced asks AWS for: the actions of IAM, what each is needed for, and how it is tried. */

#include "flow/doctor-action.h"

#include "base/text.h"

const char *const doctor_role_names[] = { "create", "delete", "publish", "verify", "retain", NULL };

#define PAGE "MaxResults=5"
#define TAGGED "Tag.1.Key=quiesced:instance&Tag.1.Value=$instance"
#define DEVICE "BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs."
#define TAG "TagSpecification.1.Tag.1."

const DoctorAction doctor_actions[] = {
        { "ec2:DescribeInstances", "InstanceId.1=$instance", DOCTOR_READS },
        { "ec2:DescribeVolumes", PAGE, DOCTOR_READS },
        { "ec2:DescribeSnapshots", "Owner.1=self&" PAGE, DOCTOR_READS },
        { "ec2:DescribeImages", "Owner.1=self", DOCTOR_READS },
        { "ec2:DescribeImageAttribute", "ImageId=$image&Attribute=launchPermission",
                DOCTOR_READS },
        { "ec2:DescribeSnapshotAttribute",
                "SnapshotId=$snapshot&Attribute=createVolumePermission", DOCTOR_READS },
        { "ec2:DescribeLockedSnapshots", PAGE, DOCTOR_READS },
        { "ec2:DescribeSnapshotTierStatus", PAGE, DOCTOR_READS },
        { "ec2:DescribeLaunchTemplateVersions", "LaunchTemplateVersion.1=$Latest",
                DOCTOR_READS },
        { "ec2:DescribeInstanceStatus", "InstanceId.1=$instance", DOCTOR_READS },
        { "ec2:GetInstanceUefiData", "InstanceId=$instance", DOCTOR_READS },
        { "ec2:GetConsoleOutput", "InstanceId=$instance", DOCTOR_READS },
        { "ec2:CreateSnapshots", "InstanceSpecification.InstanceId=$host", DOCTOR_MAKES },
        { "ec2:CreateImage", "InstanceId=$host&Name=$name&NoReboot=true",
                DOCTOR_MAKES },
        { "ec2:RegisterImage",
                "Name=$name&RootDeviceName=/dev/xvda&VirtualizationType=hvm&" DEVICE
                "SnapshotId=$snapshot", DOCTOR_MARKS },
        { "ec2:CreateTags", "ResourceId.1=$snapshot&" TAGGED, DOCTOR_MARKS, true },
        { "ec2:DeleteSnapshot", "SnapshotId=$snapshot", DOCTOR_DELETES, true },
        { "ec2:DeregisterImage", "ImageId=$image", DOCTOR_DEREGISTERS, true },
        { "ec2:UnlockSnapshot", "SnapshotId=$snapshot", DOCTOR_KEEPS, true },
        { "ec2:DisableImageDeregistrationProtection", "ImageId=$image", DOCTOR_KEEPS, true },
        { "ec2:CopyImage", "SourceRegion=$region&SourceImageId=$image&Name=quiesced-doctor",
                DOCTOR_KEEPS },
        { "ec2:ModifyImageAttribute",
                "ImageId=$image&LaunchPermission.Remove.1.UserId=$account", DOCTOR_MARKS, true },
        { "ec2:ModifySnapshotAttribute",
                "SnapshotId=$snapshot&Attribute=createVolumePermission&OperationType=remove&"
                "UserId.1=$account", DOCTOR_MARKS, true },
        { "ec2:EnableImageDeprecation", "ImageId=$image&DeprecateAt=$later", DOCTOR_KEEPS, true },
        { "ec2:EnableImageDeregistrationProtection", "ImageId=$image", DOCTOR_KEEPS, true },
        { "ec2:EnableFastSnapshotRestores",
                "AvailabilityZone.1=$zone&SourceSnapshotId.1=$snapshot", DOCTOR_KEEPS, true },
        { "ec2:LockSnapshot", "SnapshotId=$snapshot&LockMode=governance&LockDuration=1",
                DOCTOR_KEEPS, true },
        { "ec2:ModifySnapshotTier", "SnapshotId=$snapshot&StorageTier=archive", DOCTOR_KEEPS,
                true },
        { "ec2:RunInstances",
                "ImageId=$image&MinCount=1&MaxCount=1&InstanceType=$type&"
                "TagSpecification.1.ResourceType=instance&" TAG "Key=quiesced:verify&" TAG
                "Value=$image", DOCTOR_KEEPS },
        { "ec2:TerminateInstances", "InstanceId.1=$nobody", DOCTOR_KEEPS, true },
        { "autoscaling:DescribeAutoScalingGroups", "MaxRecords=1", DOCTOR_LISTS },
        { "autoscaling:DescribeLaunchConfigurations", "MaxRecords=1", DOCTOR_LISTS },
        { "ssm:GetParameter", "", DOCTOR_LISTS },
        { "ssm:PutParameter", "", DOCTOR_CANNOT },
};
const size_t n_doctor_actions = ELEMENTSOF(doctor_actions);

/* --- What is needed --------------------------------------------------------------------------- */

static bool makes_image(const Profile *profile)
{
        return profile->type == BAKE_IMAGE;
}

static bool may_create_image(const Profile *profile)
{
        return makes_image(profile) && profile->method != METHOD_REGISTER &&
                profile->method != METHOD_BUNDLE;
}

static bool copies(const Profile *profile)
{
        return profile->copy_to.count > 0;
}

static bool shares(const Profile *profile)
{
        return profile->share_with.count > 0;
}

static bool deprecates(const Profile *profile)
{
        return profile->deprecate_after_usec > 0;
}

static bool protects(const Profile *profile)
{
        return profile->protection != PROTECTION_NO;
}

static bool restores_fast(const Profile *profile)
{
        return profile->fast_restore.count > 0;
}

static bool locks(const Profile *profile)
{
        return profile->lock.mode != LOCK_NO;
}

static bool archives(const Profile *profile)
{
        return profile->archive;
}

static bool names_parameter(const Profile *profile)
{
        return profile->ssm_parameter != NULL;
}

/* For the few that must be told to (--force), or that do without. */
static bool never(const Profile *profile)
{
        return false;
}

static bool retains(const Profile *profile)
{
        return profile->retention.after_bake && retain_policy_is_set(&profile->retention.policy);
}

static bool publishes(const Profile *profile)
{
        return copies(profile) || shares(profile) || deprecates(profile) || protects(profile) ||
                restores_fast(profile) || locks(profile) || archives(profile) ||
                names_parameter(profile);
}

static bool verifies(const Profile *profile)
{
        return profile->verify != VERIFICATION_NO;
}

static bool always(const Profile *profile)
{
        return true;
}

bool doctor_use_is_needed(const DoctorUse *use, const Profile *profile)
{
        /* Without permission to delete, what comes to nothing is named and left, as may be. */
        static bool (*const roles[DOCTOR_ROLE_MAX])(const Profile *profile) = {
                [DOCTOR_CREATE] = always,
                [DOCTOR_DELETE] = retains,
                [DOCTOR_PUBLISH] = publishes,
                [DOCTOR_VERIFY] = verifies,
                [DOCTOR_RETAIN] = retains,
        };

        return roles[use->role](profile) && (!use->is_needed || use->is_needed(profile));
}

const DoctorUse doctor_uses[] = {
        { DOCTOR_CREATE, "ec2:DescribeInstances" },
        { DOCTOR_CREATE, "ec2:DescribeVolumes" },
        { DOCTOR_CREATE, "ec2:DescribeSnapshots" },
        { DOCTOR_CREATE, "ec2:DescribeImages" },
        { DOCTOR_CREATE, "ec2:GetInstanceUefiData", never },
        { DOCTOR_CREATE, "ec2:CreateSnapshots" },
        { DOCTOR_CREATE, "ec2:CreateImage", may_create_image },
        { DOCTOR_CREATE, "ec2:RegisterImage", makes_image },
        { DOCTOR_CREATE, "ec2:CreateTags" },

        { DOCTOR_DELETE, "ec2:DescribeInstances" },
        { DOCTOR_DELETE, "ec2:DescribeSnapshots" },
        { DOCTOR_DELETE, "ec2:DescribeImages" },
        { DOCTOR_DELETE, "ec2:DescribeSnapshotAttribute" },
        { DOCTOR_DELETE, "ec2:DescribeLockedSnapshots" },
        { DOCTOR_DELETE, "ec2:DeleteSnapshot" },
        { DOCTOR_DELETE, "ec2:DeregisterImage" },
        { DOCTOR_DELETE, "ec2:UnlockSnapshot", never },
        { DOCTOR_DELETE, "ec2:DisableImageDeregistrationProtection", never },

        { DOCTOR_PUBLISH, "ec2:DescribeSnapshots" },
        { DOCTOR_PUBLISH, "ec2:DescribeImages" },
        { DOCTOR_PUBLISH, "ec2:CreateTags" },
        { DOCTOR_PUBLISH, "ec2:CopyImage", copies },
        { DOCTOR_PUBLISH, "ec2:ModifyImageAttribute", shares },
        { DOCTOR_PUBLISH, "ec2:ModifySnapshotAttribute", shares },
        { DOCTOR_PUBLISH, "ec2:EnableImageDeprecation", deprecates },
        { DOCTOR_PUBLISH, "ec2:EnableImageDeregistrationProtection", protects },
        { DOCTOR_PUBLISH, "ec2:EnableFastSnapshotRestores", restores_fast },
        { DOCTOR_PUBLISH, "ec2:LockSnapshot", locks },
        { DOCTOR_PUBLISH, "ec2:ModifySnapshotTier", archives },
        { DOCTOR_PUBLISH, "ec2:DescribeSnapshotTierStatus", archives },
        { DOCTOR_PUBLISH, "ssm:GetParameter", names_parameter },
        { DOCTOR_PUBLISH, "ssm:PutParameter", names_parameter },

        { DOCTOR_VERIFY, "ec2:DescribeImages" },
        { DOCTOR_VERIFY, "ec2:DescribeInstances" },
        { DOCTOR_VERIFY, "ec2:DescribeInstanceStatus" },
        { DOCTOR_VERIFY, "ec2:GetConsoleOutput" },
        { DOCTOR_VERIFY, "ec2:RunInstances" },
        { DOCTOR_VERIFY, "ec2:CreateTags" },
        { DOCTOR_VERIFY, "ec2:TerminateInstances" },

        { DOCTOR_RETAIN, "ec2:DescribeInstances" },
        { DOCTOR_RETAIN, "ec2:DescribeSnapshots" },
        { DOCTOR_RETAIN, "ec2:DescribeImages" },
        { DOCTOR_RETAIN, "ec2:DescribeImageAttribute" },
        { DOCTOR_RETAIN, "ec2:DescribeSnapshotAttribute" },
        { DOCTOR_RETAIN, "ec2:DescribeLockedSnapshots" },
        { DOCTOR_RETAIN, "ec2:DescribeLaunchTemplateVersions" },
        { DOCTOR_RETAIN, "autoscaling:DescribeAutoScalingGroups" },
        { DOCTOR_RETAIN, "autoscaling:DescribeLaunchConfigurations" },
        { DOCTOR_RETAIN, "ssm:GetParameter", names_parameter },
        { DOCTOR_RETAIN, "ec2:DeleteSnapshot" },
        { DOCTOR_RETAIN, "ec2:DeregisterImage" },
};
const size_t n_doctor_uses = ELEMENTSOF(doctor_uses);

# SPDX-License-Identifier: Apache-2.0
"""Retention: what the policy gives up goes, what somebody needs stays, and each line says why."""

import json
import resource
import time

import pytest

from cloud.account import service_client
from lab.processes import wait_until
from lab.worker import INSTANCE_ID, Workplace

HOUR = 3600
DAY = 24 * HOUR
OTHER_INSTANCE = "i-0fedcba9876543210"


@pytest.fixture(scope="module")
def module_place():
    with Workplace() as place:
        (place.folder / "profiles").mkdir()
        yield place


@pytest.fixture
def place(module_place):
    yield module_place
    module_place.cloud.clear_faults()
    module_place.cloud.configure(**module_place.knobs)
    forget_users(module_place)
    module_place.cloud.empty()
    module_place.cloud.clear_calls()


def forget_users(place):
    """Whatever a test that failed has left to launch from."""
    auto_scaling = service_client(place.cloud, "autoscaling")
    for group in auto_scaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        auto_scaling.delete_auto_scaling_group(AutoScalingGroupName=group["AutoScalingGroupName"])
    for one in auto_scaling.describe_launch_configurations()["LaunchConfigurations"]:
        auto_scaling.delete_launch_configuration(
            LaunchConfigurationName=one["LaunchConfigurationName"])
    for one in place.ec2.describe_launch_templates()["LaunchTemplates"]:
        place.ec2.delete_launch_template(LaunchTemplateId=one["LaunchTemplateId"])


def write_profile(place, *lines, name="nightly", publish=()):
    (place.folder / f"profiles/{name}.conf").write_text("\n".join(
        ["[Bake]", "Type=image", "[Retain]", *lines, "[Publish]", *publish, ""]))


def labels(kind, job, instance=INSTANCE_ID, profile="nightly", **more):
    return {"quiesced:job": job, "quiesced:kind": kind, "quiesced:instance": instance,
            "quiesced:profile": profile, "quiesced:consistency": "filesystem", **more}


def image_of(days, instance=INSTANCE_ID, snapshots=2, created=None, **tags):
    name = f"web-{instance[-4:]}-{days}"
    return {"name": name, "tags": labels("image", f"j-{name}", instance, **tags),
            "created": created or time.time() - days * DAY, "snapshots": snapshots}


def set_of(days, instance=INSTANCE_ID, snapshots=2, **tags):
    return {"tags": labels("snapshots", f"j-set-{instance[-4:]}-{days}", instance, **tags),
            "created": time.time() - days * DAY, "snapshots": snapshots}


def fill_images(place, *images):
    return place.cloud.fill(images=images)[0]


def plan(place, profile="nightly"):
    return run_plan(place, profile).told("answer")


def run_plan(place, profile):
    result, worker = place.run("plan-prune", profile=profile)
    assert result["result"] == "done", f"{result} {place.log()}"
    return worker


def reasons(place, profile="nightly"):
    return {one["id"]: (one["decision"], one["reason"]) for one in plan(place, profile)["objects"]}


def write_record(place, job, record):
    """Of a job that was interrupted."""
    (place.folder / "jobs").mkdir(exist_ok=True)
    (place.folder / "jobs" / f"{job}.json").write_text(json.dumps({
        "id": job, "instance-id": INSTANCE_ID, "region": place.cloud.settings["region"],
        "method": "register", "demanded": "filesystem", "on-degrade": "fail", "volumes": [],
        "tags": {}, **record}))


def prune(place, profile="nightly"):
    job = place.new_job()
    result, worker = place.run("prune", job, profile=profile)
    return result, worker.told("details"), job


# The policy, planned and done

def test_a_plan_tells_each_line_and_touches_nothing(place):
    write_profile(place, "KeepLast=1", "KeepMonthly=1", "MinAge=1h", "TimeZone=Europe/Berlin")
    newest, old, oldest = fill_images(place, image_of(1), image_of(2), image_of(400))
    answer = plan(place)
    assert (answer["profile"], answer["time-zone"]) == ("nightly", "Europe/Berlin")
    assert (answer["keep"], answer["delete"]) == (1, 2)
    lines = {one["id"]: one for one in answer["objects"]}
    assert lines[newest]["reason"] == "one of the newest (KeepLast=1)"
    assert lines[old]["decision"] == "delete"
    assert lines[old]["reason"] == "no Keep rule keeps it"
    assert (lines[oldest]["kind"], lines[oldest]["size-gib"]) == ("image", 16)
    assert lines[oldest]["name"] == f"web-{INSTANCE_ID[-4:]}-400"
    assert lines[oldest]["instance"] == INSTANCE_ID
    assert sorted(lines[oldest]["snapshots"]) == sorted(place.image(oldest)["snapshots"])
    assert place.images() == {newest, old, oldest}
    assert not place.called("DeregisterImage") and not place.called("DeleteSnapshot")


def test_prune_does_what_the_plan_says(place):
    write_profile(place, "KeepLast=2")
    images, sets = place.cloud.fill(images=[image_of(n) for n in range(5)],
                                    sets=[set_of(n, snapshots=3) for n in range(4)])
    foreign = fill_images(place, image_of(9, instance=OTHER_INSTANCE), image_of(9, profile="weekly"))
    place.cloud.fill(sets=[{"tags": labels("image", "j-under-way"), "created": 1}])
    before = len(place.snapshots())
    result, details, job = prune(place)
    assert result["result"] == "done"
    assert place.images() == {*images[:2], *foreign}
    assert len(place.snapshots()) == before - 3 * 2 - 2 * 3
    assert {*sets[0], *sets[1]} <= place.snapshots()
    assert details["kept"] == 4 and details["left"] == []
    assert {one["id"] for one in details["removed"]} == {*images[2:], *sets[2], *sets[3]}
    record = place.record(job)
    assert (record["state"], record["kind"], record["profile"]) == ("done", "prune", "nightly")
    assert plan(place)["delete"] == 0


def stamp(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * DAY))


def test_the_newest_is_the_one_that_was_cut_last_and_not_the_one_that_took_longest(place):
    """Four bakes at once: the third one's volume is new to EC2, and it takes days."""
    write_profile(place, "KeepLast=1")
    cuts = {9: 9.1, 7: 7.1, 5: 8, 6: 6.1}
    old, older, late, newest = fill_images(place, *[
        image_of(made, **{"quiesced:cut": stamp(cut)}) for made, cut in cuts.items()])
    answer = plan(place)
    assert [one["id"] for one in answer["objects"]] == [newest, older, late, old]
    assert [one["reason"] for one in answer["objects"]] == [
        "one of the newest (KeepLast=1)", "no Keep rule keeps it",
        "one of the newest, by when it was made (KeepLast=1)", "no Keep rule keeps it"]
    for one, (made, cut) in zip(sorted(answer["objects"], key=lambda one: one["created-usec"]),
                                sorted(cuts.items(), reverse=True)):
        assert abs(time.time() - one["created-usec"] / 1e6 - made * DAY) < 60
        assert abs(time.time() - one["cut-usec"] / 1e6 - cut * DAY) < 60
    assert prune(place)[0]["result"] == "done"
    assert place.images() == {newest, late}


def test_a_forged_cut_makes_nothing_go_that_would_stay_without_it(place):
    write_profile(place, "KeepLast=1", "MaxAge=30d", "MinAge=1d", "KeepAtLeast=0")
    old, newest = fill_images(
        place, image_of(2, **{"quiesced:cut": stamp(-400)}),
        image_of(0.5, **{"quiesced:cut": "1970-01-01T00:00:01Z"}))
    assert reasons(place)[newest][0] == "keep"
    assert prune(place)[0]["result"] == "done"
    assert newest in place.images()


def test_without_a_rule_nothing_goes(place):
    write_profile(place)
    (image,) = fill_images(place, image_of(4000))
    assert reasons(place) == {image: ("keep", "there is no Keep rule")}
    assert prune(place)[0]["result"] == "done"
    assert place.images() == {image}


def test_a_profile_that_is_not_there_is_named(place):
    result, _, _ = prune(place, "missing")
    assert result["error"] == "org.quiesced1.Error.NoSuchProfile"
    result, _ = place.run("plan-prune")
    assert result["error"] == "org.quiesced1.Error.InvalidArgument"


def test_a_policy_for_the_fleet_counts_each_instance_apart_or_all_together(place):
    images = fill_images(place, *[image_of(n, instance) for n in range(3)
                                  for instance in (INSTANCE_ID, OTHER_INSTANCE)])
    (stranger,) = place.cloud.fill(images=[{"tags": {"quiesced:profile": "nightly"}}])[0]
    write_profile(place, "KeepLast=1", "Select=quiesced:profile=nightly", name="fleet")
    assert plan(place, "fleet")["delete"] == 4
    write_profile(place, "KeepLast=1", "Select=quiesced:profile=nightly", "Per=selection",
                  name="fleet")
    assert plan(place, "fleet")["delete"] == 5
    prune(place, "fleet")
    assert stranger in place.images(), "it carries no quiesced:job"
    assert len(place.images()) == 2 and place.images() & set(images)


def test_what_is_not_finished_or_failed_or_verified_counts_so(place):
    write_profile(place, "KeepLast=1", "KeepVerified=1")
    verified, pending, failed, good = fill_images(
        place, image_of(9, **{"quiesced:verified": "2026-01-01T00:00:00Z"}), image_of(0),
        image_of(1), image_of(2))
    place.ec2.delete_tags(Resources=[pending], Tags=[{"Key": "quiesced:consistency"}])
    place.ec2.create_tags(Resources=[failed], Tags=[{"Key": "quiesced:verified", "Value": "no"}])
    found = reasons(place)
    assert found[pending] == ("keep", "not finished")
    assert found[failed][1] == "one of the newest (KeepLast=1)"
    assert found[good][1] == "the last that are left (KeepAtLeast=1)"
    assert found[verified][1] == "one of the newest verified (KeepVerified=1)"


# Guards

def template(place, name, image):
    made = place.ec2.create_launch_template(LaunchTemplateName=name,
                                            LaunchTemplateData={"ImageId": image})
    return made["LaunchTemplate"]["LaunchTemplateId"]


def by_latest_template(place, image):
    template(place, "web", "ami-0fedcba9876543210")
    place.ec2.create_launch_template_version(LaunchTemplateName="web",
                                             LaunchTemplateData={"ImageId": image})
    yield "version 2 of the launch template web uses it"
    place.ec2.delete_launch_template(LaunchTemplateName="web")


def by_default_template(place, image):
    template(place, "web", image)
    place.ec2.create_launch_template_version(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": "ami-0fedcba9876543210"})
    yield "version 1 of the launch template web uses it"
    place.ec2.delete_launch_template(LaunchTemplateName="web")


def by_resolved_parameter(place, image):
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/web", Value=image, Type="String")
    template(place, "web", "resolve:ssm:/golden/web")
    yield ("the parameter /golden/web names it, which is used by version 1 of the launch template "
           "web")
    place.ec2.delete_launch_template(LaunchTemplateName="web")
    ssm.delete_parameter(Name="/golden/web")


def by_group_with_an_old_version(place, image):
    auto_scaling = service_client(place.cloud, "autoscaling")
    template_id = template(place, "web", "ami-0fedcba9876543210")
    for one in (image, "ami-0fedcba9876543210"):
        place.ec2.create_launch_template_version(LaunchTemplateName="web",
                                                 LaunchTemplateData={"ImageId": one})
    auto_scaling.create_auto_scaling_group(
        AutoScalingGroupName="fleet", MinSize=0, MaxSize=1, AvailabilityZones=["eu-central-1a"],
        LaunchTemplate={"LaunchTemplateId": template_id, "Version": "2"})
    yield "the Auto Scaling group fleet by version 2 of the launch template web uses it"
    auto_scaling.delete_auto_scaling_group(AutoScalingGroupName="fleet")
    place.ec2.delete_launch_template(LaunchTemplateName="web")


def by_group_that_names_its_template(place, image):
    """Of a mixed policy, whose overrides have templates of their own."""
    auto_scaling = service_client(place.cloud, "autoscaling")
    template(place, "web", "ami-0fedcba9876543210")
    template(place, "arm", "ami-0fedcba9876543210")
    for one in (image, "ami-0fedcba9876543210"):
        place.ec2.create_launch_template_version(LaunchTemplateName="arm",
                                                 LaunchTemplateData={"ImageId": one})
    place.cloud.configure(groups_name_templates=True)
    auto_scaling.create_auto_scaling_group(
        AutoScalingGroupName="fleet", MinSize=0, MaxSize=1, AvailabilityZones=["eu-central-1a"],
        MixedInstancesPolicy={"LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "1"},
            "Overrides": [{"InstanceType": "m7g.large", "LaunchTemplateSpecification": {
                "LaunchTemplateName": "arm", "Version": "2"}}]}})
    yield "the Auto Scaling group fleet by version 2 of the launch template arm uses it"
    auto_scaling.delete_auto_scaling_group(AutoScalingGroupName="fleet")
    for name in ("web", "arm"):
        place.ec2.delete_launch_template(LaunchTemplateName=name)


def by_parameter(kind):
    def use(place, image):
        ssm = service_client(place.cloud, "ssm")
        values = ["ami-0fedcba9876543210", image] if kind == "StringList" else [image]
        ssm.put_parameter(Name="/golden/web", Value=",".join(values), Type=kind)
        template(place, "web", "resolve:ssm:/golden/web")
        yield ("the parameter /golden/web names it, which is used by version 1 of the launch "
               "template web")
        place.ec2.delete_launch_template(LaunchTemplateName="web")
        ssm.delete_parameter(Name="/golden/web")
    use.__name__ = f"by_{kind}"
    return use


def by_launch_configuration(place, image):
    auto_scaling = service_client(place.cloud, "autoscaling")
    auto_scaling.create_launch_configuration(LaunchConfigurationName="old-web", ImageId=image,
                                             InstanceType="m6i.large")
    yield "the launch configuration old-web uses it"
    auto_scaling.delete_launch_configuration(LaunchConfigurationName="old-web")


def by_verification(place, image):
    (instance,) = place.ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "quiesced:verify", "Value": image}]}],
    )["Instances"]
    yield f"the instance {instance['InstanceId']} verifies it"
    place.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def by_sharing(place, image):
    place.ec2.modify_image_attribute(
        ImageId=image, LaunchPermission={"Add": [{"UserId": "210987654321"}]})
    yield "it is shared with others"


def by_publicity(place, image):
    place.ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    yield "it is public"


GUARDS = {
    "launch-template": [by_latest_template, by_default_template, by_resolved_parameter,
                        by_parameter("StringList"), by_parameter("SecureString")],
    "auto-scaling": [by_group_with_an_old_version, by_group_that_names_its_template,
                     by_launch_configuration],
    "verification": [by_verification],
    "shared": [by_sharing, by_publicity],
}


@pytest.mark.parametrize("word, use", [(word, use) for word, uses in GUARDS.items()
                                       for use in uses])
def test_what_is_in_use_stays_unless_told(place, word, use):
    write_profile(place, "KeepLast=1")
    # Of no volumes: the simulated EC2 launches from it without bytes to copy.
    needed, other, newest = fill_images(place, image_of(3, snapshots=0), image_of(2), image_of(1))
    using = use(place, needed)
    reason = next(using)
    found = reasons(place)
    assert found[needed] == ("keep", reason)
    assert found[other][0] == "delete"
    write_profile(place, "KeepLast=1", f"Override=protected {word}")
    assert reasons(place)[needed][0] == "delete"
    write_profile(place, "KeepLast=1")
    assert prune(place)[0]["result"] == "done"
    assert place.images() == {needed, newest}
    next(using, None)
    assert reasons(place)[needed][0] == ("keep" if word == "shared" else "delete")


def test_the_published_image_stays(place):
    write_profile(place, "KeepLast=1", publish=["SsmParameter=/golden/web"])
    published, _ = fill_images(place, image_of(3), image_of(2))
    assert reasons(place)[published][0] == "delete", "there is no such parameter"
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/web", Value=published, Type="String")
    assert reasons(place)[published] == ("keep", "the parameter /golden/web names it")
    ssm.delete_parameter(Name="/golden/web")


def test_what_another_profile_has_published_stays(place):
    """One profile prunes for the fleet; the images say by which parameter they may be found."""
    write_profile(place, "KeepLast=1")
    published, _, _ = fill_images(
        place, image_of(3, **{"quiesced:parameter": "/golden/web"}), image_of(2), image_of(1))
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/web", Value=published, Type="String")
    assert reasons(place)[published] == ("keep", "the parameter /golden/web names it")
    ssm.delete_parameter(Name="/golden/web")


def test_an_image_whose_snapshots_are_shared_stays(place):
    write_profile(place, "KeepLast=1")
    shared, _ = fill_images(place, image_of(2), image_of(1))
    snapshot = place.image(shared)["snapshots"][1]
    place.ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": "210987654321"}]})
    assert reasons(place)[shared] == ("keep", f"its snapshot {snapshot} is shared with others")


def test_images_that_lost_their_class_are_not_taken_for_failed_ones(place):
    """They count for nothing, and all of them would go at once."""
    write_profile(place, "KeepLast=1")
    for image in fill_images(place, *[{**image_of(days), "tags": {
            key: value for key, value in image_of(days)["tags"].items()
            if key != "quiesced:consistency"}} for days in (9, 10)]):
        decision, reason = reasons(place)[image]
        assert decision == "keep" and "quiesced:consistency" in reason


def test_a_set_that_lost_its_class_is_not_taken_for_a_failed_one(place):
    write_profile(place, "KeepLast=1")
    _, (old, whole, _) = place.cloud.fill(sets=[set_of(days) for days in (11, 10, 9)])
    place.ec2.delete_tags(Resources=old[:1], Tags=[{"Key": "quiesced:consistency"}])
    found = reasons(place)
    decision, reason = found[f"j-set-{INSTANCE_ID[-4:]}-11"]
    assert decision == "keep" and old[0] in reason and "quiesced:consistency" in reason
    assert found[f"j-set-{INSTANCE_ID[-4:]}-10"][0] == "delete"
    prune(place)
    assert set(old) <= place.snapshots() and not set(whole) & place.snapshots()


def test_what_is_protected_or_locked_stays_unless_told(place):
    write_profile(place, "KeepLast=1")
    (protected, locked, _), sets = place.cloud.fill(
        images=[{**image_of(3), "protection": "enabled-without-cooldown"},
                {**image_of(2), "locked": True}, image_of(1)],
        sets=[{**set_of(3), "locked": True}, set_of(2)])
    lock = place.image(locked)["snapshots"][0]
    set_id = f"j-set-{INSTANCE_ID[-4:]}-3"
    found = reasons(place)
    assert found[protected] == ("keep", "it is protected from being deregistered")
    assert found[locked] == ("keep", f"its snapshot {lock} is locked")
    assert found[set_id] == ("keep", f"its snapshot {sets[0][0]} is locked")
    write_profile(place, "KeepLast=1", "Override=protected locked")
    found = reasons(place)
    assert {found[one][0] for one in (protected, locked, set_id)} == {"delete"}


def test_a_set_that_is_shared_or_that_an_image_was_made_of_stays(place):
    write_profile(place, "KeepLast=1")
    _, sets = place.cloud.fill(sets=[set_of(4), set_of(3), set_of(2), set_of(1)])
    place.ec2.modify_snapshot_attribute(
        SnapshotId=sets[0][1], CreateVolumePermission={"Add": [{"UserId": "210987654321"}]})
    image = place.register("by-hand", sets[1][0])
    found = reasons(place)
    end = INSTANCE_ID[-4:]
    assert found[f"j-set-{end}-4"] == ("keep", f"its snapshot {sets[0][1]} is shared with others")
    assert found[f"j-set-{end}-3"] == ("keep", f"the image {image} uses its snapshot {sets[1][0]}")
    assert found[f"j-set-{end}-2"][0] == "delete"


def test_a_snapshot_that_another_image_uses_survives_its_own(place):
    write_profile(place, "KeepLast=1")
    gone, _ = fill_images(place, image_of(3), image_of(1))
    shared, own = place.image(gone)["snapshots"]
    other = place.register("another", shared)
    result, details, _ = prune(place)
    assert result["result"] == "done"
    assert gone not in place.images() and other in place.images()
    assert shared in place.snapshots() and own not in place.snapshots()
    (removed,) = details["removed"]
    assert [one["id"] for one in removed["skipped"]] == [shared]


def test_what_a_launch_template_makes_volumes_of_stays(place):
    write_profile(place, "KeepLast=1")
    images, sets = place.cloud.fill(images=[image_of(2), image_of(1)],
                                    sets=[set_of(3), set_of(2), set_of(1)])
    needed = sets[0][1], place.image(images[0])["snapshots"][1]
    place.ec2.create_launch_template(LaunchTemplateName="data", LaunchTemplateData={
        "BlockDeviceMappings": [{"DeviceName": f"/dev/sd{letter}", "Ebs": {"SnapshotId": one}}
                                for letter, one in zip("fg", needed)]})
    found = reasons(place)
    for name, snapshot in zip((f"j-set-{INSTANCE_ID[-4:]}-3", images[0]), needed):
        assert found[name] == ("keep", "version 1 of the launch template data uses its snapshot "
                               + snapshot)
    assert found[f"j-set-{INSTANCE_ID[-4:]}-2"][0] == "delete"
    place.ec2.delete_launch_template(LaunchTemplateName="data")


def test_what_a_launch_configuration_makes_volumes_of_stays(place):
    write_profile(place, "KeepLast=1")
    _, sets = place.cloud.fill(sets=[set_of(3), set_of(2), set_of(1)])
    service_client(place.cloud, "autoscaling").create_launch_configuration(
        LaunchConfigurationName="old-web", ImageId="ami-0fedcba9876543210",
        InstanceType="m6i.large", BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": sets[0][1]}}])
    found = reasons(place)
    assert found[f"j-set-{INSTANCE_ID[-4:]}-3"] == (
        "keep", f"the launch configuration old-web uses its snapshot {sets[0][1]}")
    assert found[f"j-set-{INSTANCE_ID[-4:]}-2"][0] == "delete"


def test_a_secret_parameter_that_may_not_be_read_keeps_all_and_is_named(place):
    write_profile(place, "KeepLast=1")
    image, _ = fill_images(place, image_of(2), image_of(1))
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/web", Value="ami-0fedcba9876543210", Type="SecureString")
    template(place, "web", "resolve:ssm:/golden/web")
    assert reasons(place)[image][0] == "delete"
    place.cloud.configure(deny=["Decrypt"])
    assert reasons(place)[image] == ("keep", "what the parameter /golden/web names is not known: "
                                     "the permission kms:Decrypt is missing")
    ssm.delete_parameter(Name="/golden/web")


def test_the_lock_of_a_snapshot_that_stays_is_not_lifted(place):
    write_profile(place, "KeepLast=1", "Override=locked")
    gone, _ = fill_images(place, image_of(3), image_of(1))
    shared, own = place.image(gone)["snapshots"]
    place.register("another", shared)
    for one in (shared, own):
        place.ec2.lock_snapshot(SnapshotId=one, LockMode="governance", LockDuration=1)
    assert prune(place)[0]["result"] == "done"
    assert gone not in place.images() and own not in place.snapshots()
    (lock,) = place.ec2.describe_locked_snapshots()["Snapshots"]
    assert lock["SnapshotId"] == shared


# What may not be known, and what may not be done

CHECKS = {
    "ec2:DescribeLaunchTemplateVersions": "which launch templates use it is not known",
    "autoscaling:DescribeAutoScalingGroups": "which Auto Scaling groups use it is not known",
    "autoscaling:DescribeLaunchConfigurations": "which launch configurations use it is not known",
    "ssm:GetParameter": "what the parameter /golden/web names is not known",
    "ec2:DescribeInstances": "whether it is being verified is not known",
    "ec2:DescribeLockedSnapshots": "whether a snapshot of it is locked is not known",
    "ec2:DescribeImageAttribute": "whom it is shared with is not known",
}


@pytest.mark.parametrize("permission", CHECKS)
def test_what_may_not_be_looked_up_keeps_what_it_is_about(place, permission):
    write_profile(place, "KeepLast=1", publish=["SsmParameter=/golden/web"])
    images = fill_images(place, image_of(3), image_of(2), image_of(1))
    place.cloud.configure(deny=[permission.partition(":")[2]])
    found = reasons(place)
    reason = f"{CHECKS[permission]}: the permission {permission} is missing"
    assert found[images[0]] == found[images[1]] == ("keep", reason)
    assert prune(place)[0]["result"] == "done"
    assert place.images() == set(images)
    assert len(place.called("DescribeImageAttribute")) <= 2, "one refusal is enough"


def test_a_cloud_without_locks_has_none(place):
    write_profile(place, "KeepLast=1")
    fill_images(place, image_of(2), image_of(1))
    place.cloud.fault("DescribeLockedSnapshots", error="InvalidAction", times=-1)
    assert plan(place)["delete"] == 1


def test_a_cloud_that_knows_no_filters_loses_nothing_of_others(place):
    """It answers with all that the account has, ours or not."""
    write_profile(place, "KeepLast=1")
    own, strangers = fill_images(place, image_of(2), image_of(1)), fill_images(
        place, image_of(5, instance=OTHER_INSTANCE), image_of(6, profile="weekly"),
        {"tags": {"team": "web"}, "created": 1, "snapshots": 2})
    _, sets = place.cloud.fill(sets=[
        {"tags": labels("image", "j-under-way"), "created": 1},
        {"tags": labels("snapshots", "j-x", OTHER_INSTANCE), "created": 1}, {"created": 1}])
    place.cloud.configure(ignore_filters=True)
    assert prune(place)[0]["result"] == "done"
    assert place.images() == {own[1], *strangers}
    assert {one for ids in sets for one in ids} <= place.snapshots()


def test_a_listing_that_is_refused_ends_the_job(place):
    write_profile(place, "KeepLast=1")
    fill_images(place, image_of(2), image_of(1))
    place.cloud.configure(deny=["DescribeImages"])
    result, _, _ = prune(place)
    assert result["error"] == "org.quiesced1.Error.AccessDenied"
    assert "DescribeImages" in result["message"]


def test_one_of_three_that_is_refused_is_left_and_named(place):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (4, 3, 2, 1)])
    place.cloud.fault("DeregisterImage", error="UnauthorizedOperation", status=403, times=-1,
                      where={"ImageId": images[1]})
    result, details, _ = prune(place)
    assert result["error"] == "org.quiesced1.Error.LeftOver"
    assert [one["id"] for one in details["left"]] == [images[1]]
    assert "ec2:DeregisterImage" in details["left"][0]["reason"]
    assert place.images() == {images[1], images[3]}


# Interruptions

@pytest.mark.parametrize("point", ["chosen", "removing"])
def test_a_prune_that_was_killed_is_finished(place, point):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (4, 3, 2, 1)])
    job = place.new_job()
    worker = place.start_until(point, "prune", job, profile="nightly")
    worker.kill()
    if point == "chosen":
        assert place.images() == set(images)
        assert prune(place)[0]["result"] == "done"
    else:
        result, _ = place.run("resume", job)
        assert result["result"] == "done"
    assert place.images() == {images[3]}
    assert place.snapshots() == set(place.image(images[3])["snapshots"])


def test_what_came_into_use_after_a_prune_was_killed_stays(place):
    """As when the host is off for days, and somebody goes back to an image of last week."""
    write_profile(place, "KeepLast=1", publish=["SsmParameter=/golden/web"])
    first, published, untagged, unused, newest = fill_images(
        place, *[image_of(n) for n in (5, 4, 3, 2, 1)])
    job = place.new_job()
    place.start_until("deregistered", "prune", job, profile="nightly").kill()
    ssm = service_client(place.cloud, "ssm")
    ssm.put_parameter(Name="/golden/web", Value=published, Type="String")
    place.ec2.delete_tags(Resources=[untagged], Tags=[{"Key": "quiesced:job"}])
    assert place.run("resume", job)[0]["result"] == "done"
    assert place.images() == {published, untagged, newest}
    assert len(place.snapshots()) == 2 * 3, "those of the first one are gone too"
    ssm.delete_parameter(Name="/golden/web")


def test_what_the_policy_keeps_by_the_time_a_prune_is_resumed_stays(place):
    """The newest have gone by hand meanwhile: those before them are the last that are left."""
    write_profile(place, "KeepLast=1", "KeepAtLeast=2")
    images, sets = place.cloud.fill(images=[image_of(n) for n in (5, 4, 3, 2, 1)],
                                    sets=[set_of(n, snapshots=3) for n in (5, 4, 3, 2, 1)])
    job = place.new_job()
    place.start_until("removing", "prune", job, profile="nightly").kill()
    place.ec2.deregister_image(ImageId=images[4])
    for one in [*place.image(images[4])["snapshots"], *sets[4], *sets[3]]:
        place.ec2.delete_snapshot(SnapshotId=one)
    result, worker = place.run("resume", job)
    assert result["result"] == "done", place.log()
    assert place.images() == {images[2], images[3]}
    assert {*sets[1], *sets[2]} <= place.snapshots() and not {*sets[0]} & place.snapshots()
    details = worker.told("details")
    assert {(one["id"], one["reason"]) for one in details["stays"]} == {
        (images[2], "the last that are left (KeepAtLeast=2)"),
        (f"j-set-{INSTANCE_ID[-4:]}-3", "one of the newest (KeepLast=1)"),
        (f"j-set-{INSTANCE_ID[-4:]}-4", "the last that are left (KeepAtLeast=2)")}
    assert [one["id"] for one in details["removed"]][:2] == images[:2]


def test_where_the_choice_cannot_be_made_again_only_what_is_half_gone_goes(place):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (4, 3, 2, 1)])
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    job = place.new_job()
    place.start_until("snapshot-deleted", "prune", job, profile="nightly").kill()
    place.cloud.configure(deny=["DescribeSnapshots"])
    result, _ = place.run("resume", job)
    assert result["error"] == "org.quiesced1.Error.LeftOver"
    assert "what the policy keeps by now is not known" in result["message"]
    assert "DescribeSnapshots" in result["message"]
    assert place.images() == set(images[1:]) and len(place.snapshots()) == 2 * 3
    place.cloud.configure(deny=[])
    assert place.run("resume", job)[0]["result"] == "done" and place.images() == {images[3]}


def test_what_is_taken_out_of_the_selection_since_it_was_chosen_stays(place):
    write_profile(place, "KeepLast=1", "Select=keep=no", name="fleet")
    images, sets = place.cloud.fill(images=[image_of(n, keep="no") for n in (4, 3, 2, 1)],
                                    sets=[set_of(n, keep="no") for n in (3, 2, 1)])
    worker = place.start_until("chosen", "prune", place.new_job(), profile="fleet")
    for one in (images[1], sets[1][0]):
        place.ec2.create_tags(Resources=[one], Tags=[{"Key": "keep", "Value": "yes"}])
    place.ec2.delete_tags(Resources=[images[2]], Tags=[{"Key": "keep"}])
    worker.go_on()
    assert worker.wait()["result"] == "done"
    assert place.images() == set(images[1:])
    assert {*sets[1], *sets[2]} <= place.snapshots() and not {*sets[0]} & place.snapshots()
    assert {one["reason"] for one in worker.told("details")["stays"]} == {
        "the profile that gave it up is not about it any more"}


def test_a_daemon_that_dies_is_no_cancel(place):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, image_of(2), image_of(1))
    job = place.new_job()
    worker = place.start_until("chosen", "prune", job, profile="nightly")
    worker.hang_up()
    worker.go_on()
    wait_until(lambda: place.has_ended(worker), 20, "it ends with its daemon")
    assert place.record(job)["state"] == "removing" and place.images() == set(images)


def put_parameter(place, image):
    """Somebody goes back to that image."""
    service_client(place.cloud, "ssm").put_parameter(Name="/golden/web", Value=image, Type="String")


def forget_parameter(place):
    service_client(place.cloud, "ssm").delete_parameter(Name="/golden/web")


def test_what_comes_into_use_while_thousands_are_removed_stays(place):
    """Asked about fifty at a time: the only pause is at the one snapshot, of the twentieth image."""
    write_profile(place, "KeepLast=1", publish=["SsmParameter=/golden/web"])
    images = fill_images(place, *[image_of(99 - n, snapshots=1 if n == 20 else 0)
                                  for n in range(57)])
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"ImageId": images[20], "DeleteAssociatedSnapshots": "true"})
    place.cloud.clear_calls()
    job = place.new_job()
    worker = place.start_until("snapshot-deleted", "prune", job, profile="nightly")
    put_parameter(place, images[53])
    place.ec2.modify_image_attribute(
        ImageId=images[54], LaunchPermission={"Add": [{"UserId": "210987654321"}]})
    worker.go_on()
    result, details = worker.wait(), worker.told("details")
    assert result["result"] == "done"
    assert place.images() == {images[53], images[54], images[56]}
    assert details["stays"] == [
        {"id": images[53], "reason": "the parameter /golden/web names it"},
        {"id": images[54], "reason": "it is shared with others"}]
    assert details["kept"] == 3 and details["left"] == []
    assert len(place.called("DescribeLaunchTemplateVersions")) == 2
    assert len(place.called("DescribeImages")) == 1 + 2 + 1, "listed, by the fifty, one snapshot"
    assert len(place.called("DescribeImageAttribute")) == 55, "each once, but what is published"
    assert all(one["id"] not in (images[53], images[54]) for one in details["removed"])
    forget_parameter(place)


def test_a_set_that_came_into_use_since_it_was_chosen_stays_whole(place):
    write_profile(place, "KeepLast=1")
    _, sets = place.cloud.fill(sets=[set_of(n, snapshots=3) for n in (4, 3, 2, 1)])
    worker = place.start_until("chosen", "prune", place.new_job(), profile="nightly")
    place.ec2.create_launch_template(LaunchTemplateName="data", LaunchTemplateData={
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": sets[1][2]}}]})
    place.ec2.delete_tags(Resources=[sets[2][0]], Tags=[{"Key": "quiesced:job"}])
    worker.go_on()
    assert worker.wait()["result"] == "done"
    assert place.snapshots() == {*sets[1], *sets[2], *sets[3]}
    details = worker.told("details")
    assert details["stays"] == [
        {"id": f"j-set-{INSTANCE_ID[-4:]}-3", "reason":
         f"version 1 of the launch template data uses its snapshot {sets[1][2]}"},
        {"id": f"j-set-{INSTANCE_ID[-4:]}-2", "reason": "it is not quiesced's any more"}]
    assert details["kept"] == 3


def test_a_set_that_is_half_gone_goes_whole_whoever_wants_it_by_then(place):
    write_profile(place, "KeepLast=1")
    _, sets = place.cloud.fill(sets=[set_of(n, snapshots=3) for n in (3, 2, 1)])
    job = place.new_job()
    place.start_until("snapshot-deleted", "prune", job, profile="nightly").kill()
    place.ec2.create_launch_template(LaunchTemplateName="data", LaunchTemplateData={
        "BlockDeviceMappings": [{"DeviceName": f"/dev/sd{letter}", "Ebs": {"SnapshotId": one}}
                                for letter, one in zip("fg", (sets[0][2], sets[1][0]))]})
    # The record says nothing yet of the one that is gone: EC2 does not show it.
    result, worker = place.run("resume", job)
    assert result["result"] == "done"
    assert {*sets[1], *sets[2]} <= place.snapshots()


def test_where_ec2_cannot_be_asked_again_nothing_more_goes(place):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (3, 2, 1)])
    job = place.new_job()
    worker = place.start_until("chosen", "prune", job, profile="nightly")
    place.cloud.configure(deny=["DescribeImages"])
    worker.go_on()
    result = worker.wait()
    assert result["error"] == "org.quiesced1.Error.LeftOver"
    assert "ec2:DescribeImages" in result["message"] and place.images() == set(images)
    place.cloud.configure(deny=[])
    assert place.run("resume", job)[0]["result"] == "done"
    assert place.images() == {images[2]}


def test_without_its_profile_a_killed_prune_ends_what_it_has_begun(place):
    write_profile(place, "KeepLast=1", name="passing")
    images = fill_images(place, *[image_of(n, profile="passing") for n in (3, 2, 1)])
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    job = place.new_job()
    place.start_until("deregistered", "prune", job, profile="passing").kill()
    (place.folder / "profiles/passing.conf").unlink()
    assert place.run("resume", job)[0]["result"] == "done"
    assert place.images() == {*images[1:]} and len(place.snapshots()) == 4


def test_what_another_job_is_at_is_left_to_that(place):
    """As one that copies an image to other regions while the next bake ends."""
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (3, 2, 1)])
    job = place.new_job()
    place.start_until("removing", "deregister", job, ids=[images[0]]).kill()
    assert reasons(place)[images[0]] == ("keep", "a job of this host that has not ended is about it")
    assert prune(place)[0]["result"] == "done"
    assert place.images() == {images[0], images[2]}
    assert place.run("resume", job)[0]["result"] == "done"
    assert place.images() == {images[2]}


def test_two_hosts_that_prune_the_same_fleet_at_once(place, tmp_path):
    """Every image and set is seen by both before it goes, and goes once."""
    write_profile(place, "KeepLast=1", "Select=quiesced:profile=nightly", name="fleet")
    place.cloud.configure(linger_seconds=0.5)
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    images, sets = place.cloud.fill(images=[image_of(n) for n in (4, 3, 2, 1)],
                                    sets=[set_of(n) for n in (3, 2, 1)])
    workers = [place.start_until("chosen", "prune", "job-a", profile="fleet"),
               place.start_until("chosen", "prune", "job-b", profile="fleet", state=tmp_path)]
    for worker in workers:
        worker.go_on()
    for worker in workers:
        result = worker.wait()
        assert result["result"] == "done", place.log()
        assert worker.told("details")["left"] == [] and worker.told("details")["kept"] == 2
    assert place.images() == {images[3]}
    assert place.snapshots() == {*place.image(images[3])["snapshots"], *sets[2]}


def test_a_cancel_is_heeded_between_two_sets(place):
    write_profile(place, "KeepLast=1")
    _, sets = place.cloud.fill(sets=[set_of(n, snapshots=3) for n in (3, 2, 1)])
    job = place.new_job()
    worker = place.start_until("snapshot-deleted", "prune", job, profile="nightly")
    worker.cancel()
    wait_until(lambda: place.has_ended(worker) or worker.go_on(), 10, "it stops no more")
    assert worker.wait()["result"] == "cancelled"
    assert place.snapshots() == {*sets[1], *sets[2]}, "no set of two that looks like a whole one"


def test_a_cancel_before_the_first_of_them_ends_it(place):
    write_profile(place, "KeepLast=1")
    images = fill_images(place, image_of(2), image_of(1))
    job = place.new_job()
    worker = place.start_until("chosen", "prune", job, profile="nightly")
    worker.cancel()
    worker.go_on()
    assert worker.wait()["result"] == "cancelled"
    assert place.record(job)["state"] == "cancelled" and place.images() == set(images)


@pytest.mark.parametrize("times", [1, 2])
def test_a_set_that_is_half_gone_at_a_cancel_goes_whole_later(place, times):
    write_profile(place, "KeepLast=1")
    images, sets = place.cloud.fill(images=[image_of(2), image_of(1)],
                                    sets=[set_of(n, snapshots=3) for n in (3, 2, 1)])
    place.cloud.fault("DeregisterImage", error="UnauthorizedOperation", status=403, times=-1)
    job = place.new_job()
    place.start_until("snapshot-deleted", "prune", job, times, profile="nightly").kill()
    assert place.cancel_resumed(job)["result"] == "cancelled"
    assert place.record(job)["state"] == "removing"
    place.cloud.clear_faults()
    assert place.run("resume", job)[0]["result"] == "done"
    assert place.images() == set(images), "nothing of that one was gone"
    assert {*sets[1], *sets[2]} <= place.snapshots() and not {*sets[0]} & place.snapshots()


@pytest.mark.parametrize("state", ["made", "removing"])
def test_a_bake_that_is_resumed_in_its_retention_tells_what_it_has_made(place, state):
    write_profile(place, "KeepLast=1")
    gone, made = fill_images(place, image_of(2), image_of(1))
    job, now = place.new_job(), int(time.time() * 1e6)
    write_record(place, job, {
        "kind": "bake", "profile": "nightly", "name": "web", "state": state, "image": made,
        "snapshots": place.image(made)["snapshots"], "consistency": "filesystem",
        "cutting-usec": now - DAY * 10**6, "cut-usec": now - DAY * 10**6,
        **({"removal": {"images": [{"id": gone}], "snapshots": [], "instances": [],
                        "override": [], "kept": 1}} if state == "removing" else {})})
    result, worker = place.run("resume", job)
    assert result["result"] == "done" and place.images() == {made}
    (secured,) = [one for one in worker.reports if one["report"] == "secured"]
    assert (secured["image"], secured["consistency"]) == (made, "filesystem")
    assert secured["snapshots"] == place.image(made)["snapshots"]


# Many, and a listing that changes

def test_twelve_thousand_images_and_sixty_thousand_snapshots(place):
    """Of 400 instances the images of 30 days; of a third of them as many sets."""
    write_profile(place, "KeepDaily=30", "TimeZone=UTC", "MaxAge=29d", "KeepAtLeast=0",
                  "Select=quiesced:profile=nightly", "Override=shared", name="fleet")
    machines = [f"i-{number:017x}" for number in range(400)]
    newest = time.time() - HOUR      # the others are whole days older: on another day each
    place.cloud.fill(
        images=[{**image_of(day, one, snapshots=4), "created": newest - day * DAY}
                for one in machines for day in range(30)],
        sets=[{**set_of(day, one, snapshots=3), "created": newest - day * DAY}
              for one in machines[:134] for day in range(30)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    worker = run_plan(place, "fleet")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = worker.told("answer")
    assert len(answer["objects"]) == 12000 + 4020
    assert answer["delete"] == 400 + 134, "those of the 30th day"
    assert after.ru_utime - before.ru_utime < 10, "the worker's own time"
    assert 1 << 20 < worker.most_bytes < 200 << 20
    assert len(place.called("DescribeImages")) < 40
    assert len(place.called("DescribeSnapshots")) < 40


@pytest.mark.parametrize("change", ["comes", "goes"])
def test_a_listing_that_changes_while_it_is_read(place, change):
    """Pages of five: one image is seen twice, or one never."""
    write_profile(place, "KeepLast=3")
    images = fill_images(place, *[image_of(20 - n) for n in range(12)])
    place.cloud.configure(page_cap=5, newest_first=True)
    place.cloud.fault("DescribeImages", delay_before=3, skip=1)
    worker = place.start("plan-prune", profile="nightly")
    wait_until(lambda: len(place.called("DescribeImages")) == 2, 10, "the second page is asked for")
    if change == "comes":
        fill_images(place, image_of(0))
    else:
        place.ec2.deregister_image(ImageId=images[-1])
    assert worker.wait()["result"] == "done"
    lines = worker.told("answer")["objects"]
    assert len({one["id"] for one in lines}) == len(lines) == (12 if change == "comes" else 11)
    assert {one["id"] for one in lines if one["decision"] == "keep"} == set(images[-3:])


def test_time_is_ec2s_and_not_that_of_a_host_whose_clock_is_wrong(place):
    """A host whose battery is empty, or that was set to next year, still signs what EC2 takes."""
    write_profile(place, "KeepLast=9", "MaxAge=10d", "KeepAtLeast=0")
    place.cloud.configure(clock_offset=-400 * DAY)
    images = fill_images(place, *[image_of(400 + n) for n in (1, 2, 30)])
    assert [reasons(place)[one][0] for one in images] == ["keep", "keep", "delete"]


def test_one_job_at_a_time_chooses_and_deletes(place):
    """A bake may end with its retention while somebody prunes."""
    write_profile(place, "KeepLast=1")
    images = fill_images(place, *[image_of(n) for n in (3, 2, 1)])
    first = place.start_until("chosen", "prune", place.new_job(), profile="nightly")
    told = place.log().count("Another job is at the removal")
    others = [place.start("prune", place.new_job(), profile="nightly") for _ in range(2)]
    wait_until(lambda: place.log().count("Another job is at the removal") == told + 2, 20, "they wait")
    others[0].cancel()
    assert others[0].wait()["result"] == "cancelled"
    assert place.images() == {*images}
    first.go_on()
    assert first.wait()["result"] == others[1].wait()["result"] == "done"
    assert place.images() == {images[2]} and len(place.snapshots()) == 2
    assert others[1].told("details")["removed"] == []
    assert len(place.called("DeregisterImage")) == 2

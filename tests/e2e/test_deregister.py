# SPDX-License-Identifier: Apache-2.0
"""Deregister: the image and all that belongs to it, nothing else, and also after a kill."""

import pytest

from lab.worker import INSTANCE_ID, Workplace

ERROR = "org.quiesced1.Error."
OTHER = "ami-0fedcba9876543210"


@pytest.fixture(scope="module")
def module_place():
    with Workplace() as place:
        yield place


@pytest.fixture
def place(module_place):
    yield module_place
    module_place.cloud.clear_faults()
    module_place.cloud.configure(**module_place.knobs)
    for image in module_place.images():
        module_place.ec2.deregister_image(ImageId=image)
    for snapshot in module_place.snapshots():
        module_place.ec2.delete_snapshot(SnapshotId=snapshot)
    module_place.cloud.clear_calls()
    module_place.write_config()


def deregister(place, *images, **options):
    job = place.new_job()
    result, worker = place.run("deregister", job, ids=list(images), options=options)
    return result, worker.told("details"), job


def test_an_image_goes_with_its_snapshots_and_another_stays(place):
    image, snapshots = place.make_image("gone")
    other, others = place.make_image("stays", job="made-2")
    result, details, job = deregister(place, image)
    assert result["result"] == "done" and "consistency" not in result
    assert place.images() == {other} and place.snapshots() == set(others)
    (removed,) = details["removed"]
    assert (removed["id"], removed["name"]) == (image, "gone")
    assert sorted(removed["snapshots"]) == sorted(snapshots)
    assert details["left"] == [] and details["instances"] == []
    record = place.record(job)
    assert (record["state"], record["kind"]) == ("done", "deregister")
    assert record["details"] == details


def test_several_images_and_a_cloud_that_knows_nothing_of_deleting_snapshots(place):
    images = [place.make_image(f"image {i}", job=f"made-{i}")[0] for i in range(3)]
    place.cloud.fault("DeregisterImage", error="UnknownParameter", times=-1,
                      where={"DeleteAssociatedSnapshots": "true"})
    result, details, _ = deregister(place, *images, images[0])
    assert result["result"] == "done"
    assert place.images() == place.snapshots() == set()
    assert [len(one["snapshots"]) for one in details["removed"]] == [2, 2, 2]

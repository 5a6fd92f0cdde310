# SPDX-License-Identifier: Apache-2.0
"""The worker that looks at EC2 for all jobs that wait for it: few calls, and no answer made up."""

import itertools
import json

from lab.worker import INSTANCE_ID

REGION = "eu-central-1"
PENDING, COMPLETED, AVAILABLE = 0, 1, 1
rounds = itertools.count(1)


def look(worker, snapshots=(), images=()):
    """What one look has seen."""
    number = next(rounds)
    worker.say({"request": "look", "round": number, "region": REGION,
                "snapshots": list(snapshots), "images": list(images)})
    for line in worker._lines:
        report = json.loads(line)
        assert report["report"] != "result", report
        if report["report"] == "looked":
            assert report["round"] == number
            return report["sight"]


def sets(place, count):
    made = [place.ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE_ID})
            for _ in range(count)]
    return [one["SnapshotId"] for answer in made for one in answer["Snapshots"]]


def end(worker):
    worker.cancel()
    assert worker.wait()["result"] == "done"


def test_one_call_sees_what_several_jobs_wait_for(place):
    place.cloud.configure(snapshot_seconds=None)
    snapshots = sets(place, 3)
    worker = place.start("look")
    seen = look(worker, snapshots)["snapshots"]
    assert {one: seen[one]["state"] for one in snapshots} == dict.fromkeys(snapshots, PENDING)
    assert {seen[one]["volume"] for one in snapshots} == {v["id"] for v in place.cloud.volumes()}
    place.cloud.configure(snapshot_seconds=0)
    seen = look(worker, snapshots)["snapshots"]
    assert {one["state"] for one in seen.values()} == {COMPLETED}
    assert len(place.called("DescribeSnapshots")) == 2 and place.called("DescribeImages") == []
    end(worker)


def test_images_are_seen_with_their_snapshots(place):
    made = [place.make_image(f"web-{n}") for n in range(2)]
    worker = place.start("look")
    seen = look(worker, images=[image for image, _ in made])["images"]
    assert {one: (seen[one]["state"], sorted(seen[one]["snapshots"])) for one in seen} == {
        image: (AVAILABLE, sorted(snapshots)) for image, snapshots in made}
    assert len(place.called("DescribeImages")) == 1 and place.called("DescribeSnapshots") == []
    end(worker)


def test_what_ec2_does_not_know_is_left_out_and_hides_nothing_else(place):
    snapshots, (image, _) = sets(place, 1), place.make_image("web")
    worker = place.start("look")
    sight = look(worker, [*snapshots, "snap-0123456789abcdef0"], [image, "ami-0123456789abcdef0"])
    assert set(sight["snapshots"]) == set(snapshots) and set(sight["images"]) == {image}
    end(worker)


def test_a_refusal_is_left_to_each_job_to_meet(place):
    snapshots = sets(place, 1)
    place.cloud.fault("DescribeSnapshots", error="UnauthorizedOperation", times=1)
    worker = place.start("look")
    assert look(worker, snapshots) == {}
    assert set(look(worker, snapshots)["snapshots"]) == set(snapshots)
    end(worker)


def test_it_ends_with_its_daemon(place):
    worker = place.start("look")
    assert look(worker) == {}
    worker._lines.close()
    worker._socket.close()
    worker._process.wait(60)

# SPDX-License-Identifier: Apache-2.0
"""What a worker does with an image that is staged: parts in S3, a manifest, an image that EC2 registers."""

import json
import os
import socket
import threading

import pytest

from image.conftest import MIB, pki, verify, write_image  # noqa: F401 (fixtures)
from lab import capture as protocol
from lab.worker import INSTANCE_ID, Workplace

ERROR = "org.quiesced1.Error."
PARTS = [f"nightly/web.part.{index:04d}" for index in range(4)]
MANIFEST = "nightly/web.manifest.xml"


@pytest.fixture(scope="module")
def module_place():
    with Workplace(buckets=[{"name": "bundles", "acls": True}],
                   knobs={"snapshot_seconds": 0, "image_seconds": 0, "signed_payloads": True}) as place:
        yield place


class Capture:
    """In place of quiesced-capture: hands over the image of a job, and forgets it."""

    def __init__(self, path, image):
        self.image, self.taken, self.discarded = image, 0, 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                while packet := connection.recv(65536):
                    self._answer(connection, protocol.HEADER.unpack_from(packet)[1])

    def _answer(self, connection, kind):
        size = self.image.stat().st_size
        if kind == protocol.TAKE:
            self.taken += 1
            with open(self.image, "rb") as file:
                socket.send_fds(connection, [self._report(protocol.KEPT, size)], [file.fileno()])
        elif kind == protocol.DISCARD:
            self.discarded += 1
            connection.send(self._report(protocol.DISCARDED, 0))

    @staticmethod
    def _report(kind, size):
        return protocol.header(kind) + protocol.REPORT_BODY.pack(size, size, size, 0, 1)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture
def image(tmp_path):
    return write_image(tmp_path / "web", 40 * MIB, [(0, 33 * MIB)])


@pytest.fixture
def capture(tmp_path, image, monkeypatch):
    monkeypatch.setenv("QUIESCED_CAPTURE_SOCKET", str(tmp_path / "socket"))
    capture = Capture(tmp_path / "socket", image)
    yield capture
    capture.close()


@pytest.fixture
def staged(place, capture, pki):
    """A job whose image is staged, and nothing of it in the bucket."""
    job = place.new_job()
    record = {
        "id": job, "kind": "image", "name": "web", "profile": "nightly", "instance-id": INSTANCE_ID,
        "region": place.cloud.settings["region"], "state": "cut", "method": "bundle", "generation": 1,
        "demanded": "filesystem", "on-degrade": "fail", "consistency": "filesystem",
        "snapshots": [], "volumes": [], "tags": {"quiesced:job": job, "quiesced:instance": INSTANCE_ID},
        "image-attributes": {"architecture": "x86_64", "virtualization-type": "hvm",
                             "root-device-name": "/dev/sda1"},
        "bundle": {"location": f"bundles/{MANIFEST}", "bucket": "bundles", "prefix": "nightly/",
                   "name": "web", "certificate": str(pki.user), "private-key": str(pki.user_key),
                   "ec2-certificate": str(pki.ec2), "used-bytes": 33 * MIB}}
    folder = place.folder / "jobs"
    folder.mkdir(exist_ok=True)
    (folder / f"{job}.json").write_text(json.dumps(record))
    return job


def stored(place):
    return sorted(one["key"] for one in place.cloud.objects("bundles"))


def sent(place):
    return [call["params"]["Key"] for call in place.called("PutObject")]


def test_a_staged_image_becomes_one_of_ec2(place, staged, capture, verify, image, tmp_path):
    result, worker = place.run("resume", staged)
    assert result["result"] == "done", (result, place.log())
    assert stored(place) == sorted([*PARTS, MANIFEST]) and sent(place)[-1] == MANIFEST
    assert len(place.images()) == 1 and (capture.taken, capture.discarded) == (1, 1)
    (tmp_path / "fetched").mkdir()
    for one in place.cloud.objects("bundles"):
        assert one["acl"] == "aws-exec-read" and one["tags"]["quiesced:job"] == staged
        os.link(one["path"], tmp_path / "fetched" / os.path.basename(one["key"]))
    assert verify(tmp_path / "fetched").read_bytes() == image.read_bytes()
    assert b"<virtual>ami</virtual><device>sda1</device>" in (
        tmp_path / "fetched/web.manifest.xml").read_bytes()


def test_killed_in_the_midst_of_it_no_part_is_sent_twice(place, staged, capture):
    place.start_until("part-given", "resume", staged, 3).kill()
    there = stored(place)
    assert MANIFEST not in there
    result, _ = place.run("resume", staged)
    assert result["result"] == "done", (result, place.log())
    assert stored(place) == sorted([*PARTS, MANIFEST])
    assert not [key for key in there if sent(place).count(key) > 1]


def test_cancelled_in_the_midst_of_it_nothing_is_left(place, staged, capture):
    worker = place.start_until("part-given", "resume", staged, 2)
    worker.cancel()
    worker.go_on()
    assert worker.wait()["result"] == "cancelled", place.log()
    assert stored(place) == [] and place.images() == set() and capture.discarded == 1


def test_what_s3_does_for_a_while_only_takes_longer(place, staged):
    place.cloud.fault("PutObject", skip=1, error="ServiceUnavailable", status=503, times=4)
    result, _ = place.run("resume", staged)
    assert result["result"] == "done", (result, place.log())


@pytest.mark.parametrize("action, skip, error, words", [
    ("ListObjectsV2", 0, "AccessDenied", "s3:ListBucket"),
    ("PutObject", 0, "AccessDenied", "s3:PutObject, s3:PutObjectAcl and s3:PutObjectTagging"),
    ("PutObject", 4, "AccessDenied", "s3:PutObject, s3:PutObjectAcl and s3:PutObjectTagging"),
])
def test_what_is_denied_is_named_with_what_it_takes(place, staged, capture, action, skip, error, words):
    place.cloud.fault(action, skip=skip, error=error, status=403, times=-1)
    result, _ = place.run("resume", staged)
    assert (result["result"], result["error"]) == ("failed", ERROR + "AccessDenied")
    assert words in result["message"]
    place.cloud.clear_faults()
    assert MANIFEST not in stored(place)


def test_an_image_that_is_none_is_the_captures_fault(place, staged, capture, image):
    os.truncate(image, 0)
    result, _ = place.run("resume", staged)
    assert (result["result"], result["error"]) == ("failed", ERROR + "CaptureFailed")
    assert "has 0 bytes" in result["message"] and stored(place) == []

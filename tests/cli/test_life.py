# SPDX-License-Identifier: Apache-2.0
"""What was made earlier: every verb about it, what it asks, shows and returns."""

import json
import os
import pty
import subprocess
import time

import pytest
from client import QUIESCECTL, end, environment
from harness import WAIT_SEC, wait_until

IMAGE = "ami-0123456789abcdef0"
OTHER = "ami-1a2b3c4d"
DAY_USEC = 86400 * 1000000
CREATED_USEC = 1764000000 * 1000000  # 2025-11-24 16:00:00 UTC
IMAGES = [
    {"id": IMAGE, "name": "web-1", "state": "available", "created-usec": CREATED_USEC, "profile": "nightly",
     "instance": "i-1a2b3c4d", "job": "j-1", "consistency": "filesystem", "verified": "2025-11-25T00:00:00Z",
     "snapshots": ["snap-1", "snap-2"], "size-gib": 8},
    {"id": OTHER, "name": "mine\n", "state": "pending"},
]
SNAPSHOTS = [
    {"id": "snap-1", "volume": "vol-1", "state": "completed", "progress": 100, "start-usec": CREATED_USEC,
     "size-gib": 8, "job": "j-1", "profile": "nightly", "consistency": "filesystem", "mounts": "/,/da\nta",
     "image": IMAGE, "instance": "i-1a2b3c4d"},
    {"id": "snap-2", "volume": "vol-2", "state": "pending", "progress": 45, "size-gib": 2048},
]
PLAN = {
    "profile": "nightly", "time-zone": "Europe/Berlin", "keep": 1, "delete": 2,
    "objects": [
        {"kind": "image", "id": IMAGE, "name": "web-1", "created-usec": CREATED_USEC,
         "cut-usec": CREATED_USEC - 2 * 86400 * 10**6, "size-gib": 8, "snapshots": ["snap-1"], "decision": "keep", "reason": "KeepLast=1"},
        {"kind": "image", "id": OTHER, "name": "we\nb", "decision": "delete", "reason": "no rule keeps it"},
        {"kind": "snapshots", "id": "j-2", "decision": "delete", "reason": "older than MaxAge=30d"},
    ],
}
ORPHANS = {
    "price-per-gib-month": 0.05, "total-bytes": 10 << 30, "total-monthly-cost": 0.5,
    "orphans": [
        {"kind": "snapshot", "id": "snap-1a2b3c4d", "of": OTHER, "reason": "its image is gone", "size-bytes": 8 << 30,
         "created-usec": 1, "monthly-cost": 0.4, "own": True},
        {"kind": "instance", "id": "i-1a2b3c4d", "of": IMAGE, "reason": "left over\nfrom verifying",
         "size-bytes": 2 << 30, "monthly-cost": 0.1, "own": False},
    ],
}
NO_ORPHANS = {"price-per-gib-month": 0.05, "total-bytes": 0, "total-monthly-cost": 0.0, "orphans": []}
REMOVED = {
    "removed": [
        {"id": IMAGE, "name": "web-1", "snapshots": ["snap-1", "snap-2"],
         "skipped": [{"id": "snap-3", "reason": "ami-9 uses it"}]},
        {"id": OTHER, "name": "web-2", "snapshots": [], "skipped": [{"id": "snap-4", "reason": "ami-9 uses it"}]},
    ],
    "left": [{"id": "snap-5", "reason": "AccessDenied:\nthe role may not"}],
    "instances": [{"id": "i-1a2b3c4d", "image": IMAGE}],
}


def answered(host, client, verb, answer, *arguments):
    """quiescectl has asked, and the worker of this verb has answered."""
    process = client.start(*arguments)
    worker = host.worker(verb)
    worker.report("answer", answer=answer)
    worker.result()
    return worker.request, end(process)


def job_done(host, client, verb, details, *arguments):
    """A job that goes well."""
    process = client.start(*arguments)
    worker = host.worker(verb)
    worker.report("step", step="remove")
    worker.report("details", details=details)
    worker.result()
    return worker.request, end(process)


def test_images_are_a_table(host, client):
    request, result = answered(host, client, "list-images", {"images": IMAGES}, "images")
    assert request == {"verb": "list-images", "options": {}}
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "IMAGE                  NAME    STATE      CREATED                     SIZE  SNAPSHOTS  PROFILE  CONSISTENCY"
        "  VERIFIED",
        "ami-0123456789abcdef0  web-1   available  2025-11-24 16:00:00 UTC  8.0 GiB          2  nightly  filesystem"
        "   2025-11-25T00:00:00Z",
        "ami-1a2b3c4d           mine\\n  pending    -                              -          -  -        -"
        "            -",
    ]


def test_images_of_an_account_tell_whose_they_are(host, client):
    request, result = answered(
        host, client, "list-images", {"images": IMAGES}, "images", "--all", "--profile=nightly")
    assert request["options"] == {"all": True, "profile": "nightly"}
    assert result.stdout.splitlines()[0].endswith("  INSTANCE")
    assert result.stdout.splitlines()[1].endswith("  i-1a2b3c4d")


def test_snapshots_are_a_table(host, client):
    request, result = answered(host, client, "list-snapshots", {"snapshots": SNAPSHOTS}, "snapshots")
    assert request == {"verb": "list-snapshots", "options": {}}
    assert [line.split("  ")[0] for line in result.stdout.splitlines()] == ["SNAPSHOT", "snap-1", "snap-2"]
    first, second = result.stdout.splitlines()[1:]
    for shown in ("vol-1", "completed", "8.0 GiB", "/,/da\\nta", IMAGE, "nightly", "j-1"):
        assert shown in first
    assert "pending 45 %" in second and "2.0 TiB" in second


@pytest.mark.parametrize("verb, member, objects", [("images", "images", IMAGES), ("snapshots", "snapshots", SNAPSHOTS)])
def test_lists_as_json_and_empty_ones(host, client, verb, member, objects):
    _request, result = answered(host, client, f"list-{verb}", {member: objects}, verb, "--json")
    assert json.loads(result.stdout) == {member: objects}
    _request, result = answered(host, client, f"list-{verb}", {member: []}, verb, "--json")
    assert json.loads(result.stdout) == {member: []}
    _request, result = answered(host, client, f"list-{verb}", {member: []}, verb)
    assert result.stdout == f"No {verb}.\n"


def test_a_dry_run_gives_the_reason_of_each_line(host, client):
    request, result = answered(host, client, "plan-prune", PLAN, "prune", "--dry-run", "nightly")
    assert request == {"verb": "plan-prune", "profile": "nightly", "options": {}}
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["OBJECT", "KIND", "NAME", "AGE", "CUT", "SIZE", "DECISION", "REASON"]
    age = (int(time.time() * 1000000) - CREATED_USEC) // DAY_USEC
    assert lines[1].split() == [
        IMAGE, "image", "web-1", str(age), "d", str(age + 2), "d", "8.0", "GiB", "keep", "KeepLast=1"]
    assert lines[2].split("  ")[-1] == "no rule keeps it" and "we\\nb" in lines[2]
    assert lines[3].startswith("j-2") and lines[3].endswith("delete    older than MaxAge=30d")
    assert lines[4:] == ["", "2 would be deleted, 1 kept; its days begin at midnight in Europe/Berlin."]


def test_a_dry_run_as_json_quiet_and_of_nothing(host, client):
    _request, result = answered(host, client, "plan-prune", PLAN, "prune", "nightly", "--dry-run", "--json")
    assert json.loads(result.stdout) == PLAN
    _request, result = answered(host, client, "plan-prune", PLAN, "prune", "nightly", "--dry-run", "--quiet")
    assert (result.returncode, result.stdout) == (0, "")
    nothing = {"profile": "nightly", "objects": [], "keep": 0, "delete": 0}
    _request, result = answered(host, client, "plan-prune", nothing, "prune", "nightly", "--dry-run")
    assert result.stdout == "There is nothing of this profile.\n\n0 would be deleted, 0 kept.\n"


def test_a_prune_tells_what_went_and_what_was_left(host, client):
    details = {"removed": [{"id": IMAGE, "name": "web-1", "snapshots": ["snap-1", "snap-2"]},
                           {"id": "j-2", "snapshots": ["snap-3"]}],
               "left": [{"id": OTHER, "reason": "the permission ec2:DeleteSnapshot is missing"}],
               "stays": [{"id": OTHER, "reason": "the parameter /golden/web names it"}], "kept": 7}
    request, result = job_done(host, client, "prune", details, "prune", "nightly")
    assert (request["profile"], request["options"]) == ("nightly", {})
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "DELETED                NAME   SNAPSHOTS",
        "ami-0123456789abcdef0  web-1          2",
        "j-2                    -              1",
        "",
        "Not deleted:",
        "  ami-1a2b3c4d: the permission ec2:DeleteSnapshot is missing",
        "",
        "Kept after all:",
        "  ami-1a2b3c4d: the parameter /golden/web names it",
        "",
        "7 kept.",
    ]


def test_a_prune_of_nothing_says_so(host, client):
    _request, result = job_done(host, client, "prune", {"removed": [], "left": [], "kept": 0}, "prune", "nightly")
    assert (result.returncode, result.stdout) == (0, "Nothing was deleted.\n\n0 kept.\n")


def test_deregister_tells_what_went_what_stays_and_what_was_launched(host, client):
    request, result = job_done(host, client, "deregister", REMOVED, "deregister", IMAGE, OTHER, "--force",
                               "--override=protected", "--override=locked")
    assert request["ids"] == [IMAGE, OTHER]
    assert request["options"] == {"force": True, "override": ["protected", "locked"]}
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "DELETED                NAME   SNAPSHOTS",
        "ami-0123456789abcdef0  web-1  snap-1 snap-2",
        "ami-1a2b3c4d           web-2  -",
        "",
        "Snapshots that stay:",
        "  snap-3, snap-4: ami-9 uses it",
        "",
        "Not deleted:",
        "  snap-5: AccessDenied:\\nthe role may not",
        "",
        "Launched from them, and not touched:",
        f"  i-1a2b3c4d, from {IMAGE}",
    ]


def test_what_failed_halfway_is_shown_with_what_had_gone(host, client):
    process = client.start("deregister", IMAGE)
    worker = host.worker("deregister")
    worker.report("details", details=REMOVED)
    worker.result("failed", error="LeftOver", message="snap-5 could not be deleted")
    result = end(process)
    assert result.returncode == 1
    assert "snap-1 snap-2" in result.stdout and "Not deleted:" in result.stdout
    assert result.stderr.endswith(": failed: snap-5 could not be deleted (LeftOver)\n")


@pytest.mark.parametrize("arguments, verb", [(["deregister", IMAGE], "deregister"), (["prune", "web"], "prune"),
                                             (["verify", IMAGE], "verify"), (["publish", IMAGE], "publish")])
def test_what_failed_before_anything_went_is_one_message(host, client, arguments, verb):
    process = client.start(*arguments)
    host.worker(verb).result("failed", error="NoSuchImage", message=f"There is no image {IMAGE}")
    result = end(process)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith(f": failed: There is no image {IMAGE} (NoSuchImage)\n")


@pytest.mark.parametrize("arguments, verb", [(["deregister", IMAGE], "deregister"), (["prune", "web"], "prune"),
                                             (["verify", IMAGE], "verify"), (["publish", IMAGE], "publish")])
def test_a_job_as_json_has_its_details(host, client, arguments, verb):
    _request, result = job_done(host, client, verb, {"removed": [], "kept": 3}, *arguments, "--json")
    job = json.loads(result.stdout)
    assert job["details"] == {"removed": [], "kept": 3}
    assert (job["kind"], job["result"]) == (verb, "done")
    _request, result = job_done(host, client, verb, {"removed": []}, *arguments, "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments, verb", [(["deregister", IMAGE], "deregister"), (["prune", "web"], "prune"),
                                             (["verify", IMAGE], "verify"), (["publish", IMAGE], "publish")])
def test_wait_queued_returns_at_once(host, client, arguments, verb):
    result = end(client.start(*arguments, "--wait=queued"))
    assert result.returncode == 0 and "State  running" in result.stdout
    host.worker(verb).result()


def test_a_second_one_is_refused_or_queued(host, client):
    first = client.start("prune", "web")
    worker = host.worker("prune")
    assert "(Busy)" in client.run("deregister", IMAGE).stderr
    queued = client.start("deregister", IMAGE, "--queue")
    worker.result()
    host.worker("deregister").result()
    assert end(first).returncode == end(queued).returncode == 0


def test_progress_is_told_by_step(host, client):
    process = client.start("deregister", IMAGE, "--verbose")
    worker = host.worker("deregister")
    worker.report("step", step="remove")
    worker.result()
    assert ": remove\n" in end(process).stderr


@pytest.mark.parametrize("by, said", [("status", "its status checks passed"), ("marker", "it said so on its console")])
def test_verify_tells_how_it_knows(host, client, by, said):
    details = {"image": IMAGE, "instance": "i-1a2b3c4d", "by": by, "verified": "2026-11-25T00:00:00Z"}
    request, result = job_done(host, client, "verify", details, "verify", IMAGE)
    assert request["ids"] == [IMAGE]
    assert (result.returncode, result.stdout) == (
        0, f"Image {IMAGE} works: {said} (i-1a2b3c4d, which is terminated again).\n")


def test_long_ids_go_in_more_jobs(host, client):
    many = [{"kind": "bundle", "id": f"bucket/{'k' * 1000}-{i:03}.manifest.xml"} for i in range(70)]
    process = client.start("orphans", "--delete", "--yes", "--json")
    worker = host.worker("orphans")
    worker.report("answer", answer={**ORPHANS, "orphans": many})
    worker.result()
    ids = []
    while len(ids) < len(many):
        worker = host.worker("delete-orphans")
        assert sum(map(len, worker.request["ids"])) <= 64 * 1024
        ids += worker.request["ids"]
        worker.result()
    assert ids == [one["id"] for one in many]
    assert end(process).returncode == 0


def test_publish_tells_where_it_can_be_launched(host, client):
    details = {"publication": {"steps": {"copy us-east-1": True, "parameter": {"later": "j-2"}},
                               "copies": {"us-east-1": {"image": OTHER}}}}
    request, result = job_done(host, client, "publish", details, "publish", IMAGE, "--profile=golden")
    assert (request["ids"], request["profile"], request["options"]) == ([IMAGE], "golden", {})
    assert (result.returncode, result.stdout) == (
        0, f"Image {IMAGE} is published.\nCopied to us-east-1 as {OTHER}.\n"
           "Left as it is: parameter, which has the image of job j-2 by now.\n")


def test_an_id_that_is_none_is_wrong_usage(host, client):
    for arguments in (["deregister", IMAGE, "web"], ["verify", "web"], ["publish", "web"]):
        result = client.run(*arguments)
        assert result.returncode == 2 and "'web' is no id of an image" in result.stderr
        assert result.stderr.count("\n") == 1
    for arguments in (["prune", "../up"], ["prune", "../up", "--dry-run"], ["doctor", "../up"],
                      ["images", "--profile=../up"]):
        result = client.run(*arguments)
        assert result.returncode == 2 and "'../up' cannot be a profile's name" in result.stderr


def test_orphans_are_a_table_with_what_they_cost(host, client):
    request, result = answered(host, client, "orphans", ORPHANS, "orphans")
    assert request == {"verb": "orphans", "options": {}}
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["ORPHAN", "KIND", "OF", "SIZE", "AGE", "MONTHLY", "REASON"]
    age = int(time.time() * 1000000) // DAY_USEC
    assert lines[1].split() == ["snap-1a2b3c4d", "snapshot", OTHER, "8.0", "GiB", str(age), "d", "0.40", "its",
                                "image", "is", "gone"]
    assert lines[2].endswith("left over\\nfrom verifying")
    assert lines[3:] == ["", "2 orphans, 10.0 GiB, 0.50 a month at 0.05 per GiB."]


def test_orphans_of_an_account_tell_which_are_ones_own(host, client):
    request, result = answered(host, client, "orphans", ORPHANS, "orphans", "--all", "--queue")
    assert request["options"] == {"all": True}
    assert [line.split()[-1] for line in result.stdout.splitlines()[:3]] == ["OWN", "yes", "no"]


def test_orphans_as_json_and_none(host, client):
    _request, result = answered(host, client, "orphans", ORPHANS, "orphans", "--json")
    assert json.loads(result.stdout) == ORPHANS
    for flags in ([], ["--delete", "--yes"]):
        _request, result = answered(host, client, "orphans", NO_ORPHANS, "orphans", *flags)
        assert (result.returncode, result.stdout) == (0, "No orphans.\n")
    _request, result = answered(host, client, "orphans", NO_ORPHANS, "orphans", "--json", "--delete", "--yes")
    assert json.loads(result.stdout) == {"jobs": []}
    host.no_worker(0.05)


def test_orphans_are_deleted_without_a_question_if_told(host, client):
    process = client.start("orphans", "--delete", "--yes", "--all")
    worker = host.worker("orphans")
    worker.report("answer", answer=ORPHANS)
    worker.result()
    worker = host.worker("delete-orphans")
    assert worker.request["ids"] == ["snap-1a2b3c4d", "i-1a2b3c4d"] and worker.request["options"] == {"all": True}
    worker.report("details", details={"removed": [{"id": "snap-1a2b3c4d"}],
                                      "left": [{"id": "i-1a2b3c4d", "reason": "it is none any more"}]})
    worker.result()
    result = end(process)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-5:] == [
        "", "1 deleted.", "", "Not deleted:", "  i-1a2b3c4d: it is none any more"]


def test_thousands_of_orphans_take_several_jobs(host, client):
    many = [{"kind": "snapshot", "id": f"snap-{i:017x}"} for i in range(2001)]
    process = client.start("orphans", "--delete", "--yes", "--json")
    worker = host.worker("orphans")
    worker.report("answer", answer={**ORPHANS, "orphans": many})
    worker.result()
    for first, result in ((0, "done"), (1000, "failed"), (2000, "done")):
        worker = host.worker("delete-orphans")
        assert worker.request["ids"] == [one["id"] for one in many[first : first + 1000]]
        worker.report("details", details={"removed": [], "left": []})
        worker.result(result, **({} if result == "done" else {"error": "LeftOver", "message": "one is left"}))
    result = end(process)
    assert result.returncode == 1 and "one is left (LeftOver)" in result.stderr
    assert [job["result"] for job in json.loads(result.stdout)["jobs"]] == ["done", "failed", "done"]


class Person:
    """At a terminal, with quiescectl before them."""

    def __init__(self, host, *arguments):
        self.fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [QUIESCECTL, *arguments], env=environment(host.bus.env()), stdin=other, stdout=subprocess.PIPE,
            stderr=other, text=True,
        )
        os.close(other)
        os.set_blocking(self.fd, False)
        self.seen = ""

    def sees(self, text):
        def read():
            try:
                self.seen += os.read(self.fd, 65536).decode()
            except OSError:
                pass
            return text in self.seen

        wait_until(read, text)

    def types(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        stdout, _ = self.process.communicate(timeout=WAIT_SEC)
        os.close(self.fd)
        return self.process.returncode, stdout


@pytest.mark.parametrize("answer", ["n\n", "\n", "yikes\n", "\x04"])
def test_any_other_answer_than_yes_deletes_nothing(host, answer):
    person = Person(host, "orphans", "--delete")
    worker = host.worker("orphans")
    worker.report("answer", answer=ORPHANS)
    worker.result()
    person.sees("Delete these 2 orphans? [y/N] ")
    person.types(answer)
    person.sees("nothing was deleted")
    status, table = person.end()
    assert status == 1 and "snap-1a2b3c4d" in table
    host.no_worker(0.05)


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_deletes_them(host, answer):
    person = Person(host, "orphans", "--delete")
    worker = host.worker("orphans")
    worker.report("answer", answer={**ORPHANS, "orphans": ORPHANS["orphans"][:1]})
    worker.result()
    person.sees("Delete this 1 orphan? [y/N] ")
    person.types(answer)
    worker = host.worker("delete-orphans")
    worker.report("details", details={"removed": [{"id": "snap-1a2b3c4d"}], "left": []})
    worker.result()
    status, shown = person.end()
    assert status == 0 and shown.endswith("\n1 deleted.\n")


CHECKS = [
    {"what": "ec2:CreateSnapshots", "for": "create", "result": "ok", "message": ""},
    {"what": "ec2:DeregisterImage", "for": "delete", "result": "denied", "message": "UnauthorizedOperation"},
    {"what": "ec2:GetConsoleOutput", "for": "verify", "needed": False, "result": "unknown", "message": "takes no DryRun"},
]


def test_the_doctor_tells_what_is_denied(host, client):
    request, result = answered(host, client, "doctor", {"checks": CHECKS}, "doctor", "nightly")
    assert request == {"verb": "doctor", "profile": "nightly", "options": {}}
    assert result.returncode == 1
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "FOR     CHECK                 NEEDED  RESULT   REMARK",
        "create  ec2:CreateSnapshots   yes     ok       -",
        "delete  ec2:DeregisterImage   yes     denied   UnauthorizedOperation",
        "verify  ec2:GetConsoleOutput  no      unknown  takes no DryRun",
    ]
    assert result.stderr == "quiescectl: 1 needed check went wrong; the README has the policies of IAM\n"


@pytest.mark.parametrize("check, status", [
    ({"result": "ok"}, 0), ({"result": "unknown"}, 0), ({"result": "denied"}, 1), ({"result": "failed"}, 1),
    ({"result": "denied", "needed": False}, 0),
])
def test_the_doctors_exit_status(host, client, check, status):
    one = {"what": "x", "for": "create", **check}
    _request, result = answered(host, client, "doctor", {"checks": [one]}, "doctor", "--json")
    assert result.returncode == status and json.loads(result.stdout) == {"checks": [one]}


@pytest.mark.parametrize("arguments, verb", [
    (["images"], "list-images"), (["snapshots"], "list-snapshots"), (["prune", "web", "--dry-run"], "plan-prune"),
    (["orphans"], "orphans"), (["doctor"], "doctor"), (["orphans", "--delete", "--yes"], "orphans")])
def test_a_question_that_fails_gives_its_reason(host, client, arguments, verb):
    process = client.start(*arguments)
    host.worker(verb).result("failed", error="NoCredentials", message="the instance has no role")
    result = end(process)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "quiescectl: the instance has no role (NoCredentials)\n"


def test_without_the_daemon_the_message_says_how_to_start_it(host, client):
    host.stop()
    for arguments in (["images"], ["deregister", IMAGE], ["orphans", "--delete", "--yes"], ["doctor"]):
        result = client.run(*arguments)
        assert result.returncode == 1 and "systemctl start quiesced" in result.stderr, arguments
    host.start()

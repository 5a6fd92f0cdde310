# SPDX-License-Identifier: Apache-2.0
"""What was made earlier: listed, verified, pruned, deregistered; asked of workers the test speaks for."""

import json
import signal

import pytest
from gi.repository import GLib
from harness import DAEMON, ERROR, JOB, MANAGER, NAME, NOBODY, ROOT, STOP_SEC, BusError, Host, wait_until
from test_history import OLD, restart
from test_jobs import bake, fails, image, state

IMAGE = "ami-0123456789abcdef0"
OTHER = "ami-1a2b3c4d"
SNAPSHOT = "snap-0123456789abcdef0"
INSTANCE = "i-0123456789abcdef0"
FOLLOWED_MAX = 16

# Each with its arguments, what its worker is asked, and the kind of its job.
JOBS = {
    "Verify": ("(sa{sv})", [IMAGE], {"verb": "verify", "kind": "verify", "name": IMAGE, "ids": [IMAGE]}),
    "Publish": ("(sa{sv})", [IMAGE], {"verb": "publish", "kind": "publish", "name": IMAGE, "ids": [IMAGE]}),
    "Prune": ("(sa{sv})", ["nightly"], {"verb": "prune", "kind": "prune", "profile": "nightly"}),
    "Deregister": ("(asa{sv})", [[IMAGE, OTHER]], {
        "verb": "deregister", "kind": "deregister", "name": f"{IMAGE} and 1 more", "ids": [IMAGE, OTHER]}),
    "DeleteOrphans": ("(asa{sv})", [[SNAPSHOT, INSTANCE, IMAGE]], {
        "verb": "delete-orphans", "kind": "orphans", "name": f"{SNAPSHOT} and 2 more",
        "ids": [SNAPSHOT, INSTANCE, IMAGE]}),
}
DELETING = ("Prune", "Deregister", "DeleteOrphans")
TEXT_ANSWERS = {
    "PlanPrune": ("(sa{sv})", ["nightly"], {"verb": "plan-prune", "profile": "nightly"}),
    "FindOrphans": ("(a{sv})", [], {"verb": "orphans"}),
    "Doctor": ("(a{sv})", [], {"verb": "doctor"}),
}
LISTS = {"ListImages": "images", "ListSnapshots": "snapshots"}
DETAILS = {"removed": [{"id": IMAGE, "name": "web", "snapshots": [SNAPSHOT]}], "left": []}


def ask(host, method, options=None):
    signature, arguments, _request = {**JOBS, **TEXT_ANSWERS}.get(method, ("(a{sv})", [], None))
    return host.client.begin(method, signature, *arguments, options or {})


def details(host, path):
    return host.client.get("Details", path=path, interface=JOB)


def text(value):
    return GLib.Variant("s", value)


@pytest.mark.parametrize("method", JOBS)
def test_a_job_tells_the_worker_what_it_is_about(host, method):
    path = ask(host, method).result()[0]
    _signature, _arguments, request = JOBS[method]
    worker = host.worker(request["verb"])
    job = host.client.job(path)
    assert worker.request == {**request, "job": job["Id"], "may-reboot": False, "options": {}}
    assert job["Kind"] == request["kind"] and job["State"] == "running"
    assert (job["Profile"], job["Name"]) == (request.get("profile", ""), request.get("name", ""))
    worker.report("step", step="remove")
    worker.result()
    host.client.wait_for("JobRemoved", job["Id"], path, "done")


def test_details_are_there_when_they_are_asked_for(host):
    path = ask(host, "Deregister").result()[0]
    worker = host.worker("deregister")
    assert details(host, path) == ""
    worker.report("details", details=DETAILS)
    wait_until(lambda: details(host, path), "the details")
    assert json.loads(details(host, path)) == DETAILS
    worker.result()
    host.client.wait_for("JobRemoved")
    assert json.loads(details(host, path)) == DETAILS
    assert "Details" not in host.client.job(path), "they may be long"
    invalidated = [s[2][2] for s in host.client.seen("PropertiesChanged", JOB)]
    assert ["Details"] in invalidated


def test_details_are_those_of_the_worker_that_ended_the_job(host):
    path = ask(host, "Deregister").result()[0]
    worker = host.worker("deregister")
    host.record(worker.request["job"], kind="deregister", state="removing")
    worker.report("details", details={"removed": [{"id": OTHER}]})
    wait_until(lambda: details(host, path), "the first")
    worker.kill()
    again = host.worker("resume")
    assert again.request["kind"] == "deregister" and again.request["ids"] == [IMAGE, OTHER]
    assert details(host, path) == ""
    again.report("details", details=DETAILS)
    again.result()
    host.client.wait_for("JobRemoved", worker.request["job"], path, "done")
    assert json.loads(details(host, path)) == DETAILS


@pytest.mark.parametrize("kind", ["deregister", "prune", "orphans", "verify"])
def test_a_record_keeps_the_details(host, kind):
    host.record(OLD.format(1), kind=kind, name=None, subject=IMAGE, state="done", finished_usec=5, details=DETAILS)
    restart(host)
    host.worker("survey")
    ((_id, path, *shown, _state, _created, _step, _percent),) = host.client.call("ListJobs")[0]
    assert shown == [kind, IMAGE] and json.loads(details(host, path)) == DETAILS


@pytest.mark.parametrize("kind, unfinished", [("deregister", "removing"), ("prune", "removing"),
                                              ("orphans", "removing"), ("verify", "made"), ("image", "made")])
def test_an_unfinished_record_of_any_kind_is_gone_on_with(host, kind, unfinished):
    host.record(OLD.format(1), kind=kind, state=unfinished)
    restart(host)
    host.worker("survey")
    worker = host.worker("resume")
    assert (worker.request["job"], worker.request["kind"]) == (OLD.format(1), kind)
    worker.report("details", details=DETAILS)
    worker.result()
    path = host.client.wait_for("JobRemoved", OLD.format(1))[2][1]
    assert json.loads(details(host, path)) == DETAILS


def test_a_record_of_thousands_of_victims_is_taken_up(host):
    victims = [{"id": f"ami-{i:017x}", "name": "w" * 120, "snapshots": [SNAPSHOT], "done": False} for i in range(9000)]
    host.record(OLD.format(1), kind="prune", state="removing", removal={"images": victims})
    assert (host.jobs / (OLD.format(1) + ".json")).stat().st_size > 1 << 20
    restart(host)
    host.worker("survey")
    assert host.worker("resume").request["job"] == OLD.format(1)


def test_the_last_bake_is_about_bakes_only(host):
    path = bake(host)
    host.worker("bake").result(image="ami-1")
    host.client.wait_for("JobRemoved")
    last = host.client.get("LastBake")
    assert last["job"] == host.client.get("Id", path=path, interface=JOB)
    for method, (_signature, _arguments, request) in JOBS.items():
        ask(host, method).result()
        host.worker(request["verb"]).result("failed", error="LeftOver", message="one is in use")
        wait_until(lambda: host.client.get("NRunningJobs") == 0, "the end")
    assert host.client.get("LastBake") == last
    restart(host)
    assert host.client.get("LastBake") == {}, "no worker has written a record"


@pytest.mark.parametrize("method", JOBS)
def test_one_job_runs_at_a_time_and_deletions_queue_too(host, method):
    path = bake(host)
    worker = host.worker("bake")
    assert worker.request["job"] in fails(ask(host, method), "Busy")
    queued = ask(host, method, {"if-busy": text("queue")}).result()[0]
    assert state(host, queued) == "queued"
    host.no_worker()
    worker.result()
    host.worker(JOBS[method][2]["verb"]).result()
    wait_until(lambda: state(host, queued) == "done", "its turn")
    assert state(host, path) == "done"


def test_a_bake_does_not_begin_while_something_is_deleted(host):
    ask(host, "Prune").result()
    worker = host.worker("prune")
    assert "(prune of nightly) is running" in fails(image(host), "Busy")
    worker.result()


@pytest.mark.parametrize("method", JOBS)
def test_the_call_may_wait_for_the_end(host, method):
    call = ask(host, method, {"wait": text("completed")})
    worker = host.worker(JOBS[method][2]["verb"])
    assert worker.request["options"] == {} and not call.done()
    worker.result("failed", error="LeftOver", message="snap-1 is in use by ami-2")
    assert "snap-1 is in use by ami-2" in fails(call, "LeftOver")


def test_force_and_all_reach_the_worker(host):
    yes = GLib.Variant("b", True)
    locked = GLib.Variant("as", ["locked"])
    ask(host, "Deregister", {"force": yes, "override": locked}).result()
    worker = host.worker("deregister")
    assert worker.request["options"] == {"force": True, "override": ["locked"]}
    worker.result()
    wait_until(lambda: host.client.get("NRunningJobs") == 0, "the end")
    ask(host, "DeleteOrphans", {"all": yes}).result()
    worker = host.worker("delete-orphans")
    assert worker.request["options"] == {"all": True}
    worker.result()
    call = ask(host, "ListImages", {"all": yes, "profile": text("nightly")})
    worker = host.worker("list-images")
    assert worker.request == {"verb": "list-images", "options": {"all": True, "profile": "nightly"}}
    worker.report("answer", answer={"images": []})
    worker.result()
    assert call.result() == [[]]


def test_the_doctor_is_told_the_profile(host):
    ask(host, "Doctor", {"profile": text("nightly")})
    assert host.worker("doctor").request == {"verb": "doctor", "profile": "nightly", "options": {}}


@pytest.mark.parametrize("method", TEXT_ANSWERS)
def test_an_answer_is_the_workers_json(host, method):
    call = ask(host, method)
    _signature, _arguments, request = TEXT_ANSWERS[method]
    worker = host.worker(request["verb"])
    assert worker.request == {**request, "options": {}}
    worker.report("answer", answer={"keep": 1, "objects": [{"id": "ami-1", "of": None}]})
    worker.result()
    assert json.loads(call.result()[0]) == {"keep": 1, "objects": [{"id": "ami-1", "of": None}]}
    assert host.client.call("ListJobs")[0] == []


@pytest.mark.parametrize("method, member", LISTS.items())
def test_a_list_is_of_dictionaries_without_what_is_not_known(host, method, member):
    call = ask(host, method)
    worker = host.worker("list-images" if member == "images" else "list-snapshots")
    one = {"id": "x-1", "size-gib": 8, "verified": None, "snapshots": [], "created-usec": 1 << 50}
    worker.report("answer", answer={member: [one, {"id": "x-2", "snapshots": [SNAPSHOT]}]})
    worker.result()
    del one["verified"]
    assert call.result()[0] == [one, {"id": "x-2", "snapshots": [SNAPSHOT]}]


@pytest.mark.parametrize("method", [*TEXT_ANSWERS, *LISTS])
def test_a_question_fails_with_the_workers_error_or_for_want_of_an_answer(host, method):
    verb = {**{m: r["verb"] for m, (_s, _a, r) in TEXT_ANSWERS.items()}, "ListImages": "list-images",
            "ListSnapshots": "list-snapshots"}[method]
    call = ask(host, method)
    host.worker(verb).result("failed", error="AccessDenied", message="the role may not")
    assert fails(call, "AccessDenied") == "the role may not"
    call = ask(host, method)
    host.worker(verb).result()
    fails(call, "WorkerDied")
    call = ask(host, method)
    worker = host.worker(verb)
    worker.report("answer", answer={"images": [], "snapshots": []})
    worker.kill()
    assert "killed by signal 9" in fails(call, "WorkerDied"), "half an answer is none"
    call = ask(host, method)
    host.worker(verb).report("answer", answer=["no object"])
    fails(call, "WorkerDied")


@pytest.mark.parametrize("method", [*TEXT_ANSWERS, *LISTS])
def test_nothing_is_asked_while_file_systems_are_frozen(host, method):
    bake(host)
    worker = host.worker("bake")
    worker.freeze()
    wait_until(lambda: host.client.get("Frozen"), "Frozen")
    assert "frozen; try again" in fails(ask(host, method), "Busy")
    host.no_worker(0.05)


def test_all_questions_together_are_limited(host):
    calls = [ask(host, method) for method in ("PlanPrune", "FindOrphans", "Doctor", "ListImages")]
    workers = [host.worker(verb) for verb in ("plan-prune", "orphans", "doctor", "list-images")]
    assert "4 questions" in fails(ask(host, "ListSnapshots"), "Busy")
    for worker in workers:
        worker.result("failed", error="NotOnEC2", message="no")
    for call in calls:
        fails(call, "NotOnEC2")


@pytest.mark.parametrize("method, verb", [("Deregister", "deregister"), ("Prune", "prune"),
                                          ("DeleteOrphans", "delete-orphans"), ("Verify", "verify"),
                                          ("Publish", "publish")])
def test_a_stopped_daemon_leaves_what_is_half_deleted_to_the_next(host, method, verb):
    ask(host, method).result()
    worker = host.worker(verb)
    job = worker.request["job"]
    host.record(job, kind=worker.request["kind"], state="removing")
    host.daemon.send_signal(signal.SIGTERM)
    assert host.daemon.wait(STOP_SEC) == 0
    with pytest.raises((AssertionError, ConnectionResetError)):
        worker.receive()  # it was killed, and not told to cancel
    host.survey = False
    host.start()
    host.worker("survey")
    assert host.worker("resume").request["job"] == job


def test_a_cancelled_deletion_is_told_to_its_worker(host):
    path = ask(host, "Prune").result()[0]
    worker = host.worker("prune")
    host.client.call("Cancel", path=path, interface=JOB)
    assert worker.receive() == {"request": "cancel"}
    worker.report("details", details=DETAILS)
    worker.result("cancelled", error="Cancelled", message="3 of 7 are deleted")
    wait_until(lambda: state(host, path) == "cancelled", "its end")
    assert json.loads(details(host, path)) == DETAILS


def test_a_stopped_daemon_waits_for_the_end_of_what_is_cancelled(host):
    """Killed, it would be gone on with at the next start."""
    path = ask(host, "Prune").result()[0]
    worker = host.worker("prune")
    job = worker.request["job"]
    host.record(job, kind="prune", state="removing")
    host.client.call("Cancel", path=path, interface=JOB)
    assert worker.receive() == {"request": "cancel"}
    host.daemon.send_signal(signal.SIGTERM)
    wait_until(lambda: "being stopped" in fails(image(host, "new"), "Busy"), "it is stopping")
    host.record(job, kind="prune", state="cancelled", error="Cancelled")
    worker.result("cancelled", error="Cancelled", message="3 of 7 are deleted")
    assert host.daemon.wait(STOP_SEC) == 0
    host.survey = False
    host.start()
    host.worker("survey")
    wait_until(lambda: state(host, path) == "cancelled", "its end")
    assert host.client.get("NRunningJobs") == 0


def test_what_waits_to_be_tried_again_can_be_cancelled(host):
    """Else it would be deleted once somebody gives the permission, whoever wants it by then."""
    path = ask(host, "Deregister").result()[0]
    worker = host.worker("deregister")
    job = worker.request["job"]
    host.record(job, kind="deregister", state="removing")
    worker.result("failed", error="LeftOver", message="Not all could be removed")
    host.client.wait_for("JobRemoved")
    host.client.call("Cancel", path=path, interface=JOB)
    again = host.worker("resume")
    assert (again.request["job"], again.receive()) == (job, {"request": "cancel"})
    host.record(job, kind="deregister", state="cancelled", finished_usec=9)
    again.result("cancelled", error="Cancelled", message="The job was cancelled")
    host.client.wait_for("JobRemoved", job, path, "cancelled")
    with pytest.raises(BusError) as caught:
        host.client.call("Cancel", path=path, interface=JOB)
    assert caught.value.name == ERROR + "NoSuchJob" and "ended already" in caught.value.message


def test_a_deletion_that_is_cancelled_in_the_queue_ends_there(host):
    """A record that nobody has ended is gone on with by the next daemon."""
    jobs = {f"j-20260101T0000{second:02}Z-000001" for second in range(FOLLOWED_MAX + 1)}
    for job in jobs:
        host.record(job, kind="prune", state="removing")
    restart(host)
    host.worker("survey")
    others = [host.worker("resume") for _ in range(FOLLOWED_MAX)]
    (last,) = jobs - {worker.request["job"] for worker in others}
    path = {one[0]: one[1] for one in host.client.call("ListJobs")[0]}[last]
    assert state(host, path) == "queued"
    host.client.call("Cancel", path=path, interface=JOB)
    cancelled = host.worker("resume")
    assert (cancelled.request["job"], cancelled.receive()) == (last, {"request": "cancel"})
    host.record(last, kind="prune", state="cancelled", finished_usec=9)
    cancelled.result("cancelled", error="Cancelled", message="The job was cancelled")
    host.client.wait_for("JobRemoved", last, path, "cancelled")
    assert host.client.get("NRunningJobs") == FOLLOWED_MAX


def test_an_image_is_published_by_the_profile_that_is_named(host):
    path = ask(host, "Publish", {"profile": text("golden")}).result()[0]
    worker = host.worker("publish")
    assert (worker.request["profile"], worker.request["options"]) == ("golden", {})
    assert host.client.job(path)["Profile"] == "golden"
    worker.result()
    host.client.wait_for("JobRemoved")


DELETERS = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.quiesced1.bake" && subject.user == "nobody")
        return polkit.Result.YES;
});
"""


def test_who_may_only_bake_may_neither_delete_nor_end_a_deletion():
    with Host(rules=DELETERS, uid=DAEMON) as host:
        for method in DELETING:
            listed = ["1", IMAGE] if method != "Prune" else ["nightly"]
            signature = "asa{sv}" if method != "Prune" else "sa{sv}"
            result = host.bus.busctl("call", NAME, ROOT, MANAGER, method, signature, *listed, "0", uid=NOBODY)
            assert "(org.quiesced1.delete)" in result.stderr, method
        host.no_worker(0.05)
        path = ask(host, "Prune").result()[0]
        worker = host.worker("prune")
        refused = host.bus.busctl("call", NAME, path, JOB, "Cancel", uid=NOBODY)
        assert "(org.quiesced1.delete)" in refused.stderr
        worker.result()
        wait_until(lambda: host.client.get("NRunningJobs") == 0, "the end")
        path = ask(host, "Verify").result()[0]
        assert host.bus.busctl("call", NAME, path, JOB, "Cancel", uid=NOBODY).returncode == 0
        host.worker("verify").result("cancelled")


MALFORMED = ["", "ami-", "ami-123", "ami-0123456789ABCDEF0", "AMI-1a2b3c4d", "ami-1a2b3c4g", "ami-1a2b3c4d ", "web",
             "ami-0123456789abcdef01"]


@pytest.mark.parametrize("bad", MALFORMED)
def test_a_malformed_id_is_named(host, bad):
    for method, argument in (("Deregister", [IMAGE, bad]), ("DeleteOrphans", [IMAGE, bad]), ("Verify", bad),
                             ("Publish", bad)):
        signature = JOBS[method][0]
        with pytest.raises(BusError) as caught:
            host.client.call(method, signature, argument, {})
        assert caught.value.name == ERROR + "InvalidArgument"
        assert f"'{bad}' is no id of an image (ami-...)" in caught.value.message
    host.no_worker(0.05)


def test_an_id_of_another_kind_is_refused(host):
    for bad in (SNAPSHOT, INSTANCE, "vol-1a2b3c4d"):
        assert f"'{bad}' is no id" in fails(
            lambda bad=bad: host.client.call("Deregister", "(asa{sv})", [bad], {}), "InvalidArgument")
    for bad in ("vol-1a2b3c4d", "j-20260101T000000Z-000001"):
        message = fails(lambda bad=bad: host.client.call("DeleteOrphans", "(asa{sv})", [bad], {}), "InvalidArgument")
        assert "an image (ami-...), a snapshot (snap-...), an instance (i-...)" in message


def test_an_empty_or_endless_list_of_ids_is_refused(host):
    def deregister(ids):
        return lambda: host.client.call("Deregister", "(asa{sv})", ids, {})

    assert "is empty" in fails(deregister([]), "InvalidArgument")
    many = [f"ami-{i:017x}" for i in range(1001)]
    assert "More than 1000" in fails(deregister(many), "InvalidArgument")
    deregister([*many[:1000], *many[:5]])()
    assert host.worker("deregister").request["ids"] == many[:1000]


def test_ids_that_are_long_are_limited_by_their_length(host):
    """A worker's socket takes a request as a whole."""
    bundles = [f"bucket/{'k' * 1000}-{i:03}.manifest.xml" for i in range(65)]
    call = host.client.begin("DeleteOrphans", "(asa{sv})", bundles, {})
    assert "More than 65536 bytes of ids" in fails(call, "InvalidArgument")
    host.client.call("DeleteOrphans", "(asa{sv})", bundles[:60], {})
    assert host.worker("delete-orphans").request["ids"] == bundles[:60]


@pytest.mark.parametrize("method", ["Prune", "PlanPrune"])
def test_a_profile_name_that_is_no_file_name_is_refused(host, method):
    for name in ("", "../up", ".hidden"):
        message = fails(lambda name=name: host.client.call(method, "(sa{sv})", name, {}), "InvalidArgument")
        assert "cannot be a profile's name" in message
    for method in ("ListImages", "Doctor", "Publish"):
        call = ask(host, method, {"profile": text("../up")})
        assert "cannot be a profile's name" in fails(call, "InvalidArgument")
    host.no_worker(0.05)


@pytest.mark.parametrize("method, options, said", [
    ("Prune", {"force": GLib.Variant("b", True)}, "known are: wait, if-busy"),
    ("Prune", {"dry-run": GLib.Variant("b", True)}, "no option 'dry-run'"),
    ("PlanPrune", {"wait": text("queued")}, "no option 'wait' here, nor any other"),
    ("ListImages", {"wait": text("queued")}, "known are: profile, all"),
    ("Verify", {"all": GLib.Variant("b", True)}, "known are: wait, if-busy"),
    ("Publish", {"all": GLib.Variant("b", True)}, "known are: profile, wait, if-busy"),
    ("Doctor", {"all": GLib.Variant("b", True)}, "known are: profile"),
    ("DeleteOrphans", {"volumes": GLib.Variant("as", [])}, "known are: all, wait, if-busy"),
    ("Deregister", {"profile": text("web")}, "known are: force, override, wait, if-busy"),
])
def test_an_option_of_another_method_is_unknown(host, method, options, said):
    assert said in fails(ask(host, method, options), "UnknownOption")


@pytest.mark.parametrize("method, options, said", [
    ("Deregister", {"force": text("yes")}, "'force' must be a boolean (type b)"),
    ("Deregister", {"override": text("locked")}, "'override' must be an array of strings (type as)"),
    ("Deregister", {"override": GLib.Variant("as", ["locked", "all"])}, "'all', and must be one of: protected, locked"),
    ("FindOrphans", {"all": text("yes")}, "'all' must be a boolean (type b)"),
    ("ListSnapshots", {"profile": GLib.Variant("b", True)}, "'profile' must be a string (type s)"),
    ("Prune", {"wait": text("secured")}, "must be one of: queued, completed"),
    ("Verify", {"if-busy": text("push")}, "must be one of: refuse, queue"),
])
def test_a_wrong_type_or_value_is_told_with_the_right_one(host, method, options, said):
    assert said in fails(ask(host, method, options), "InvalidArgument")

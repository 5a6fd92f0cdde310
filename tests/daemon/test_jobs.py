# SPDX-License-Identifier: Apache-2.0
"""A job's life, from the call to its end."""

import pytest
from gi.repository import GLib
from harness import ERROR, JOB, BusError, Client, wait_until

TEXT = "s"


def options(**values):
    """a{sv} from texts: if_busy="queue"."""
    return {k.replace("_", "-"): GLib.Variant(TEXT, v) for k, v in values.items()}


def image(host, name="web", **values):
    return host.client.begin("CreateImage", "(sa{sv})", name, options(**values))


def bake(host, profile="nightly", **values):
    return host.client.call("Bake", "(sa{sv})", profile, options(**values))[0]


def state(host, path):
    return host.client.get("State", path=path, interface=JOB)


def fails(call, name):
    with pytest.raises(BusError) as caught:
        call.result() if hasattr(call, "result") else call()
    assert caught.value.name == ERROR + name, caught.value.message
    return caught.value.message


def test_an_image_is_answered_once_its_point_in_time_is_taken(host):
    call = image(host)
    worker = host.worker("bake")
    assert worker.request["kind"] == "image"
    assert worker.request["name"] == "web"
    assert worker.request["options"] == {}
    worker.report("step", step="cut")
    worker.freeze()
    assert not call.done()
    worker.report("thawed", frozen_usec=1234, phases={"sync": 20, "freeze": 4})
    worker.report("secured", image="ami-1", snapshots=["snap-1", "snap-2"], consistency="filesystem")
    path, answer = call.result()
    assert answer == "ami-1"
    assert path.startswith("/org/quiesced1/job/j_2d")
    job = host.client.job(path)
    assert job["State"] == "secured" and job["Result"] == ""
    assert job["Step"] == "cut"
    assert job["Images"] == ["ami-1"] and job["Snapshots"] == ["snap-1", "snap-2"]
    assert job["FrozenUSec"] == 1234 and job["Phases"] == {"sync": 20, "freeze": 4}
    worker.report("progress", percent=40)
    worker.result(image="ami-1", snapshots=["snap-1", "snap-2"], consistency="filesystem")
    assert host.client.wait_for("JobRemoved")[2] == (job["Id"], path, "done")
    job = host.client.job(path)
    assert job["State"] == "done" and job["Result"] == "done" and job["Progress"] == 40
    assert job["FinishedUSec"] > job["CreatedUSec"]


def test_the_worker_inherits_its_stream_and_nothing_else(host):
    lock = host.client.call("Inhibit", "(ss)", "test", "")[0]
    bake(host)
    worker = host.worker("bake")
    # One more is the listing of its own descriptors.
    assert [fd for fd in worker.fds if fd <= 3] == [0, 1, 2, 3]
    assert len(worker.fds) == 5, worker.fds
    GLib.close(lock)


def test_an_image_without_an_id_yet_is_named_by_its_job(host):
    call = image(host)
    worker = host.worker("bake")
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    path, answer = call.result()
    assert answer == host.client.get("Id", path=path, interface=JOB)


def test_snapshots_are_answered_with_their_ids(host):
    call = host.client.begin("CreateSnapshots", "(a{sv})", {})
    worker = host.worker("bake")
    assert worker.request["kind"] == "snapshots"
    worker.report("secured", snapshots=["snap-1", "snap-2"], consistency="crash")
    assert call.result()[1] == ["snap-1", "snap-2"]


def test_a_bake_is_answered_as_soon_as_it_is_queued(host):
    path = bake(host)
    worker = host.worker("bake")
    assert worker.request["kind"] == "bake" and worker.request["profile"] == "nightly"
    assert state(host, path) == "running"
    assert host.client.get("NRunningJobs") == 1


def test_wait_queued_answers_an_image_at_once(host):
    path, answer = image(host, wait="queued").result()
    assert answer == ""
    assert host.worker("bake").request["options"] == {}, "wait is not the worker's business"
    assert state(host, path) == "running"


def test_wait_completed_answers_at_the_end(host):
    call = image(host, wait="completed")
    worker = host.worker("bake")
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    job = wait_until(lambda: host.client.call("ListJobs")[0], "the job")[0]
    wait_until(lambda: state(host, job[1]) == "secured", "the report")
    assert not call.done()
    worker.result(image="ami-9")
    assert call.result()[1] == "ami-9"


def test_a_worker_that_ends_well_without_securing_answers_as_well(host):
    call = image(host)
    host.worker("bake").result(image="ami-9")
    assert call.result()[1] == "ami-9"


def test_the_options_reach_the_worker_as_json(host):
    given = {
        "method": GLib.Variant("s", "register"),
        "consistency": GLib.Variant("s", "crash"),
        "on-degrade": GLib.Variant("s", "label"),
        "volumes": GLib.Variant("as", ["vol-1", "/data"]),
        "exclude": GLib.Variant("as", ["/dev/sdf"]),
        "budget-usec": GLib.Variant("t", 2000000),
        "tags": GLib.Variant("a{ss}", {"Owner": "web"}),
        "description": GLib.Variant("s", "before the upgrade"),
        "no-freeze": GLib.Variant("b", True),
        "if-busy": GLib.Variant("s", "queue"),
    }
    host.client.begin("CreateImage", "(sa{sv})", "web", given)
    assert host.worker("bake").request["options"] == {
        "method": "register",
        "consistency": "crash",
        "on-degrade": "label",
        "volumes": ["vol-1", "/data"],
        "exclude": ["/dev/sdf"],
        "budget-usec": 2000000,
        "tags": {"Owner": "web"},
        "description": "before the upgrade",
        "no-freeze": True,
    }


def test_a_failure_has_the_name_and_the_message_of_the_worker(host):
    call = image(host)
    host.worker("bake").result("failed", error="NoCredentials", message="The role is missing: attach one")
    assert "The role is missing: attach one" in fails(call, "NoCredentials")
    _, path, (_, _, result) = host.client.wait_for("JobRemoved")
    assert result == "failed"
    assert host.client.get("Error", path=host.client.call("ListJobs")[0][0][1], interface=JOB) == (
        ERROR + "NoCredentials"
    )


@pytest.mark.parametrize("word", ["", "a b", "9lives", "x" * 300, "../etc", "org.evil.Error"],
                         ids=["empty", "blank", "digit", "long", "path", "foreign"])
def test_a_malformed_error_name_of_a_worker_does_no_harm(host, word):
    call = image(host)
    host.worker("bake").result("failed", error=word, message="odd")
    assert "odd" in fails(call, "WorkerDied")


def test_a_second_job_is_refused_and_told_of_the_first(host):
    path = bake(host)
    message = fails(image(host), "Busy")
    assert host.client.get("Id", path=path, interface=JOB) in message
    assert "bake of nightly" in message and "if-busy=queue" in message


def test_a_second_job_queues_if_it_says_so(host):
    first = bake(host)
    one = host.worker("bake")
    second = bake(host, "weekly", if_busy="queue")
    assert state(host, second) == "queued"
    assert host.client.get("NRunningJobs") == 2
    host.no_worker()
    one.result()
    two = host.worker("bake")
    assert two.request["profile"] == "weekly"
    assert state(host, first) == "done" and state(host, second) == "running"


def test_the_queue_has_an_end(host):
    bake(host)
    for _ in range(16):
        bake(host, if_busy="queue")
    assert "16 jobs are queued" in fails(lambda: bake(host, if_busy="queue"), "Busy")


def test_cancel_asks_the_worker_and_its_answer_counts(host):
    call = image(host)
    worker = host.worker("bake")
    path = host.client.call("ListJobs")[0][0][1]
    host.client.call("Cancel", path=path, interface=JOB)
    host.client.call("Cancel", path=path, interface=JOB)
    assert worker.receive() == {"request": "cancel"}
    assert state(host, path) == "running"
    worker.result("cancelled", error="Cancelled", message="Cancelled; nothing was left behind")
    assert "nothing was left" in fails(call, "Cancelled")
    assert state(host, path) == "cancelled"


def test_a_queued_job_is_cancelled_at_once(host):
    bake(host)
    host.worker("bake")
    call = image(host, if_busy="queue")
    path = wait_until(lambda: [j for j in host.client.call("ListJobs")[0] if j[4] == "queued"], "it")[0][1]
    host.client.call("Cancel", path=path, interface=JOB)
    fails(call, "Cancelled")
    assert host.client.wait_for("JobRemoved")[2][2] == "cancelled"
    host.no_worker()


def test_a_job_that_has_ended_cannot_be_cancelled(host):
    path = bake(host)
    host.worker("bake").result()
    host.client.wait_for("JobRemoved")
    assert "ended already: done" in fails(
        lambda: host.client.call("Cancel", path=path, interface=JOB), "NoSuchJob"
    )


def test_the_callers_end_does_not_cancel_its_job(host):
    client = Client(host.bus.address)
    started = client.begin("CreateImage", "(sa{sv})", "web", {})
    worker = host.worker("bake")
    assert not started.done(), "it ends before it has an answer"
    client.close()
    worker.result(image="ami-1")
    assert host.client.wait_for("JobRemoved")[2][2] == "done"


def test_a_worker_killed_before_its_record_fails_the_job_by_name(host):
    call = image(host)
    host.worker("bake").kill()
    message = fails(call, "WorkerDied")
    assert "killed by signal 9" in message and "journalctl" in message


@pytest.mark.parametrize("recorded", ["planned", "cutting", "cut", "undoing"])
def test_a_worker_killed_after_its_record_is_followed_by_one_that_resumes(host, recorded):
    call = image(host)
    first = host.worker("bake")
    job = first.request["job"]
    first.freeze()
    host.record(job, state=recorded)
    first.kill()
    second = host.worker("resume")
    assert second.request["job"] == job
    assert host.client.get("Frozen") is False
    second.report("secured", snapshots=["snap-1"], consistency="filesystem")
    assert call.result()[1] == job
    second.result(image="ami-1", snapshots=["snap-1"])
    assert host.client.wait_for("JobRemoved")[2][2] == "done"


def test_the_progress_of_a_job_does_not_go_back_with_a_second_worker(host):
    image(host)
    first = host.worker("bake")
    first.report("progress", percent=40)
    wait_until(lambda: ("Progress", 40) in host.client.changes(JOB), "the progress")
    host.record(first.request["job"], state="cut")
    first.kill()
    second = host.worker("resume")
    second.report("progress", percent=10)
    second.report("progress", percent=70)
    second.result(image="ami-1")
    host.client.wait_for("JobRemoved")
    assert [value for name, value in host.client.changes(JOB) if name == "Progress"] == [40, 70]


def test_a_job_is_resumed_once(host):
    call = image(host)
    worker = host.worker("bake")
    host.record(worker.request["job"], state="cut")
    worker.kill()
    host.worker("resume").kill()
    fails(call, "WorkerDied")
    host.no_worker()


def test_a_finished_record_is_not_resumed(host):
    call = image(host)
    worker = host.worker("bake")
    host.record(worker.request["job"], state="done")
    worker.kill()
    fails(call, "WorkerDied")
    host.no_worker()


def test_a_cancelled_job_that_is_resumed_stays_cancelled(host):
    path = bake(host)
    worker = host.worker("bake")
    host.record(worker.request["job"], state="cut")
    host.client.call("Cancel", path=path, interface=JOB)
    worker.kill()
    second = host.worker("resume")
    assert second.receive() == {"request": "cancel"}
    second.result("cancelled", error="Cancelled")
    assert host.client.wait_for("JobRemoved")[2][2] == "cancelled"


@pytest.mark.parametrize(
    "text, said",
    [
        ("not json\n", "not a JSON object"),
        ('["an array"]\n', "not a JSON object"),
        ('{"report": "step", "report": "twice"}\n', "not a JSON object"),
        ("x" * (1024 * 1024 + 1), "longer than 1 MiB"),
    ],
    ids=["text", "array", "doubled", "endless"],
)
def test_rubbish_ends_the_worker_and_fails_the_job(host, text, said):
    call = image(host)
    host.worker("bake").raw(text)
    message = fails(call, "WorkerDied")
    assert said in message and "killed by signal 9" in message


def test_a_line_that_is_cut_short_is_a_worker_that_died(host):
    call = image(host)
    worker = host.worker("bake")
    worker.raw('{"report": "result", "result": "done"')
    worker.exit(0)
    fails(call, "WorkerDied")


@pytest.mark.parametrize(
    "report",
    [
        {"report": "nonsense"},
        {"report": "progress", "percent": -5},
        {"report": "progress", "percent": 1000},
        {"report": "progress", "percent": "many"},
        {"report": "secured", "image": 5, "snapshots": "snap-1"},
        {"report": "secured", "snapshots": [1, None, "snap-1"]},
        {"report": "thawed", "frozen-usec": "long", "phases": ["a"]},
        {"report": "thawed", "phases": {"sync": "x", "freeze": None}},
        {"report": "topology", "volumes": {"a": 1}, "filesystems": [1, "x", {"a": [1, 2]}]},
        {"report": "identity", "instance-id": 5},
        {"report": "step", "step": None},
        {},
        {"report": 7},
    ],
)
def test_odd_reports_do_no_harm(host, report):
    path = bake(host)
    worker = host.worker("bake")
    worker._put(report)
    worker.result()
    host.client.wait_for("JobRemoved")
    assert host.client.job(path)["Result"] == "done"
    assert host.client.job(path)["Progress"] == 0
    host.client.get("Volumes"), host.client.get("FileSystems"), host.client.get("InstanceId")


def test_a_result_that_is_none_of_ours_counts_as_a_death(host):
    call = image(host)
    host.worker("bake").result("splendid")
    fails(call, "WorkerDied")


def test_what_a_worker_wrote_last_is_read_before_its_end(host):
    call = image(host)
    worker = host.worker("bake")
    for percent in range(1, 100):
        worker.report("progress", percent=percent)
    worker.report("secured", image="ami-1", snapshots=["snap-1"], consistency="filesystem")
    worker.result(image="ami-1")
    assert call.result()[1] == "ami-1"
    assert ("Progress", 99) in host.client.changes(JOB)


def test_jobs_come_and_go_on_the_bus(host):
    path = bake(host)
    assert host.client.wait_for("JobNew")[2][1] == path
    managed = host.client.call("GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager")[0]
    assert managed[path][JOB]["Profile"] == "nightly"
    assert host.client.wait_for("InterfacesAdded", path)
    job = host.client.get("Id", path=path, interface=JOB)
    assert host.client.call("GetJob", "(s)", job) == [path]
    listed = host.client.call("ListJobs")[0]
    assert [j[:5] for j in listed] == [(job, path, "bake", "nightly", "running")]
    assert "ListJobs" in fails(lambda: host.client.call("GetJob", "(s)", "j-none"), "NoSuchJob")


def test_last_bake_tells_what_became_of_it(host):
    bake(host)
    host.worker("bake").result(snapshots=["snap-1"], image="ami-1", consistency="filesystem", frozen_usec=7)
    host.client.wait_for("JobRemoved")
    last = host.client.get("LastBake")
    assert last["result"] == "done" and last["profile"] == "nightly" and last["image"] == "ami-1"
    assert last["snapshots"] == ["snap-1"] and last["frozen-usec"] == 7
    assert ("NRunningJobs", 0) in host.client.changes("org.quiesced1.Manager")


def test_a_worker_that_cannot_be_started_fails_the_job(host):
    host.stop()
    host.environment = lambda old=host.environment: {**old(), "QUIESCED_WORKER": "/nonexistent"}
    host.survey = False
    host.start()
    assert "could not be started: No such file" in fails(image(host), "WorkerDied")
    assert "could not be started" in host.client.get("SurveyError")

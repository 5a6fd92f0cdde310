# SPDX-License-Identifier: Apache-2.0
"""Records of earlier jobs, and what the daemon's own end means for running ones."""

import signal

import pytest
from harness import ERROR, JOB, MANAGER, STOP_SEC, BusError, Host, wait_until
from test_jobs import bake, image, state

OLD = "j-20260101T000000Z-00000{}"


def restart(host):
    host.stop()
    host.survey = False
    host.start()


def test_finished_records_are_listed(host):
    host.record(OLD.format(1), state="done", image="ami-1", snapshots=["snap-1"], frozen_usec=5,
                consistency="filesystem", started_usec=10, finished_usec=20)
    host.record(OLD.format(2), state="failed", error="NameTaken", message="taken", finished_usec=30)
    restart(host)
    one, two = (host.client.job(j[1]) for j in host.client.call("ListJobs")[0])
    assert one["State"] == "done" and one["Images"] == ["ami-1"] and one["FinishedUSec"] == 20
    assert two["Result"] == "failed" and two["Error"] == ERROR + "NameTaken"
    assert host.client.get("LastBake")["job"] == OLD.format(2)
    host.worker("survey")
    host.no_worker()


def test_unfinished_records_are_resumed_one_after_another_before_anything_new(host):
    host.record(OLD.format(1), state="cutting")
    host.record(OLD.format(2), state="planned")
    restart(host)
    host.worker("survey")
    first = host.worker("resume")
    assert first.request["job"] == OLD.format(1)
    path = bake(host, if_busy="queue")
    host.no_worker()
    first.result()
    second = host.worker("resume")
    assert second.request["job"] == OLD.format(2)
    second.result()
    host.worker("bake").result()
    host.client.wait_for("JobRemoved", host.client.get("Id", path=path, interface=JOB))


def test_records_past_their_point_in_time_are_resumed_together_and_keep_nobody_waiting(host):
    states = ["cut", "made", "undoing"]
    for number, recorded in enumerate(states):
        host.record(OLD.format(number), state=recorded)
    host.record(OLD.format(7), state="removing", cutting_usec=5)
    host.record(OLD.format(8), kind="prune", state="removing")
    restart(host)
    host.worker("survey")
    resumed = [host.worker("resume") for _ in range(5)]
    assert {w.request["job"] for w in resumed} == {OLD.format(n) for n in (0, 1, 2, 7, 8)}
    bake(host)
    host.worker("bake").result()
    for worker in resumed:
        worker.result()
        host.client.wait_for("JobRemoved", worker.request["job"])


def test_files_that_are_no_records_are_left_alone(host):
    files = {
        "j-rubbish.json": "not json",
        "j-20260101T000000Z-000009.json": '{"id": "j-another", "state": "cut"}',
        "README": "hello",
        ".j-1.json": "{}",
        "j-$(reboot).json": "{}",
        "j-20260101T000000Z-000008.json.tmp": "{",
    }
    for name, content in files.items():
        (host.jobs / name).write_text(content)
    restart(host)
    assert host.client.call("ListJobs")[0] == []
    assert "j-rubbish" in host.log()
    assert {p.name for p in host.jobs.iterdir()} == set(files)


def test_old_jobs_are_forgotten_with_their_records():
    with Host(config="[Daemon]\nMaxJobsKept=2\n") as host:
        for i in range(1, 6):
            host.record(OLD.format(i), state="done", finished_usec=i)
        for suffix in ("journal", "removed"):
            (host.jobs / f"{OLD.format(1)}.{suffix}").touch()
        restart(host)
        host.worker("survey")
        assert [j[0] for j in host.client.call("ListJobs")[0]] == [OLD.format(4), OLD.format(5)]
        assert len(list(host.jobs.iterdir())) == 2
        path = bake(host)
        host.worker("bake").result()
        host.client.wait_for("JobRemoved")
        assert len(host.client.call("ListJobs")[0]) == 2
        assert state(host, path) == "done"
        assert host.client.wait_for("InterfacesRemoved")[2][0].endswith("00004")


def test_a_job_that_is_not_finished_is_not_forgotten_and_taken_up_again():
    with Host(config="[Daemon]\nMaxJobsKept=1\nResumeDelaySec=2s\n") as host:
        host.record(OLD.format(1), state="undoing", snapshots=["snap-1"])
        host.record(OLD.format(2), state="done", finished_usec=1)
        restart(host)
        host.worker("survey")
        host.worker("resume").result("failed", error="ApiError", message="not today")
        host.client.wait_for("JobRemoved", OLD.format(1))
        path = bake(host)
        host.worker("bake").result()
        host.client.wait_for("JobRemoved")
        wait_until(lambda: [j[1] for j in host.client.call("ListJobs")[0]][1:] == [path], "the list")
        assert [p.name for p in host.jobs.iterdir()] == [OLD.format(1) + ".json"]
        again = host.worker("resume")
        assert again.request["job"] == OLD.format(1)
        assert host.client.call("ListJobs")[0][0][4] == "running"
        host.record(OLD.format(1), state="failed", finished_usec=9)
        again.result("failed", error="ApiError", message="deleted at last")
        host.client.wait_for("JobRemoved", OLD.format(1))
        wait_until(lambda: len(host.client.call("ListJobs")[0]) == 1, "the older one is forgotten")


def test_a_stopped_daemon_cancels_what_has_no_point_in_time(host):
    call = image(host)
    worker = host.worker("bake")
    queued = image(host, "later", if_busy="queue")
    wait_until(lambda: host.client.get("NRunningJobs") == 2, "both")
    host.daemon.send_signal(signal.SIGTERM)
    assert worker.receive() == {"request": "cancel"}
    with pytest.raises(BusError) as caught:
        queued.result()
    assert caught.value.name == ERROR + "Cancelled"
    with pytest.raises(BusError) as caught:
        image(host, "new").result()
    assert caught.value.name == ERROR + "Busy" and "being stopped" in caught.value.message
    worker.result("cancelled", error="Cancelled", message="thawed and removed")
    with pytest.raises(BusError) as caught:
        call.result()
    assert "thawed and removed" in caught.value.message
    assert host.daemon.wait(STOP_SEC) == 0
    restart(host)


def test_a_stopped_daemon_leaves_what_is_cut_to_the_next(host):
    image(host, wait="queued").result()
    worker = host.worker("bake")
    job = worker.request["job"]
    worker.report("secured", snapshots=["snap-1"], consistency="filesystem")
    wait_until(lambda: state(host, host.client.call("ListJobs")[0][0][1]) == "secured", "it")
    host.record(job, state="completing")
    host.daemon.send_signal(signal.SIGTERM)
    assert host.daemon.wait(STOP_SEC) == 0
    with pytest.raises((AssertionError, ConnectionResetError)):
        worker.receive()  # it was killed, and not told to cancel
    host.survey = False
    host.start()
    host.worker("survey")
    assert host.worker("resume").request["job"] == job


def test_a_killed_daemon_takes_its_worker_along_and_the_next_resumes(host):
    bake(host)
    worker = host.worker("bake")
    host.record(worker.request["job"], state="planned")
    host.daemon.kill()
    host.daemon.wait()
    with pytest.raises((AssertionError, ConnectionResetError)):
        while "end" not in worker.receive():
            pass
        worker.receive()
    host.survey = False
    host.start()
    host.worker("survey")
    assert host.worker("resume").request["job"] == worker.request["job"]


def test_the_end_of_the_bus_ends_the_daemon(host):
    host.bus.daemon.terminate()
    assert host.daemon.wait(STOP_SEC) != 0
    host.bus.daemon.wait()
    host.bus.daemon = None
    host.bus._start()
    host.survey = False
    host.start()
    assert host.client.get("Version", interface=MANAGER)

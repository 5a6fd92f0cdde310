# SPDX-License-Identifier: Apache-2.0
"""Several jobs under way: the host is free once a point in time is taken, and the rest is followed."""

from harness import JOB, Host, wait_until
from test_jobs import bake, fails, image, state


def secured(host, name, **fields):
    """A job whose point in time is taken: (its worker, its path)."""
    path, _ = image(host, f"web-{name}", wait="queued").result()
    worker = host.worker("bake")
    worker.freeze()
    worker.report("thawed", frozen_usec=5)
    worker.report("secured", snapshots=[f"snap-{name}"], consistency="filesystem", **fields)
    wait_until(lambda: state(host, path) == "secured", "the report")
    return worker, path


def end(host, *workers):
    for worker in workers:
        worker.result()
        host.client.wait_for("JobRemoved", worker.request["job"])


def test_the_next_job_need_not_wait_nor_queue(host):
    first, one = secured(host, "a")
    second, two = secured(host, "b")
    third = bake(host)
    running = host.worker("bake")
    first.report("step", step="complete")
    first.report("progress", percent=40)
    second.report("step", step="publish")
    wait_until(lambda: host.client.job(two)["Step"] == "publish", "the steps")
    wait_until(lambda: host.client.job(one)["Progress"] == 40, "the progress")
    assert [j[4] for j in host.client.call("ListJobs")[0]] == ["secured", "secured", "running"]
    assert host.client.get("NRunningJobs") == 3
    assert running.request["job"] in fails(image(host), "Busy"), "this one has the host"
    end(host, second, running, first)
    assert [state(host, path) for path in (one, two, third)] == ["done"] * 3


def test_each_caller_waits_for_the_end_of_its_own_job(host):
    one = image(host, "web-a", wait="completed")
    first = host.worker("bake")
    first.report("secured", snapshots=["snap-a"], consistency="filesystem")
    wait_until(lambda: not fails_busy(host), "the host is free")
    two = image(host, "web-b", wait="completed")
    second = host.worker("bake")
    second.report("secured", snapshots=["snap-b"], consistency="filesystem")
    second.result(image="ami-b")
    assert two.result()[1] == "ami-b"
    assert not one.done()
    first.result("failed", error="SnapshotFailed", message="it failed")
    assert "it failed" in fails(one, "SnapshotFailed")


def fails_busy(host):
    """Whether a job would have to wait."""
    return "running" in [j[4] for j in host.client.call("ListJobs")[0]]


def test_what_is_taken_back_keeps_nobody_waiting(host):
    bake(host)
    first = host.worker("bake")
    first.freeze()
    first.report("followed")
    host.no_worker()
    queued = bake(host, "weekly", if_busy="queue")
    assert state(host, queued) == "queued", "it is frozen still"
    first.report("thawed", frozen_usec=5)
    first.report("followed")
    second = host.worker("bake")
    second.freeze()
    first.result("failed", error="ApiError")
    second.report("thawed", frozen_usec=5)
    end(host, second)


def test_a_cancel_reaches_its_job_alone(host):
    first, one = secured(host, "a")
    second, two = secured(host, "b")
    host.client.call("Cancel", path=one, interface=JOB)
    assert first.receive() == {"request": "cancel"}
    first.result("cancelled", error="Cancelled")
    host.client.wait_for("JobRemoved", first.request["job"])
    assert (state(host, one), state(host, two)) == ("cancelled", "secured")
    end(host, second)


def test_a_follower_that_dies_is_followed_by_one_that_resumes_beside_the_next_job(host):
    first, one = secured(host, "a")
    bake(host)
    running = host.worker("bake")
    host.record(first.request["job"], state="cut")
    first.kill()
    second = host.worker("resume")
    assert second.request["job"] == first.request["job"]
    end(host, second, running)
    assert state(host, one) == "done"


def test_what_the_daemon_leaves_behind_is_resumed_by_the_next(host):
    jobs = []
    for name in ("a", "b"):
        worker, _ = secured(host, name)
        jobs.append(worker.request["job"])
        host.record(worker.request["job"], state="cut")
    host.stop()
    host.survey = False
    host.start()
    resumed = [host.worker("resume") for _ in jobs]
    assert sorted(w.request["job"] for w in resumed) == sorted(jobs)
    end(host, *resumed)


def test_a_job_that_ends_while_another_has_frozen_keeps_its_record_until_the_thaw():
    """The records may lie on what is frozen, and the daemon waits for no disk."""
    with Host(config="[Daemon]\nMaxJobsKept=1\n") as host:
        one, two = secured(host, "a")[0], secured(host, "b")[0]
        first, second = (host.record(w.request["job"], state="done") for w in (one, two))
        bake(host)
        frozen = host.worker("bake")
        frozen.freeze()
        wait_until(lambda: host.client.get("Frozen"), "the freeze")
        end(host, one, two)
        assert first.exists() and second.exists()
        frozen.report("thawed", frozen_usec=5)
        wait_until(lambda: not first.exists(), "it is forgotten")
        assert second.exists()
        end(host, frozen)


def test_there_is_an_end_to_how_many_are_followed(host):
    followed = [secured(host, f"a{n}")[0] for n in range(17)]
    held = followed[-1].request["job"]
    assert f"Job {held} (image of web-a16) is secured" in fails(image(host, "web-b"), "Busy")
    end(host, followed[3])
    bake(host)
    end(host, host.worker("bake"))
    for worker in followed:
        if worker is not followed[3]:
            end(host, worker)

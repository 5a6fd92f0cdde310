# SPDX-License-Identifier: Apache-2.0
"""Signals, and a death that nobody could prepare for."""

import errno
import fcntl
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from bundle.conftest import LIMIT_SEC, command, environment


def wait_for(condition):
    end = time.monotonic() + LIMIT_SEC
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def start(cloud):
    """Begins one with the cloud in its environment."""
    running = []

    def call(*arguments, **options):
        process = subprocess.Popen(command(*arguments, **options), env=environment(cloud.env("static")),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process
    yield call
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


PARTS = 4       # of what is bundled here


def wait_for_parts(cloud, n_stored):
    """So many are there, and the others were hit by the fault: none comes later."""
    def all_came():
        held = [call for call in cloud.calls("PutObject") if call["fault"]]
        return len(held) == PARTS - n_stored and len(stored(cloud)) == n_stored
    wait_for(all_came)


def stored(cloud):
    return sorted(one["key"] for one in cloud.objects("bundles"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_an_upload_that_is_stopped_goes_on(cloud, start, remote, made, pki, number):
    cloud.fault("PutObject", skip=2, answer="never", act=False, times=-1)
    process = start("upload", made, bucket="bundles", certificate=pki.user)
    wait_for_parts(cloud, 2)
    process.send_signal(number)
    _, said = process.communicate(timeout=LIMIT_SEC)
    assert process.returncode == 128 + number
    assert said.startswith("quiescectl upload: ended by a signal: ")
    assert "the same command goes on with it" in said
    assert len(stored(cloud)) == 2
    cloud.clear_faults()
    done = remote("upload", made, bucket="bundles", certificate=pki.user, json=True)
    assert (done.document["sent"], done.document["skipped"]) == (2, 2)


def test_an_upload_that_was_killed_goes_on(cloud, start, remote, made, pki):
    cloud.fault("PutObject", skip=3, answer="never", act=False, times=-1)
    process = start("upload", made, bucket="bundles", certificate=pki.user)
    wait_for_parts(cloud, 3)
    process.kill()
    process.communicate()
    cloud.clear_faults()
    done = remote("upload", made, bucket="bundles", certificate=pki.user, json=True)
    assert (done.document["sent"], done.document["skipped"]) == (1, 3)


def test_of_a_bundle_that_is_stopped_nothing_stays(cloud, start, image, papers):
    cloud.fault("PutObject", skip=2, answer="never", act=False, times=-1)
    process = start("bundle", image, bucket="bundles", **papers)
    wait_for_parts(cloud, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_SEC)
    assert process.returncode == 130
    assert stored(cloud) == []


def test_what_a_bundle_that_was_killed_has_left_goes_when_it_is_told_to(cloud, start, remote, image, papers):
    cloud.fault("PutObject", skip=2, answer="never", act=False, times=-1)
    process = start("bundle", image, bucket="bundles", **papers)
    wait_for_parts(cloud, 2)
    process.kill()
    process.communicate()
    cloud.clear_faults()
    others = ["web.part.0099", "web.part.x", "web2.part.0001"]     # the first, of a larger image
    for key in others:
        cloud.put_object("bundles", key, b"x")
    left = stored(cloud)
    done = remote("bundle", image, bucket="bundles", **papers)
    assert done.status == 1 and "There are 3 parts of that name without a manifest" in done.said
    assert stored(cloud) == left
    cloud.fault("DeleteObjects", error="AccessDenied", status=403)
    cloud.fault("DeleteObject", error="AccessDenied", status=403)
    done = remote("bundle", image, bucket="bundles", remove_leftovers=True, **papers)
    assert done.status == 1 and "is denied" in done.said and stored(cloud) == left
    cloud.clear_faults()
    done = remote("bundle", image, bucket="bundles", remove_leftovers=True, **papers)
    assert (done.status, done.said) == (0, "")
    assert done.out.endswith("; 3 parts that an earlier run had left there are deleted\n")
    assert stored(cloud) == sorted([*(f"web.part.{index:04d}" for index in range(4)), *others[1:],
                                    "web.manifest.xml"])
    assert remote("check", "s3://bundles/web.manifest.xml", certificate=papers["certificate"],
                  digests=True).status == 0


def test_of_an_image_that_is_stopped_nothing_stays(cloud, start, remote, made, pki, tmp_path):
    remote("upload", made, bucket="bundles", certificate=pki.user)
    cloud.fault("GetObject", skip=2, answer="never", act=False, times=-1)
    process = start("unbundle", "s3://bundles/web.manifest.xml", into=tmp_path / "back",
                    private_key=pki.user_key)
    wait_for(lambda: any(tmp_path.iterdir()))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT_SEC)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["bundle", "unbundle"])
def test_of_files_that_are_stopped_nothing_stays(image, made, papers, pki, tmp_path, verb):
    """It stands still with its first word about a part, until somebody reads that."""
    ours, theirs = os.pipe()
    os.write(theirs, bytes(fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)))
    words = command("bundle", image, into=tmp_path / "new", verbose=True, **papers) if verb == "bundle" \
        else command("unbundle", made, into=tmp_path / "new", verbose=True, private_key=pki.user_key)
    process = subprocess.Popen(words, env=environment(), stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    wait_for(lambda: any(path.is_file() for path in tmp_path.rglob("*")))
    process.send_signal(signal.SIGINT)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().strip(b"\0").decode()
    assert process.wait(LIMIT_SEC) == 130
    assert f"\nquiescectl {verb}: ended by a signal: " in f"\n{said}"
    assert list(tmp_path.iterdir()) == []


def open_behind_a_reader(path):
    """A descriptor to write to, once somebody reads the pipe."""
    end = time.monotonic() + LIMIT_SEC
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            assert error.errno == errno.ENXIO and time.monotonic() < end
        time.sleep(0.02)


def can_lift_the_limit():
    return subprocess.run(["prlimit", "--memlock=unlimited", "true"], capture_output=True,
                          check=False).returncode == 0


def test_memory_of_a_process_that_has_keys_is_locked(cloud, start, image, papers):
    """All of it where the limit can be lifted, and else that for keys, libcrypto's of private ones too."""
    cloud.fault("PutObject", skip=2, answer="never", act=False, times=-1)
    process = start("bundle", image, bucket="bundles", **papers)
    wait_for_parts(cloud, 2)
    with open(f"/proc/{process.pid}/status") as status:
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.endswith("kB\n")}
    assert sizes["VmLck"] >= (sizes["RssAnon"] if can_lift_the_limit() else 64 + 4)
    assert sizes["VmSwap"] == 0


def test_a_process_that_has_keys_leaves_no_core(image, papers, tmp_path):
    """It has a part of one, and waits for the rest."""
    key = tmp_path / "key.pem"
    os.mkfifo(key)
    words = command("bundle", image, into=tmp_path / "new", **{**papers, "private_key": key})
    process = subprocess.Popen(["prlimit", "--core=unlimited", *words], env=environment(),
                               cwd=tmp_path, stderr=subprocess.DEVNULL)
    fd = open_behind_a_reader(key)
    os.write(fd, b"-----BEGIN PRIVATE KEY-----\n")
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    os.close(fd)
    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)


def test_progress_is_one_line_of_a_terminal(made, pki):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command("check", made, certificate=pki.user), stderr=theirs,
                               env={**environment(), "TERM": "xterm"}, stdout=subprocess.PIPE, text=True)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], LIMIT_SEC)[0]:
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(ours)
    process.communicate(timeout=LIMIT_SEC)
    assert process.returncode == 0
    assert b"checking: 4 parts, 33.0 MiB" in shown
    assert shown.endswith(b"\r\x1b[K") and b"\n" not in shown

# SPDX-License-Identifier: Apache-2.0
"""The real quiesced on a bus of its own, with workers that the test speaks for."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from lab.bus import Bus, end_process  # noqa: E402
from lab.paths import BUILD  # noqa: E402

NAME = "org.quiesced1"
ROOT = "/org/quiesced1"
MANAGER = "org.quiesced1.Manager"
JOB = "org.quiesced1.Job"
PROPERTIES = "org.freedesktop.DBus.Properties"
ERROR = "org.quiesced1.Error."
WORKER = Path(__file__).resolve().parent / "fake_worker.py"
NOBODY = 65534
DAEMON = 1  # whom quiesced runs as in tests that drop root: neither root nor who calls
# What has to come does so long before, even on a machine that is busy with other things.
WAIT_SEC = 60
# Less than the limit that the daemon sets its own stop.
STOP_SEC = 30
CALL_MSEC = 2 * WAIT_SEC * 1000


def wait_until(condition, what, patience=WAIT_SEC):
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.01)
    return value


class BusError(Exception):
    def __init__(self, error):
        super().__init__(error.message)
        self.name = Gio.DBusError.get_remote_error(error) or ""
        self.message = error.message.split(": ", 1)[1]


def results(answer):
    reply, fds = answer
    return fds.steal_fds() if fds else list(reply.unpack())


class Call:
    """A method call on its way."""

    def __init__(self, client, path, interface, method, parameters):
        self._client = client
        self._answer = None
        client.connection.call_with_unix_fd_list(
            NAME, path, interface, method, parameters, None, Gio.DBusCallFlags.NONE, CALL_MSEC,
            None, None, self._answered,
        )

    def _answered(self, _connection, answer):
        self._answer = answer

    def done(self):
        self._client.pump()
        return self._answer is not None

    def result(self):
        wait_until(self.done, "the answer")
        try:
            return results(self._client.connection.call_with_unix_fd_list_finish(self._answer))
        except GLib.Error as error:
            raise BusError(error) from None


class Client:
    """A connection to the bus that remembers every signal of quiesced."""

    def __init__(self, address):
        flags = Gio.DBusConnectionFlags
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
        )
        self.signals = []
        self.connection.signal_subscribe(
            NAME, None, None, None, None, Gio.DBusSignalFlags.NONE, self._remember
        )
        # The subscription is on its way: the bus has it once it has answered what comes behind.
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "GetId", None, None, Gio.DBusCallFlags.NONE, WAIT_SEC * 1000, None)
        self.pool = ThreadPoolExecutor(8)

    def close(self):
        self.pool.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(GLib.Error):
            self.connection.close_sync(None)

    def _remember(self, _connection, _sender, path, _interface, member, parameters):
        self.signals.append((member, path, parameters.unpack()))

    def call(self, method, signature="()", *args, path=ROOT, interface=MANAGER):
        """The results as a list; descriptors as numbers that the caller closes."""
        try:
            return results(self.connection.call_with_unix_fd_list_sync(
                NAME, path, interface, method, GLib.Variant(signature, args), None,
                Gio.DBusCallFlags.NONE, CALL_MSEC, None, None,
            ))
        except GLib.Error as error:
            raise BusError(error) from None

    def begin(self, method, signature="()", *args, path=ROOT, interface=MANAGER):
        """The same, not waited for; it is behind what was sent before, and before what comes."""
        return Call(self, path, interface, method, GLib.Variant(signature, args))

    def wait_until_admitted(self):
        """
        The daemon has looked at all calls that were begun. It asks the bus who calls: what is sent
        behind its question's answer is behind that answer.
        """
        for _ in range(2):
            self.get("Version")

    def get(self, name, path=ROOT, interface=MANAGER):
        return self.call("Get", "(ss)", interface, name, path=path, interface=PROPERTIES)[0]

    def job(self, path):
        return self.call("GetAll", "(s)", JOB, path=path, interface=PROPERTIES)[0]

    def pump(self):
        while GLib.MainContext.default().iteration(False):
            pass

    def seen(self, member, *args):
        """The signals of this name that have come so far, whose arguments begin with `args`."""
        self.pump()
        return [s for s in self.signals if s[0] == member and s[2][: len(args)] == args]

    def wait_for(self, member, *args):
        return wait_until(lambda: self.seen(member, *args), f"signal {member} {args}")[0]

    def changes(self, interface):
        """All PropertiesChanged of an interface, in order, as (property, value)."""
        self.pump()
        return [
            change
            for member, _path, parameters in self.signals
            if member == "PropertiesChanged" and parameters[0] == interface
            for change in parameters[1].items()
        ]


class Worker:
    """One worker process, seen from the test."""

    def __init__(self, connection):
        connection.settimeout(WAIT_SEC)
        self.connection = connection
        self.lines = connection.makefile("rb")
        hello = self.receive()
        self.pid = hello["pid"]
        self.fds = hello["fds"]
        self.request = self.receive()

    def receive(self):
        line = self.lines.readline()
        if not line:
            raise AssertionError("the worker is gone")
        return json.loads(line)

    def _put(self, message):
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def report(self, report, **fields):
        self._put({"report": report, **{k.replace("_", "-"): v for k, v in fields.items()}})

    def raw(self, text):
        self._put({"control": "raw", "text": text})

    def close_stream(self):
        self._put({"control": "close"})

    def exit(self, status=0):
        self._put({"control": "exit", "status": status})

    def result(self, result="done", **fields):
        self.report("result", result=result, **fields)
        self.exit(0 if result == "done" else 1)

    def wait(self):
        """Until the daemon has taken note of its end: sd-event reaps after it has told."""
        wait_until(lambda: not os.path.exists(f"/proc/{self.pid}"), "the worker's end")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self):
        """As far as a frozen window, with nobody to wait for."""
        self.report("prepare")
        assert self.receive()["reply"] == "prepared"
        self.report("freezing")

    def close(self):
        self.lines.close()
        self.connection.close()


class Host:
    """The bus, the daemon and its workers. `survey=False` leaves the first survey to the test."""

    def __init__(self, rules=None, uid=None, config="", survey=True):
        self.rules = rules
        self.uid = uid
        self.config = config
        self.survey = survey
        self.daemon = None
        self.workers = []
        self.waiting = []
        self._exit = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *_):
        self._exit.close()

    def _prepare(self):
        self.folder = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="quiesced-")))
        self.folder.chmod(0o755)
        self.jobs = self.folder / "state/jobs"
        self.jobs.mkdir(parents=True)
        (self.folder / "quiesced.conf").write_text(self.config)
        self.listener = self._exit.enter_context(socket.socket(socket.AF_UNIX))
        self.listener.bind(str(self.folder / "control"))
        os.chmod(self.folder / "control", 0o666)
        self.listener.listen(32)
        self.listener.settimeout(WAIT_SEC)
        self.bus = self._exit.enter_context(Bus(self.folder / "bus", self.rules, self.uid))
        self._exit.callback(self.stop)
        self._exit.callback(self._hang_up)
        if self.uid is not None:
            os.chown(self.folder / "state", self.uid, self.uid)
            os.chown(self.jobs, self.uid, self.uid)

    def _hang_up(self):
        """The workers end, also those that no test has asked for."""
        self.listener.close()
        for worker in self.workers:
            worker.close()

    def environment(self):
        return {
            **self.bus.environment(),
            "QUIESCED_CONFIG": str(self.folder / "quiesced.conf"),
            "QUIESCED_WORKER": str(WORKER),
            "QUIESCED_TEST_CONTROL": str(self.folder / "control"),
            "STATE_DIRECTORY": str(self.folder / "state"),
        }

    def spawn(self):
        prefix = []
        if self.uid is not None:
            prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                      "--no-new-privs"]
        with self.log_path.open("ab") as log:
            return subprocess.Popen([*prefix, str(BUILD / "quiesced")], env=self.environment(), stderr=log)

    def start(self):
        self.daemon = self.spawn()
        self.bus.wait_for_name(NAME)
        self.client = Client(self.bus.address)
        self._exit.callback(self.client.close)
        if self.survey:
            worker = self.worker("survey")
            worker.result()
            worker.wait()

    def stop(self):
        """It ends cleanly if it runs; a sanitizer's complaint would show here as well."""
        if self.daemon and self.daemon.poll() is None:
            end_process(self.daemon, STOP_SEC)
            assert self.daemon.returncode == 0, self.log()

    @property
    def log_path(self):
        return self.folder / "daemon.log"

    def log(self):
        return self.log_path.read_text()

    def _accept(self):
        worker = Worker(self.listener.accept()[0])
        self.workers.append(worker)
        self.waiting.append(worker)

    def worker(self, verb):
        """The next worker with this request, in whatever order they came."""
        while not (found := [w for w in self.waiting if w.request["verb"] == verb]):
            self._accept()
        self.waiting.remove(found[0])
        return found[0]

    def no_worker(self, patience=0.3):
        self.listener.settimeout(patience)
        with contextlib.suppress(TimeoutError):
            self._accept()
        self.listener.settimeout(WAIT_SEC)
        assert [w.request for w in self.waiting] == []

    def record(self, job, **fields):
        content = {"id": job, "kind": "image", "name": "web", **fields}
        path = self.jobs / f"{job}.json"
        path.write_text(json.dumps({k.replace("_", "-"): v for k, v in content.items()}))
        return path

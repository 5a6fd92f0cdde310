# SPDX-License-Identifier: Apache-2.0
"""What tests import: starts a simulated cloud, asks what happened in it, and breaks it on purpose.

    with Cloud(volumes=[{"id": "vol-0aaa...", "path": file, "device": "/dev/sdf"}]) as cloud:
        subprocess.run([...], env={**os.environ, **cloud.env()})
        cloud.fault("CreateSnapshots", answer="lost")     # see faults.Fault for what can be asked
        cloud.configure(snapshot_seconds=5)               # see settings.KNOBS
        assert [call["action"] for call in cloud.calls()] == [...]

The constructor's keywords are those of settings.SETTINGS. Only the standard library is used here.
"""

import base64
import contextlib
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile

from .settings import SETTINGS

PYTHON = "/usr/bin/python3"          # Debian's, which has python3-botocore
START_SECONDS = 30
STOP_SECONDS = 10


class CloudError(Exception):
    """The cloud did not start, or refuses what the test asks of it."""


class Cloud:
    def __init__(self, **settings):
        self._own_directory = None
        if settings.get("directory") is None:
            self._own_directory = settings["directory"] = tempfile.mkdtemp(prefix="quiesced-cloud-")
        self.settings = {**SETTINGS, **settings}
        try:
            self._process = self._start(settings)
            self.addresses = self._read_ready()
            self._door = socket.create_connection(tuple(self.addresses["door"]))
            self._lines = self._door.makefile("rw", encoding="utf-8", newline="\n")
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # Addresses

    def env(self, credentials="role", listener="ec2"):
        """Variables for programs; `credentials`: "role" (of the metadata), "static" or None."""
        env = {
            "AWS_ENDPOINT_URL_EC2": self.addresses[listener],
            "AWS_ENDPOINT_URL_AUTO_SCALING": self.addresses["autoscaling"],
            "AWS_ENDPOINT_URL_SSM": self.addresses["ssm"],
            "AWS_ENDPOINT_URL_S3": self.addresses["s3"],
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.addresses["imds"],
            "AWS_CA_BUNDLE": self.addresses["ca"],
            "AWS_REGION": self.settings["region"],
            "AWS_DEFAULT_REGION": self.settings["region"],
        }
        if credentials == "static":
            env["AWS_ACCESS_KEY_ID"] = self.settings["access_key"]
            env["AWS_SECRET_ACCESS_KEY"] = self.settings["secret_key"]
            if self.settings["session_token"]:
                env["AWS_SESSION_TOKEN"] = self.settings["session_token"]
        if credentials is None:
            env["AWS_EC2_METADATA_DISABLED"] = "true"
        return env

    def awscli(self, *arguments, service="ec2", region=None):
        """The parsed output of the real `aws`; CloudError with its message."""
        env = {"PATH": os.environ["PATH"], "HOME": self.addresses["directory"],
               "AWS_PAGER": "", **self.env("static")}
        address = self.addresses[service.removesuffix("api")]        # s3api
        command = ["/usr/bin/aws", "--endpoint-url", address, "--output", "json",
                   "--region", region or self.settings["region"], service, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60,
                              check=False)
        if done.returncode:
            raise CloudError(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout.strip() else None

    # What happened

    def calls(self, action=None, service=None):
        """The calls so far as dictionaries, see calls.Call."""
        return self._ask("calls", action=action, service=service)

    def clear_calls(self):
        self._ask("clear-calls")

    def snapshots(self, region=None):
        """[{id, volume, state, progress, path, tags, start_time, ...}], hidden ones too."""
        return self._ask("snapshots", region=region)

    def images(self, region=None):
        """[{id, name, state, tags, snapshots, view}] of this account; deregistered ones say so."""
        return self._ask("images", region=region)

    def instances(self):
        """[{id, image, state, type, token, volumes, tags}], ended ones too."""
        return self._ask("instances")

    def volumes(self):
        """[{id, path, device, instance, snapshot, tags}]."""
        return self._ask("volumes")

    def parameters(self):
        """[{name, data_type, tags, versions: {"1": value}}] of SSM."""
        return self._ask("parameters")

    def objects(self, bucket=None):
        """[{bucket, key, size, etag, acl, path, attributes, tags}] of S3; the bytes are at `path`."""
        return self._ask("objects", bucket=bucket)

    def object_versions(self, bucket):
        """[{key, version, marker}] of all that a bucket keeps, older ones first."""
        return self._ask("object-versions", bucket=bucket)

    def uploads(self):
        """The keys of multipart uploads that are neither completed nor aborted."""
        return self._ask("uploads")

    def metadata_of(self, instance):
        """(host, port) of the metadata service as that instance sees it, by plain HTTP."""
        return tuple(self._ask("metadata-of", instance_id=instance))

    def reboots(self):
        """{instance id: [times]}: CreateImage without NoReboot."""
        return self._ask("reboots")

    def to_be_stopped(self):
        """Instances that EC2 would shut down now, with the knob `machines_reboot`."""
        return self._ask("to-be-stopped")

    # What shall happen

    def instance_stopped(self, instance):
        """Its machine is off: what EC2 cuts between shutdown and boot is cut when this returns."""
        self._ask("instance-stopped", instance=instance)

    def forget_client_tokens(self):
        """As EC2 does after days: what was asked for before is done anew."""
        self._ask("forget-client-tokens")

    def empty(self):
        """
        Every image and every snapshot of the account is gone, in all regions, whatever it was, and
        so is every object and every bucket that was made.
        """
        self._ask("empty")

    @contextlib.contextmanager
    def lent(self, empties=True):
        """To one test of several: none of its calls has been yet, and what it changed ends with it."""
        knobs = self.knobs()
        self.clear_calls()
        yield self
        self.clear_faults()
        self.configure(**knobs)
        if empties:
            self.empty()

    def fault(self, action, **fields):
        """Scripts a fault, see faults.Fault; its number, which is `fault` in the calls it hits."""
        return self._ask("fault", action=action, **fields)

    def faults(self):
        return self._ask("faults")

    def clear_faults(self):
        self._ask("clear-faults")

    def configure(self, **knobs):
        self._ask("configure", **knobs)

    def knobs(self):
        return self._ask("knobs")

    def attach_volume(self, **fields):
        """A further volume, see volumes.VOLUME; its id."""
        return self._ask("attach-volume", **fields)

    def add_bucket(self, **fields):
        """See buckets.BUCKET; it lasts until empty()."""
        self._ask("add-bucket", **fields)

    def set_bucket(self, bucket, **fields):
        self._ask("set-bucket", bucket=bucket, fields=fields)

    def put_object(self, bucket, key, body, acl="private", tags=None):
        """As its owner does, whoever that is."""
        self._ask("put-object", bucket=bucket, key=key, acl=acl, tags=tags or {},
                  body=base64.b64encode(body).decode())

    def age_object(self, bucket, key, seconds):
        """As if it had been put so long ago."""
        self._ask("age-object", bucket=bucket, key=key, seconds=seconds)

    def detach_volume(self, volume):
        self._ask("detach-volume", volume=volume)

    def set_volume(self, volume, **fields):
        """Changes what volumes.VOLUME lists, where it may change in a volume's life."""
        self._ask("set-volume", volume=volume, fields=fields)

    def set_instance(self, attributes, instance="i-0123456789abcdef0", **fields):
        """
        Changes members of DescribeInstances' Instance, e.g. {"BootMode": "uefi"}, and what is told
        elsewhere: `billing_products`, `marketplace_codes`, `uefi_data`.
        """
        self._ask("set-instance", instance_id=instance, attributes=attributes, fields=fields)

    def set_console(self, instance, text):
        """What GetConsoleOutput tells of it from now on."""
        self._ask("set-console", instance_id=instance, text=text)

    def power_off(self, instance, after=0.0):
        """It shuts itself down so many seconds after it has come to run."""
        self._ask("power-off", instance_id=instance, after=after)

    def set_image(self, image, attributes, others=()):
        """Members of DescribeImages' Image, and its mappings without a volume."""
        self._ask("set-image", image_id=image, attributes=attributes, others=list(others))

    def age_image(self, image, seconds):
        """As if it had been made so long ago."""
        self._ask("age-image", image=image, seconds=seconds)

    def set_snapshot(self, snapshot, **fields):
        """Its `state`, `progress`, `start_time`, `description`, `volume` (by id) or `tags`."""
        self._ask("set-snapshot", snapshot=snapshot, **fields)

    def fill(self, images=(), sets=()):
        """
        Things of an earlier time, of which filling.ENTRY shows what can be said: (ids of images, for
        each set the ids of its snapshots).
        """
        return self._ask("fill", images=list(images), sets=list(sets))

    def expire_credentials(self):
        self._ask("expire-credentials")

    def rotate_credentials(self):
        return self._ask("rotate-credentials")

    def forget_tokens(self):
        """Every token of the metadata service becomes invalid: GETs with it answer 401."""
        self._ask("forget-tokens")

    def drop_connections(self, listener="ec2"):
        """Closes what is open to a listener; how many there were."""
        return self._ask("drop-connections", listener=listener)

    # Its life

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        """Ends the server and removes what it made; may be called again."""
        if getattr(self, "_door", None):
            self._lines.close()
            self._door.close()
            self._door = None
        if getattr(self, "_process", None):
            _end(self._process)
            self._process.stdout.close()
            self._process = None
        if self._own_directory:
            shutil.rmtree(self._own_directory, ignore_errors=True)

    def _start(self, settings):
        config = pathlib.Path(settings["directory"]) / "cloud.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps(settings))
        tests = str(pathlib.Path(__file__).resolve().parent.parent)
        env = {**os.environ, "PYTHONPATH": tests, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen([PYTHON, "-m", "cloud", "--config", str(config)], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                start_new_session=True)

    def _read_ready(self):
        readable, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            raise CloudError("the simulated cloud did not start; its reason is on stderr")
        return json.loads(line)

    def _ask(self, op, **arguments):
        self._lines.write(json.dumps({"op": op, **arguments}) + "\n")
        self._lines.flush()
        answer = json.loads(self._lines.readline() or '{"error": "the simulated cloud has ended"}')
        if "error" in answer:
            raise CloudError(answer["error"])
        return answer["ok"]


def _end(process):
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

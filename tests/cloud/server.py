# SPDX-License-Identifier: Apache-2.0
"""The listeners of the simulated cloud, put together."""

import pathlib

from .autoscaling import AutoScaling
from .door import Door
from .ec2 import Ec2
from .imds import Imds
from .s3 import S3
from .ssm import Ssm
from .tls import Authority
from .web import Listener
from .world import World


class Server:
    def __init__(self, settings):
        pathlib.Path(settings["directory"]).mkdir(parents=True, exist_ok=True)
        self.world = World(settings)
        self.imds = Imds(self.world)
        self._listeners = {"imds": self._plain(self.imds)}
        self._listeners |= self._secure()
        self._door = Door(self)

    def ready(self):
        """Where everything is, for whoever started this."""
        addresses = {name: "%s:%d" % listener.address for name, listener in self._listeners.items()}
        return {
            "imds": f"http://{addresses['imds']}",
            "ec2": f"https://{addresses['ec2']}",
            "autoscaling": f"https://{addresses['autoscaling']}",
            "ssm": f"https://{addresses['ssm']}",
            "s3": f"https://{addresses['s3']}",
            "s3-by-name": f"https://s3.localhost:{self._listeners['s3'].address[1]}",
            "ec2-foreign-ca": f"https://{addresses['ec2-foreign-ca']}",
            "ec2-wrong-host": f"https://{addresses['ec2-wrong-host']}",
            "ca": str(self._authority.certificate),
            "door": list(self._door.address),
            "directory": self.world.settings["directory"],
        }

    def metadata_of(self, instance_id):
        """(host, port) of a metadata service as that instance sees it."""
        name = f"imds-{instance_id}"
        with self.world.lock:
            if instance_id not in self.world.instances:
                raise ValueError(f"there is no instance {instance_id}")
            if name not in self._listeners:
                service = Imds(self.world, instance_id)
                host = self.world.settings["imds_address"]
                self._listeners[name] = Listener((host, 0), service.handle, self._idle_seconds)
        return self._listeners[name].address

    def drop_connections(self, listener="ec2"):
        return self._listeners[listener].drop_connections()

    def close(self):
        self.world.stopping.set()
        for listener in self._listeners.values():
            listener.close()
        self._door.close()
        self.world.close()

    def _plain(self, service):
        address = self.world.settings["imds_address"], self.world.settings["imds_port"]
        return Listener(address, service.handle, self._idle_seconds)

    def _secure(self):
        """Each service, and EC2 certified by a CA that nobody trusts, and for another host."""
        settings = self.world.settings
        directory = pathlib.Path(settings["directory"])
        host = settings["address"]
        ec2 = Ec2(self.world)
        services = {"ec2": ec2, "autoscaling": AutoScaling(self.world), "ssm": Ssm(self.world),
                    "s3": S3(self.world)}
        names = [f"IP:{host}", "DNS:localhost", "DNS:s3.localhost", "DNS:*.s3.localhost"]
        names += [f"DNS:{name}.{settings['region']}.{settings['domain']}" for name in services]
        self._authority = Authority(directory, "simulated-ca")
        foreign = Authority(directory, "foreign-ca")
        proper = self._authority.server_context("services", names)
        contexts = {
            **dict.fromkeys(services, proper),
            "ec2-foreign-ca": foreign.server_context("ec2-foreign", names),
            "ec2-wrong-host": self._authority.server_context("ec2-wrong", ["DNS:other.example"]),
        }
        ports = {"ec2": settings["ec2_port"]}
        return {name: Listener((host, ports.get(name, 0)), services.get(name, ec2).handle,
                               self._idle_seconds, tls,
                               self.world.broken_body if name == "s3" else None)
                for name, tls in contexts.items()}

    def _idle_seconds(self):
        return self.world.knobs["keepalive_seconds"]

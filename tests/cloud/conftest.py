# SPDX-License-Identifier: Apache-2.0
"""A running cloud with a root and a data volume, and the clients that judge it."""

import json

import botocore.session
import pytest
from botocore.config import Config
from botocore.loaders import Loader

from cloud.account import ec2_client
from cloud.control import Cloud
from cloud.model import OWN_OVERLAY, merged
from cloud.raw import VERSION, ImdsClient

ROOT, DATA = "vol-0aaaaaaaaaaaaaaa1", "vol-0aaaaaaaaaaaaaaa2"
INSTANCE = "i-0123456789abcdef0"
VOLUMES = [{"id": ROOT, "device": "/dev/xvda", "size_bytes": 8 << 30,
            "delete_on_termination": True},
           {"id": DATA, "device": "/dev/sdf", "size_bytes": 1 << 20, "tags": {"role": "data"}}]


@pytest.fixture(scope="module")
def running():
    """One process for a module; `cloud` puts it back into its first state."""
    with Cloud(volumes=VOLUMES) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    knobs = running.knobs()
    yield running
    running.clear_faults()
    running.clear_calls()
    running.configure(**knobs)


@pytest.fixture
def ec2(cloud):
    return client(cloud)


@pytest.fixture
def newer_ec2(cloud, tmp_path):
    """botocore's client with the overlay in its model, as a newer botocore would have it."""
    folder = tmp_path / "models" / "ec2" / VERSION
    folder.mkdir(parents=True)
    model = merged(Loader().load_service_model("ec2", "service-2", VERSION),
                   json.loads(OWN_OVERLAY.read_text())["ec2"])
    (folder / "service-2.json").write_text(json.dumps(model))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(tmp_path / "models"))
    return client(cloud, session)


@pytest.fixture
def imds(cloud):
    return ImdsClient(cloud)


@pytest.fixture
def role(imds):
    """The role's credentials as the metadata service hands them out."""
    return imds.role()


def client(cloud, session=None):
    """Without retries."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    return ec2_client(cloud, session, config=config)

# SPDX-License-Identifier: Apache-2.0
"""A running cloud with a root and a data volume, and the clients that judge it."""

import pytest
from botocore.config import Config

from cloud.account import ec2_client, newer_session
from cloud.control import Cloud
from cloud.raw import ImdsClient

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
    with running.lent(empties=False) as cloud:
        yield cloud


@pytest.fixture
def ec2(cloud):
    return client(cloud)


@pytest.fixture
def newer_ec2(cloud, tmp_path):
    """botocore's client with the overlay in its model, as a newer botocore would have it."""
    return client(cloud, newer_session(tmp_path))


@pytest.fixture
def imds(cloud):
    return ImdsClient(cloud)


@pytest.fixture
def role(imds):
    """The role's credentials as the metadata service hands them out."""
    return imds.role()


def client(cloud, session=None):
    """Without retries."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=60)
    return ec2_client(cloud, session, config=config)

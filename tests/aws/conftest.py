# SPDX-License-Identifier: Apache-2.0
"""A simulated cloud and our client in front of it."""

import pytest

from aws.probe import Probe
from cloud.control import Cloud

INSTANCE = 'i-0123456789abcdef0'
ROOT, DATA = 'vol-0aaaaaaaaaaaaaaa1', 'vol-0aaaaaaaaaaaaaaa2'
VOLUMES = [{'id': ROOT, 'device': '/dev/xvda', 'size_bytes': 8 << 30},
           {'id': DATA, 'device': '/dev/sdf', 'size_bytes': 1 << 30, 'tags': {'role': 'data'}}]


@pytest.fixture(scope='module')
def running():
    """One process for a module; `cloud` puts it back into its first state."""
    with Cloud(volumes=VOLUMES) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent(empties=False) as cloud:
        yield cloud


@pytest.fixture
def start(build):
    """Starts probes and ends them with the test."""
    probes = []

    def start_probe(env):
        probes.append(Probe(build, env))
        return probes[-1]

    yield start_probe
    for probe in probes:
        if probe.process.poll() is None:
            status, errors = probe.stop()
            assert (status, errors) == (0, '')


@pytest.fixture
def probe(cloud, start):
    return start(cloud.env('static'))

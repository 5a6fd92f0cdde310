# SPDX-License-Identifier: Apache-2.0
"""One running instance for all tests, since a boot takes half a minute or so."""

import shutil
import tempfile
from pathlib import Path

import pytest

from lab.paths import scratch_folder
from vm.instance import Instance
from vm.load import SteadyLoad
from vm.site import Site


@pytest.fixture(scope="session")
def site():
    folder = Path(tempfile.mkdtemp(prefix="quiesced-site-", dir=scratch_folder()))
    site = None
    try:
        site = Site(folder)
        yield site
    finally:
        if site:
            site.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def running(site):
    """The first instance, with its data volume mounted at /data."""
    with Instance(site) as instance:
        instance.boot()
        instance.mount_data()
        yield instance


@pytest.fixture
def instance(running):
    with running.clean():
        yield running


@pytest.fixture(scope="module")
def steady_load(running):
    """What a host does beside being imaged; it ends with a boot."""
    with SteadyLoad(running) as load:
        yield load


@pytest.fixture
def load(steady_load):
    """The same, going on."""
    steady_load.resume()
    return steady_load

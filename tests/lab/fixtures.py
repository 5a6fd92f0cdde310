# SPDX-License-Identifier: Apache-2.0
"""What tests of the whole share: a place for disk images, and a lab that lives as long as a file of tests."""

import shutil
import tempfile
from pathlib import Path

import pytest

from lab.lab import Lab
from lab.paths import scratch_folder


@pytest.fixture
def scratch():
    """A folder for disk images, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quiesced-test-", dir=scratch_folder()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def module_lab(request):
    """
    An ext4 and an xfs volume; one lab for all tests of a file, since it takes a second to make. A
    file whose tests wait for the end of a freeze's budget has a BUDGET of its own.
    """
    with Lab(budget=getattr(request.module, "BUDGET", "10s")) as lab:
        yield lab


@pytest.fixture
def lab(module_lab):
    """The file's lab, in a state that does not depend on the tests before."""
    module_lab.recover()
    yield module_lab
    module_lab.recover()

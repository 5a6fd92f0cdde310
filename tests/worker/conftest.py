# SPDX-License-Identifier: Apache-2.0
import pytest

from lab.worker import Workplace


@pytest.fixture(scope="module")
def module_place():
    """A worker alone with a cloud; one for all tests of a file."""
    with Workplace() as place:
        yield place


@pytest.fixture
def place(module_place):
    yield module_place
    module_place.recover()

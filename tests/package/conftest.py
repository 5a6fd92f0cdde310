# SPDX-License-Identifier: Apache-2.0
import pytest

from package.deb import FOLDER, OUTPUT, Deb, built_deb
from package.root import cached_root


@pytest.fixture(scope="session")
def built():
    """(folder with what dpkg-buildpackage made, its output)."""
    built_deb()
    return FOLDER, OUTPUT.read_text()


@pytest.fixture(scope="session")
def deb(tmp_path_factory):
    return Deb(built_deb(), tmp_path_factory.mktemp("control") / "control")


@pytest.fixture(scope="session")
def root():
    return cached_root()

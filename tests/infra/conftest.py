"""What tests of the deployment share: one package, made once for all processes of a test run."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.infra import packaged
from tests.infra.packaged import Package, Unpacked


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package of staging, for this machine. Only to be read."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of the whole run; each worker has a folder of its own in it
    made = Package(folder / "package", packaged.stage())
    with (folder / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.folder / "manifest.json").exists():
            packaged.build(made.folder)
    return made


@pytest.fixture(scope="session")
def unpacked(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """The same, unpacked. Only to be read."""
    folder: Path = tmp_path_factory.mktemp("unpacked")
    return packaged.unpack(package, folder)

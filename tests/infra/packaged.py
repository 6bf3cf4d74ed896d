"""Packages for tests: of the working tree, for this machine's architecture and Python, so that they run here."""

import dataclasses
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.aws import package, stage_file, zips
from infra.aws.artifacts import LAYERS
from infra.aws.stage import Network, Stage
from infra.local.progress import Progress

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Package:
    """A folder as `make package` writes it: template.json, data.json, code.zip, layers/<name>.zip, manifest.json."""

    folder: Path
    stage: Stage

    def document(self, name: str) -> dict[str, Any]:
        """One of its JSON files: `template`, `data`, `manifest`."""
        document: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return document

    @property
    def code(self) -> Path:
        return self.folder / "code.zip"

    def layer(self, name: str) -> Path:
        return self.folder / "layers" / f"{name}.zip"


@dataclass(frozen=True)
class Unpacked:
    """A package as it lies on Lambda's disk: `task` is /var/task, `layers[name]` what that layer adds to /opt."""

    task: Path
    layers: dict[str, Path]


def stage(**changes: Any) -> Stage:
    """staging, for this machine."""
    return dataclasses.replace(stage_file.read("staging"), **{"architecture": ARCHITECTURE, "python": PYTHON} | changes)


def network(**changes: Any) -> Network:
    """A [network] of the stage."""
    return dataclasses.replace(Network(), **changes)


def build(folder: Path, **changes: Any) -> Package:
    """Package staging with changes to its fields: 2 s, where the layers are in `.build/cache`."""
    changed = stage(**changes)
    package.build(changed, folder, Progress(), package.BUILD / "cache")
    return Package(folder, changed)


def unpack(made: Package, folder: Path) -> Unpacked:
    """Unpack all of a package under `folder`."""
    zips.unpack(made.code, folder / "task")
    for name in LAYERS:
        zips.unpack(made.layer(name), folder / name)
    return Unpacked(folder / "task", {name: folder / name for name in LAYERS})

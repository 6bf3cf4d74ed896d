"""What lies on an execution environment's disk: the package of staging for this machine, unpacked as Lambda does it."""

import shutil
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.infra import packaged


@dataclass(frozen=True)
class Disk:
    """`task` is /var/task, `opt` /opt. `python` is the folder of an interpreter that has no package of its own."""

    task: Path
    opt: Path
    python: Path


def make(folder: Path, layers: Sequence[str] = (), adapter_layer: Path | None = None) -> Disk:
    """Unpack the package under `folder`, with those of its layers and the adapter's that are given."""
    if not (folder / "package").is_dir():
        packaged.unpack(packaged.build(folder / "package"), folder)
        venv.create(folder / "python", symlinks=True)
    opt = folder / "-".join(["opt", *(layers or ["empty"]), *(["adapter"] if adapter_layer else [])])
    opt.mkdir()
    for source in (*(folder / layer for layer in layers), adapter_layer):
        if source:
            shutil.copytree(source, opt, dirs_exist_ok=True)
    return Disk(folder / "task", opt, folder / "python" / "bin")

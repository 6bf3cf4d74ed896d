"""AWS Lambda Web Adapter, built from its crate: what its layer unpacks to /opt. Kept outside the clone, by version.

`python -m tests.lambda_runtime.adapter` builds it, so that no test waits for it.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CRATE = "lambda_web_adapter"
VERSION = "1.0.0-rc1"
"""The newest in the crates' registry; the layer that is deployed is of the same line."""
BUILT_WITHIN_S = 1200


class NoCargo(Exception):
    """The adapter is not built yet, and there is nothing to build it with."""


def cache_folder() -> Path:
    """Where built programs are kept: $XDG_CACHE_HOME/farebox or ~/.cache/farebox."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "farebox"


def is_built() -> bool:
    """Whether `layer` has nothing to build."""
    return _layer().is_dir()


def layer() -> Path:
    """A folder as the layer unpacks it: `bootstrap` and `extensions/lambda-adapter`; built at the first call.

    Cargo's progress goes to standard error. Raises NoCargo; RuntimeError where cargo cannot build it.
    """
    found = _layer()
    found.parent.mkdir(parents=True, exist_ok=True)
    with _lock(found.with_name(f"{found.name}.lock")):
        if not found.is_dir():
            _build(found)
    return found


def _layer() -> Path:
    return cache_folder() / f"lambda-adapter-{VERSION}"


def _build(target: Path) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise NoCargo(f"cargo is missing: it builds {CRATE} {VERSION}, the real Lambda Web Adapter")
    # Beside the target, so that it is put in place whole or not at all.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as folder:
        root, unpacked = Path(folder) / "cargo", Path(folder) / "layer"
        command = [cargo, "install", CRATE, "--version", VERSION, "--locked", "--root", str(root), "--no-track"]
        done = subprocess.run(command, timeout=BUILT_WITHIN_S, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"cargo could not build {CRATE} {VERSION}; what it says stands above")
        (unpacked / "extensions").mkdir(parents=True)
        shutil.copy2(root / "bin/lambda-adapter", unpacked / "extensions/lambda-adapter")
        shutil.copy2(_source() / "layer/bootstrap", unpacked / "bootstrap")
        (unpacked / "bootstrap").chmod(0o755)
        unpacked.rename(target)


def _source() -> Path:
    """Where cargo unpacked the crate that it has just built."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    return next((cargo_home / "registry/src").glob(f"*/{CRATE}-{VERSION}"))


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One builder at a time; the others wait for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Build it; where there is no cargo, say so, as the tests will."""
    try:
        print(f"Lambda Web Adapter {VERSION} is in {layer()}")
    except NoCargo as missing:
        print(f"NOT BUILT: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""Programs in Go that tests run beside ours, built from their own source once a version and machine."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

BUILD_TIMEOUT_S = 280


class Missing(Exception):
    """Something that this machine lacks: what, and what would help."""


def built(name: str, module: str, version: str) -> Path:
    """The program `name` of a module at a pinned version; Go checks its hash against the public checksum database.

    Raises Missing where there is no Go, or where it cannot be built.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farebox" / f"{name}-{version}"
    program = cache / name
    if program.exists():
        return program
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise Missing(f"there is no `go` to build {name} with (Debian: apt install golang-go)")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(go, f"{module}@{version}", cache / "making")
            (cache / "making" / name).rename(program)
    return program


def _build(go: str, module: str, folder: Path) -> None:
    own = {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false"}
    command, environment = [go, "install", module], os.environ | own
    try:
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{module} cannot be built here within {BUILD_TIMEOUT_S} s") from None
    if ran.returncode:
        raise Missing(f"{module} cannot be built here: {ran.stderr.strip()[-500:]}")

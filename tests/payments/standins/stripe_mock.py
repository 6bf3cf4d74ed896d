"""stripe-mock: Stripe's own server for tests, which checks what it is asked against Stripe's OpenAPI description.

It remembers nothing, and answers with examples. https://github.com/stripe/stripe-mock
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import stand

VERSION = "v0.203.0"
"""Pinned; Go checks its hash against the public checksum database. It describes the API of 2026-08-26."""
MODULE = f"github.com/stripe/stripe-mock@{VERSION}"
BUILD_TIMEOUT_S = 280
LISTENS = re.compile(r"Listening for HTTP at address: (127\.0\.0\.1:[0-9]+)")
KEY = "sk_test_123"


class Missing(Exception):
    """There is no stripe-mock here: why."""


def binary() -> Path:
    """stripe-mock, built once a version and machine: a quarter of a minute. Raises Missing where that cannot be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farebox" / f"stripe-mock-{VERSION}"
    built = cache / "stripe-mock"
    if built.exists():
        return built
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise Missing("there is no `go` to build stripe-mock with (Debian: apt install golang-go)")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            making = cache / "making"
            environment = os.environ | {
                "GOBIN": str(making),
                "CGO_ENABLED": "0",
                "GOFLAGS": "-trimpath -buildvcs=false",
            }
            command = [go, "install", MODULE]
            try:
                ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise Missing(f"stripe-mock cannot be built here within {BUILD_TIMEOUT_S} s") from None
            if ran.returncode:
                raise Missing(f"stripe-mock cannot be built here: {ran.stderr.strip()[-500:]}")
            (making / "stripe-mock").rename(built)
    return built


@contextlib.contextmanager
def stripe_mock(log: Path) -> Iterator[str]:
    """Its address, while it runs. Raises Missing."""
    command = [str(binary()), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        stand.wait_until(lambda: LISTENS.search(log.read_text()) or child.poll() is not None, "stripe-mock")
        found = LISTENS.search(log.read_text())
        assert found, log.read_text()
        yield f"http://{found[1]}"
    finally:
        stand.end(child)

"""Starting `make run` for a test, with ports and a folder of its own, and seeing what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from functions import settings
from infra.local.loopback import free_port
from tests.stand import ENDED_WITHIN_S, READY_WITHIN_S, ROOT, wait_until

SUPERVISOR = (sys.executable, "-m", "infra.local")
NONE: Mapping[str, str] = MappingProxyType({})
OWN = ("PORT", "LLAMA_PORT", "FAREBOX_LOCAL_DIR")


@dataclass(frozen=True)
class Run:
    """One run. `folder` is its `.local`; standard output and error are files beside it."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    base_url: str

    @property
    def output(self) -> str:
        return self.folder.with_suffix(".out").read_text()

    @property
    def errors(self) -> str:
        return self.folder.with_suffix(".err").read_text()

    @property
    def demo(self) -> dict[str, str]:
        """`base_url`, `api_key` and `admin_key` of `demo.json`."""
        found: dict[str, str] = json.loads((self.folder / "demo.json").read_text())
        return found

    def wait_until_ready(self) -> None:
        """Raises TimeoutError, and AssertionError with its last words when it ends instead."""
        line = f"ready {self.base_url}"
        wait_until(lambda: self.process.poll() is not None or line in self.output.splitlines(), line)
        assert self.process.poll() is None, self.errors

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=3 * ENDED_WITHIN_S)


def start(folder: Path, environ: Mapping[str, str] = NONE, command: tuple[str, ...] = SUPERVISOR) -> Run:
    """Start without waiting. Settings of whoever runs the tests do not count, `environ` does."""
    own = {"PORT": str(free_port()), "LLAMA_PORT": str(free_port()), "FAREBOX_LOCAL_DIR": str(folder)}
    own |= environ
    plain = {name: value for name, value in os.environ.items() if name not in (*settings.names(), *OWN)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".out").open("wb") as output, folder.with_suffix(".err").open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=plain | own, stdout=output, stderr=errors)
    return Run(process, folder, f"http://127.0.0.1:{own['PORT']}")


@contextmanager
def running(folder: Path, environ: Mapping[str, str] = NONE, command: tuple[str, ...] = SUPERVISOR) -> Iterator[Run]:
    """A run that is ready; ended afterwards, if the test has not."""
    run = start(folder, environ, command)
    try:
        run.wait_until_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.end()


def refused(folder: Path, environ: Mapping[str, str] = NONE, command: tuple[str, ...] = SUPERVISOR) -> str:
    """What a run that cannot start says on standard error; it must end with exit code 1 by itself."""
    run = start(folder, environ, command)
    try:
        assert run.process.wait(timeout=READY_WITHIN_S) == 1
    finally:
        run.process.kill()
    return run.errors


def processes_of(folder: Path) -> dict[int, str]:
    """Every process of the run in `folder`, and its command; known by the environment they share."""
    mark = f"FAREBOX_LOCAL_DIR={folder}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
    return found

"""The processes that `make run` starts, watches and ends. None is left running, however this one ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.local import launch
from infra.local.progress import Progress

STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
LAST_LINE_BYTES = 4096


class Failed(Exception):
    """`make run` cannot go on. The message is one line that says what to do."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM came."""


@dataclass(frozen=True)
class Child:
    """One process and where it writes. `name` is how messages call it."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


class Children:
    """A context: what was started in it is ended when it is left, the last first.

    `keep_open` is a file descriptor that every child holds open, so that a lock on it lasts until all have ended.
    """

    def __init__(self, logs: Path, progress: Progress, keep_open: int) -> None:
        self._logs = logs
        self._progress = progress
        self._keep_open = keep_open
        self._running: list[Child] = []
        self._stop_asked = False

    def ask_to_stop(self, *_: object) -> None:
        """A signal handler. It only notes: an exception in the middle of a start would lose a child."""
        self._stop_asked = True

    def start(self, name: str, arguments: list[str], environ: Mapping[str, str]) -> Child:
        """Run Python with `arguments` in a session of its own, which keeps the terminal's Ctrl-C from it."""
        log = self._logs / f"{name.lower().replace(' ', '-')}.log"
        # -I -S: the launcher needs nothing of the environment's packages, and starts twice as fast.
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*launcher, sys.executable, *arguments],
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._keep_open,),
            )
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def run(self, name: str, arguments: list[str], environ: Mapping[str, str], timeout_s: float) -> None:
        """Start, and wait until it ends. Raises Failed if it ends badly or not in time."""
        child = self.start(name, arguments, environ)
        late = f"{name} did not end in {timeout_s:.0f} s: see {child.log}"
        self.wait(lambda: child.process.poll() == 0, timeout_s, late)
        self._running.remove(child)

    def wait(self, ready: Callable[[], bool], timeout_s: float, failure: str) -> None:
        """Until `ready()`. Raises Failed(failure) after the time, Failed when a child ends, Stopped when asked to."""
        deadline_s = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline_s:
                raise Failed(failure)
            self._progress.tick()
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raises Stopped when asked to stop, and Failed for the first child that has ended."""
        if self._stop_asked:
            raise Stopped
        for child in self._running:
            code = child.process.poll()
            if code is not None:
                how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise Failed(f"{child.name} {how}: {_last_line(child.log)} (its log: {child.log})")

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        while self._running:
            child = self._running.pop()
            if child.process.poll() is None:
                with self._progress.step(f"stopping {child.name}"):
                    self._end(child)

    def _end(self, child: Child) -> None:
        child.process.terminate()
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while child.process.poll() is None and time.monotonic() < deadline_s:
            self._progress.tick()
            time.sleep(POLL_S)
        if child.process.poll() is None:
            # Its session is its process group: this reaches what it started itself, too.
            os.killpg(child.process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # the others must still be ended
                child.process.wait(timeout=STOP_TIMEOUT_S)


def _last_line(log: Path) -> str:
    """The last words of a log, fit for one line of a terminal."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_LINE_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return "".join(c for c in said[-1] if c.isprintable())[:300] if said else "it said nothing"

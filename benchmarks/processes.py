"""Processes on fixed cores: started, watched and ended by their own ids, and what /proc says of them (Linux only)."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
READY_TIMEOUT_S = 30
END_TIMEOUT_S = 5
POLL_S = 0.002
LOG_TAIL_CHARACTERS = 2000


class BenchError(Exception):
    """Something did not run, or an answer was wrong: the figures would mean nothing."""


@dataclass(frozen=True)
class Running:
    """A started process. `started_s` is `time.perf_counter()` just before it was."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    started_s: float

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]

    def pids(self) -> list[int]:
        """The process and everything it started."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu_s(self) -> float:
        """CPU seconds used so far, in user and kernel mode, counted in ticks of TICK_S."""
        ticks = 0
        for pid in self.pids():
            # The command's name stands in brackets and may hold spaces: fields count from behind it.
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * TICK_S

    def rss_mb(self) -> float:
        """Resident memory in MiB."""
        lines = [line for pid in self.pids() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Processes:
    """What this run started. Leaving the `with` block ends all of it, in reverse order."""

    def __init__(self, directory: Path, own_core: int) -> None:
        self.directory, self.own_core = directory, own_core
        self.running: list[Running] = []
        os.sched_setaffinity(0, {own_core})

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for running in reversed(self.running.copy()):
            self.end(running)

    def start(self, name: str, module: str, *arguments: str, env: Mapping[str, str], core: int) -> Running:
        """`python -m module arguments` on `core`, with `env` and nothing of this process's own environment but PATH.

        It runs in a scratch directory, so that a developer's `.env` does not sway the figures.
        """
        log = self.directory / f"{len(self.running)}-{name}.log"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(self.directory), **env}
        os.sched_setaffinity(0, {core})  # a child inherits it, so it is on its core from its first instruction
        try:
            started_s = time.perf_counter()
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    env=environment,
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the others in order
                )
        finally:
            os.sched_setaffinity(0, {self.own_core})
        running = Running(name, process, log, started_s)
        self.running.append(running)
        return running

    def end(self, running: Running) -> None:
        """Terminate it and what it started; kill what is left after END_TIMEOUT_S."""
        self.running.remove(running)
        if running.process.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(running.process.pid, number)  # its own group: see start_new_session
                running.process.wait(END_TIMEOUT_S)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


async def ready(session: aiohttp.ClientSession, running: Running, url: str, status: int = 200) -> float:
    """Seconds from the start of the process to the first `status` of `url`. Raises BenchError if that never comes."""
    while (waited_s := time.perf_counter() - running.started_s) < READY_TIMEOUT_S:
        if running.process.poll() is not None:
            break
        try:
            async with session.get(url) as response:
                if response.status == status:
                    return time.perf_counter() - running.started_s
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(POLL_S)
    raise BenchError(f"{running.name} is not ready after {waited_s:.1f} s. Its log ends:\n{running.log_tail()}")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

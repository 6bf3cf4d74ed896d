"""Network namespaces of Linux: machines of a test's own, with wires between them, on one kernel.

A namespace lives as long as the process that holds it. Its mounts are its own too, for the path of WireGuard's
sockets is fixed.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.go_tool import Missing

CLONE_NEWNET = 0x40000000
HOLD = "mount -t tmpfs tmpfs /run && ip link set lo up && echo held && exec cat"
TOOLS = ("ip", "unshare", "nsenter", "mount")


def check() -> None:
    """Raise Missing where namespaces cannot be made here."""
    for tool in TOOLS:
        if not shutil.which(tool):
            raise Missing(f"there is no `{tool}` (Debian: apt install iproute2 util-linux mount)")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Missing("/dev/net/tun cannot be opened")
    how = "run as root, or under `unshare --user --map-root-user --net`"
    tried = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", HOLD], capture_output=True, input=b"")
    if tried.returncode:
        raise Missing(f"no network namespace can be made ({tried.stderr.decode().strip()}): {how}")
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _set_namespace(home)
    except OSError as error:
        raise Missing(f"the way back from a network namespace is barred ({error}): {how}") from None
    finally:
        os.close(home)


class Namespace:
    """One machine. Commands run in it by `run`, this thread and what it starts by `inside`."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.holder.stdout
        assert self.holder.stdout.readline() == b"held\n"

    def enter(self) -> list[str]:
        """What stands before a command that runs in it, its mounts included."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--mount"]

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command in it; gives what it wrote. Raises AssertionError with its words if it fails."""
        ran = subprocess.run([*self.enter(), *command], capture_output=True, text=True, input=text)
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        return ran.stdout

    def path(self, path: str) -> Path:
        """A path of its own mounts, seen from here."""
        return Path(f"/proc/{self.holder.pid}/root{path}")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Put this thread, and every process it starts meanwhile, on that machine's network."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
        try:
            _set_namespace(there)
            try:
                yield
            finally:
                _set_namespace(home)
        finally:
            os.close(home)
            os.close(there)

    def end(self) -> None:
        """Let it go: its links go with it, once its last process ended."""
        assert self.holder.stdin
        assert self.holder.stdout
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait(timeout=10)


def _set_namespace(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def wire(one: Namespace, other: Namespace, name: str, addresses: tuple[str, str]) -> None:
    """An Ethernet cable between two machines, its plugs called `name` at both, with an address at each."""
    one.run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", str(other.holder.pid))
    for machine, address in zip((one, other), addresses, strict=True):
        machine.run("ip", "address", "add", address, "dev", name)
        machine.run("ip", "link", "set", name, "up")

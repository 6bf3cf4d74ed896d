"""Runs a command that ends when its parent does: `launch.py PARENT_PID COMMAND…`.

A killed supervisor can end nobody. On Linux the kernel does it: it sends SIGTERM to whoever asked for it (prctl,
PR_SET_PDEATHSIG) when the parent's *thread* dies, and the wish outlives exec. A small program of its own asks, because
code between fork and exec in the supervisor can deadlock. Elsewhere than on Linux the command is just run.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(parent: int) -> bool:
    """Ask for SIGTERM at the end of process `parent`; False if it is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if end_with_parent(parent):
        os.execv(command[0], command)


if __name__ == "__main__":
    main()

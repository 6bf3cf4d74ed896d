"""The scripts of examples, run as their READMEs say."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

WITHIN_S = 60


@dataclass
class Run:
    """How a script ended, and what it said."""

    code: int
    out: str
    err: str


def run(arguments: list[str], environ: dict[str, str], folder: Path) -> Run:
    """Run a script to its end, with these variables beside the machine's own."""
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert "FAREBOX_KEY" not in environ or environ["FAREBOX_KEY"] not in done.stdout + done.stderr
    return Run(done.returncode, done.stdout, done.stderr)

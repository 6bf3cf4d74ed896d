"""Clones of the working tree: what a commit of it would be, so that packaging can be tried on commits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra.packaged import ARCHITECTURE, PYTHON

ROOT = Path(__file__).parent.parent.parent
COMMIT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "t"), ("EMAIL", "t@example.com"), ("DATE", "2026-01-01T00:00:00Z"))
}


def environment(**more: str) -> dict[str, str]:
    """This process's, but for what git would take for the repository that the tests run in."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | more


def commit(folder: Path) -> Path:
    """A repository with one commit: the tracked files, as they are in the working tree."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True, env=environment(**COMMIT))
    return folder


def clone(repository: Path, folder: Path) -> Path:
    """A clone of it."""
    words = ["git", "clone", "--quiet", str(repository), str(folder)]
    subprocess.run(words, check=True, env=environment())
    return folder


def package(folder: Path, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
    """Start the packaging of staging in a clone, for this machine."""
    command = [sys.executable, "-m", "infra.aws.package", "--stage", "staging", *arguments]
    if "--architecture" not in arguments:
        command += ["--architecture", ARCHITECTURE, "--python", PYTHON]
    umask = int(environ.pop("UMASK", "022"), 8)
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=umask,
    )


def ended(process: "subprocess.Popen[str]") -> str:
    """What it said, once it has ended well."""
    told, _ = process.communicate(timeout=240)
    assert process.returncode == 0, told
    return told

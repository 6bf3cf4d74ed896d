"""The source of a package: a copy of what git tracks, and nothing that merely lies beside it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.aws.artifacts import PackageFailed

FOLDER = "functions"
PACKAGED = ("app.py", FOLDER, ".chalice/policy-api.json")
README = "README.md"


@dataclass(frozen=True)
class Version:
    """What is packaged: a commit, and the paths in which the working tree differs from it."""

    commit: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.commit}-dirty" if self.changes else self.commit


def version(root: Path) -> Version:
    """Of the working tree at `root`. Raises PackageFailed where that is no clone with a commit."""
    commit = _git(root, "rev-parse", "HEAD").strip()
    # Unlike its short form, this one quotes nothing and ends each entry with a NUL.
    changes = [line[3:] for line in _git(root, "status", "--porcelain", "-z", "--no-renames").split("\0") if line]
    return Version(commit, tuple(changes))


def untracked(root: Path) -> list[str]:
    """Files among what is packaged that git does not track: they are left out."""
    return _listed(root, "--others", "--exclude-standard")


def copy(root: Path, into: Path) -> None:
    """What Chalice packages: app.py, and functions/ as real files under vendor/, as they are in the working tree."""
    for name in _listed(root, "--cached"):
        source = root / name
        if not source.is_file() or source.name == README:
            continue  # deleted and not committed yet, or for those who read here
        target = into / "vendor" / name if name.startswith(f"{FOLDER}/") else into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    # The packages come in layers.
    (into / "requirements.txt").touch()


def _listed(root: Path, *options: str) -> list[str]:
    return [name for name in _git(root, "ls-files", "-z", *options, "--", *PACKAGED).split("\0") if name]


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PackageFailed("git is not installed; what is packaged is what git tracks") from None
    if done.returncode:
        raise PackageFailed(f"{root} is no clone that can be packaged: {done.stderr.strip()}")
    return done.stdout

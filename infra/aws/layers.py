"""Lambda layers: pinned and hashed wheels for another machine than this one, and only what runs of them.

A layer's zip has everything under `python/`, which Lambda unpacks to /opt/python. It depends on its requirement file,
the architecture, the version of Python that it is for and of the one that compiled it; on no path, date or installer.
"""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from infra.aws import bytecode, zips
from infra.aws.artifacts import BESIDE, PackageFailed
from infra.aws.bytecode import Interpreter
from infra.local.progress import Progress

PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Lambda's Python 3.12 and later run on Amazon Linux 2023, with glibc 2.34."""

SERVICES = ("dynamodb", "sesv2", "sts")
"""What botocore is asked for: PynamoDB's tables, mail, and sts, which its sources of credentials may ask."""
DATA = ("botocore/data/", "boto3/data/")

PIN = re.compile(r"^([a-z0-9-]+)==([^ \\\n]+)", re.MULTILINE)

# What an installer notes of itself: its name, its paths, hashes of files that are then left out.
INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
# Sources of what is compiled, types for checkers, bytecode that an installer made.
SUFFIXES = (".c", ".h", ".pxd", ".pxi", ".pyc", ".pyi", ".pyx", "py.typed")
FOLDERS: tuple[str, ...] = (
    *("bin/", ".lock", "boto3/examples/", "aws_lambda_powertools/event_handler/openapi/swagger_ui/"),
    # Words for type checkers alone, Stripe's other kind of events, and Polar's API as it is not asked.
    *("stripe/params/", "stripe/events/", "polar/v2026_04/", "polar/v2027_01/"),
)
EXAMPLES = "examples-1.json"

POLL_S = 0.1
ROOT = "/opt"
MADE_BY = (Path(__file__), Path(bytecode.__file__), bytecode.SCRIPT, Path(zips.__file__))
"""A change in one of these files makes other layers."""


@dataclass(frozen=True)
class Target:
    """The machine that layers are for."""

    architecture: str
    python: str
    compiler: Interpreter | None
    """Makes the bytecode; None: there is none."""


def build(requirements: Path, target: Target, cache: Path, progress: Progress) -> Path:
    """The zip of a layer in `cache`, made if it is not there. Raises PackageFailed.

    What is pinned for the layer that it always stands beside is left out.
    """
    name, architecture, python = requirements.stem, target.architecture, target.python
    beside = requirements.with_name(f"{BESIDE[name]}.txt").read_text() if name in BESIDE else ""
    inputs = [requirements.read_bytes(), beside.encode(), *(path.read_bytes() for path in MADE_BY)]
    inputs += [text.encode() for text in (architecture, python, target.compiler.version if target.compiler else "")]
    digest = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in inputs)).hexdigest()
    zipped = cache / f"{name}-{architecture}-{python}-{digest[:16]}.zip"
    if not zipped.exists():
        with tempfile.TemporaryDirectory(prefix="farebox-layer-") as folder:
            with progress.step(f"layer {name}: wheels for Python {python} on {architecture}"):
                _install(requirements, architecture, python, Path(folder), progress)
            with progress.step(f"layer {name}: compiling and zipping"):
                files = _kept(Path(folder), _files_of(Path(folder), PIN.findall(beside)), progress)
                if target.compiler:
                    files |= bytecode.of(files, target.compiler, ROOT)
                zips.put(zipped, zips.made(files))
    return zipped


def _install(requirements: Path, architecture: str, python: str, folder: Path, progress: Progress) -> None:
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    command = [str(uv) if uv.exists() else shutil.which("uv") or "uv", "pip", "install", "--no-config", "--quiet"]
    command += ["--target", str(folder), "--python", sys.executable, "--python-version", python]
    command += ["--python-platform", PLATFORMS[architecture], "--only-binary", ":all:", "--require-hashes"]
    command += ["--link-mode", "copy", "--requirements", str(requirements)]
    with tempfile.TemporaryFile("w+") as words:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        except FileNotFoundError:
            raise PackageFailed("uv is not installed; requirements/dev.txt has it") from None
        try:
            while process.poll() is None:
                try:
                    process.wait(POLL_S)
                except subprocess.TimeoutExpired:
                    progress.tick()
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            words.seek(0)
            raise PackageFailed(f"{requirements} cannot be installed for {architecture}: {words.read().strip()}")


def _files_of(folder: Path, pins: Sequence[tuple[str, str]]) -> set[str]:
    """What was installed of these packages, where it was in just these versions."""
    files: set[str] = set()
    for name, version in pins:
        record = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "RECORD"
        if record.exists():
            files |= {row[0] for row in csv.reader(record.read_text().splitlines())}
    return files


def _kept(folder: Path, elsewhere: Set[str], progress: Progress) -> dict[str, bytes]:
    files = {}
    for parent, _, names in os.walk(folder):
        progress.tick()
        for path in (Path(parent) / name for name in names):
            name = path.relative_to(folder).as_posix()
            if name not in elsewhere and _is_kept(name):
                files[f"python/{name}"] = path.read_bytes()
    return files


def _is_kept(name: str) -> bool:
    """Whether a file of site-packages is in the layer. Licences and metadata are, whatever they weigh."""
    if name.startswith(FOLDERS) or name.endswith((*SUFFIXES, EXAMPLES)) or "/_testcapi." in name:
        return False
    if ".dist-info/" in name:
        return name.rpartition("/")[2] not in INSTALLERS
    data = next((name.removeprefix(data) for data in DATA if name.startswith(data)), "")
    # Of botocore's data for 400 services, only that of ours; what stands beside the services' folders is for all.
    return "/" not in data or data.startswith(tuple(f"{service}/" for service in SERVICES))

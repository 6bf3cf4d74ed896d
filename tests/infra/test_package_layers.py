"""Layers: pinned wheels for the machine that they are for, and no more of them than runs."""

import dataclasses
import re
from pathlib import Path

import pytest

from infra.aws import layers, stage_file, zips
from infra.aws import package as package_module
from infra.aws.artifacts import BESIDE, LAYERS, PackageFailed
from infra.aws.bytecode import interpreter
from infra.aws.layers import Target
from infra.local.progress import Progress
from tests.infra.clones import ROOT
from tests.infra.packaged import PYTHON, Package

PIN = re.compile(r"^([a-z0-9-]+)==([^ \\\n]+)", re.MULTILINE)
OF_CPYTHON = r"|(implementation_name != 'PyPy' and )?platform_python_implementation != 'PyPy'"
"""The one marker that may stand here: Lambda's Python is the same on every machine."""
ELF_MACHINE = {"arm64": 183, "x86_64": 62}
"""At byte 18 of a library: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""
HERE = interpreter(PYTHON)
ARM = Target("arm64", "3.13", None)
COMPILED = {"rest": {"cryptography", "_cffi_backend"}, "payments": {"charset_normalizer"}}
WITHOUT_LICENSE_FILE = {"standardwebhooks"}
"""It names its licence in its metadata only: MIT."""
GLIBC_MAX = (2, 34)
"""Of Amazon Linux 2023."""


def requirements(name: str) -> str:
    return (ROOT / "layers" / f"{name}.txt").read_text()


def entries(name: str) -> list[str]:
    """Each requirement with its hashes."""
    return [entry for entry in re.split(r"\n(?=[a-z])", requirements(name)) if not entry.startswith("#")]


def carried(name: str) -> dict[str, str]:
    """What a layer holds of its requirements: not what it is never without."""
    beside = dict(PIN.findall(requirements(BESIDE[name]))) if name in BESIDE else {}
    return {each: version for each, version in PIN.findall(requirements(name)) if each not in beside}


def distributions(zipped: dict[str, bytes]) -> dict[str, str]:
    """Names and versions of what is installed in a layer."""
    found = [re.fullmatch(r"python/([^/]+)-([^/-]+)\.dist-info/METADATA", name) for name in zipped]
    return {match[1].replace("_", "-").lower(): match[2] for match in found if match}


@pytest.mark.parametrize("name", LAYERS)
def test_requirements_are_pinned_and_hashed(name: str) -> None:
    """Every requirement has one version, for every machine alike, and hashes; each as in requirements.txt."""
    assert entries(name)
    for entry in entries(name):
        assert PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry
        marker = entry.split("\\", 1)[0].partition(";")[2]
        assert re.fullmatch(OF_CPYTHON, marker.strip()), "a marker: not every machine would have it"
    pins = dict(PIN.findall(requirements(name)))
    assert pins.items() <= dict(PIN.findall((ROOT / "requirements.txt").read_text())).items()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_its_requirements(package: Package, name: str) -> None:
    """Every pinned package is in it with its version, under python/, with its metadata and licence; nothing else is.

    What the layer that it stands beside has already is left out, to the last file.
    """
    zipped = zips.contents(package.layer(name))
    assert distributions(zipped) == carried(name)
    assert {part.split("/")[0] for part in zipped} == {"python"}
    licensed = {part.split("/")[1] for part in zipped if re.search(r"dist-info/.*(LICEN[SC]E|NOTICE|COPYING)", part)}
    named = {each.removesuffix(".dist-info").rpartition("-")[0].replace("_", "-").lower() for each in licensed}
    assert set(distributions(zipped)) - named <= WITHOUT_LICENSE_FILE, "what packages say of their licences stays"
    if beside := BESIDE.get(name):
        assert not set(zipped) & set(zips.contents(package.layer(beside)))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_only_what_runs(package: Package, name: str) -> None:
    """Nothing that an installer noted, or that only a compiler or type checker reads."""
    parts = [part.removeprefix("python/") for part in zips.contents(package.layer(name))]
    unwanted = r"\.(pyi|pyx|pxd|c)$|^bin/|^\.lock|/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
    assert not [part for part in parts if re.search(unwanted, part)]
    services = {part.split("/")[2] for part in parts if re.match(r"botocore/data/.+/", part)}
    assert services == (set(layers.SERVICES) if name == "rest" else set())


def test_botocore_keeps_what_every_client_reads(package: Package) -> None:
    """Endpoints, partitions, retries and defaults are for all services."""
    parts = set(zips.contents(package.layer("rest")))
    needed = ("endpoints", "partitions", "_retry", "sdk-default-configuration")
    assert {f"python/botocore/data/{name}.json" for name in needed} <= parts
    assert "python/botocore/cacert.pem" in parts


@pytest.mark.parametrize("name", LAYERS)
def test_wheels_are_for_lambda(package: Package, name: str) -> None:
    """As deployed, for arm64: every library is of that machine and Python, for its glibc; versions are the same."""
    stage = stage_file.read("staging")
    target = Target(stage.architecture, stage.python, interpreter(stage.python))
    path = layers.build(ROOT / f"layers/{name}.txt", target, package_module.BUILD / "cache", Progress())
    zipped = zips.contents(path)
    libraries = {part: data for part, data in zipped.items() if ".so" in Path(part).suffixes}
    compiled = {part.split("/")[1].partition(".")[0] for part in libraries}
    assert COMPILED.get(name, compiled) == compiled, "what else these layers have is Python"
    for part, data in libraries.items():
        assert f".cpython-{stage.python.replace('.', '')}-aarch64-" in part or part.endswith(".abi3.so")
        assert int.from_bytes(data[18:20], "little") == ELF_MACHINE[stage.architecture]
        versions = [tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", data)]
        assert max(versions, default=(0, 0)) <= GLIBC_MAX
    assert distributions(zipped) == distributions(zips.contents(package.layer(name)))


def test_a_package_without_its_hash_is_refused(tmp_path: Path) -> None:
    """What is installed is what was looked at when the file was compiled: another wheel stops the packaging."""
    wrong = re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, requirements("rest"))
    (tmp_path / "rest.txt").write_text(wrong)
    with pytest.raises(PackageFailed, match=r"(?s)rest\.txt cannot be installed for arm64: .*[Hh]ash"):
        layers.build(tmp_path / "rest.txt", ARM, tmp_path, Progress())
    (tmp_path / "rest.txt").write_text("six==1.17.0\n")
    with pytest.raises(PackageFailed, match="hash"):
        layers.build(tmp_path / "rest.txt", ARM, tmp_path, Progress())
    assert not list(tmp_path.glob("*.zip"))


def test_layers_that_stand_together_agree() -> None:
    """What both name is of one version, so leaving it out of one changes nothing."""
    for name, beside in BESIDE.items():
        there = dict(PIN.findall(requirements(beside)))
        shared = {each: version for each, version in PIN.findall(requirements(name)) if each in there}
        assert shared
        assert shared.items() <= there.items()


def test_a_missing_dependency_is_refused(tmp_path: Path) -> None:
    """The file must be whole: what a package needs is in it, or the layer is not made."""
    (tmp_path / "rest.txt").write_text("\n".join(e for e in entries("rest") if not e.startswith("jmespath==")))
    with pytest.raises(PackageFailed, match="jmespath"):
        layers.build(tmp_path / "rest.txt", ARM, tmp_path, Progress())


def test_a_layer_is_made_once(tmp_path: Path) -> None:
    """The second packaging takes it from the cache; another file, architecture, Python or compiler is another layer."""
    (tmp_path / "six.txt").write_text("\n".join(entry for entry in entries("rest") if entry.startswith("six==")))
    made = layers.build(tmp_path / "six.txt", ARM, tmp_path, Progress())
    when = made.stat().st_mtime_ns
    again = layers.build(tmp_path / "six.txt", ARM, tmp_path, Progress())
    assert (again, again.stat().st_mtime_ns) == (made, when)
    others = {
        layers.build(tmp_path / "six.txt", dataclasses.replace(ARM, architecture="x86_64"), tmp_path, Progress()),
        layers.build(tmp_path / "six.txt", dataclasses.replace(ARM, python="3.12"), tmp_path, Progress()),
    }
    (tmp_path / "six.txt").write_text((tmp_path / "six.txt").read_text() + "\n# changed\n")
    others.add(layers.build(tmp_path / "six.txt", dataclasses.replace(ARM, compiler=HERE), tmp_path, Progress()))
    others.add(layers.build(tmp_path / "six.txt", ARM, tmp_path, Progress()))
    assert len(others | {made}) == 5

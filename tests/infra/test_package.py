"""Packages: the same commit gives the same bytes, with nothing in them but what runs."""

import json
import os
import platform
import re
import shutil
import zipfile
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from infra.aws import boundary, zips
from infra.aws import package as package_module
from infra.aws.artifacts import LAYERS, PackageFailed
from infra.aws.package import MIB, Zip
from tests.infra import clones, packaged, snapshots
from tests.infra.clones import ROOT
from tests.infra.packaged import Package

STRAY = ("functions/stray.py", "functions/__pycache__/stray.pyc", ".env", ".local/secret", "app.pyc", "notes.txt")
SIZES_MB_MAX = {"code": (1.6, 4.1), "stream": (17, 56), "rest": (12, 38), "payments": (6, 26)}
"""Zipped and unzipped. What grows beyond is looked at before it is deployed."""


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose commit is the working tree."""
    return clones.commit(tmp_path_factory.mktemp("commit") / "farebox")


def test_a_commit_has_one_package(commit: Path, tmp_path: Path) -> None:
    """Packaged from two clones, at other paths, dates, umasks, hash seeds and time zones: every byte is the same."""
    first, second = clones.clone(commit, tmp_path / "a"), clones.clone(commit, tmp_path / "somewhere else" / "b")
    for path in second.rglob("*.py"):
        os.utime(path, (0, 0))
    running = [
        clones.package(first, PYTHONHASHSEED="1", TZ="UTC"),
        clones.package(second, PYTHONHASHSEED="2", TZ="Asia/Tokyo", UMASK="077", HASH_SECRET="", AWS_REGION="x"),
    ]
    for process in running:
        told = clones.ended(process)
        assert "WARNING" not in told
    one, other = (files(clone / ".build" / "staging") for clone in (first, second))
    assert set(one) == {
        "code.zip",
        "data.json",
        "layers/payments.zip",
        "layers/rest.zip",
        "layers/stream.zip",
        "manifest.json",
        "template.json",
    }
    assert [name for name in one if one[name] != other.get(name)] == []
    assert set(one) == set(other)
    assert re.fullmatch("[0-9a-f]{40}", json.loads(one["manifest.json"])["version"])


def test_what_lies_beside_the_source_stays_out_and_is_told(commit: Path, tmp_path: Path, package: Package) -> None:
    """A file that git does not track never gets in; a tracked one does as it is; the version then says `-dirty`."""
    clone = clones.clone(commit, tmp_path / "clone")
    # Its layers are those of the working tree: they need not be made again.
    shutil.copytree(package_module.BUILD / "cache", clone / ".build" / "cache")
    for name in STRAY:
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text("stray")
    with (clone / "functions/money.py").open("a") as source:
        source.write("# changed\n")
    (clone / "functions/maintenance.py").unlink()
    told = clones.ended(clones.package(clone))
    code = zips.contents(clone / ".build/staging/code.zip")
    assert not [name for name in code if "stray" in name or name in STRAY]
    assert code["functions/money.py"].endswith(b"# changed\n")
    gone = {name for name in set(zips.contents(package.code)) - set(code) if name.endswith(".py")}
    assert gone == {"functions/maintenance.py"}
    manifest = json.loads((clone / ".build/staging/manifest.json").read_text())
    assert manifest["version"].endswith("-dirty")
    assert "WARNING: the working tree is not the commit" in told
    assert "    functions/money.py\n" in told
    assert "WARNING: functions/stray.py is left out" in told


def test_the_files_of_the_code_are_known(package: Package) -> None:
    """Case 36: the files of the snapshot, with their modes. `python -m tests.infra.snapshots` writes it again."""
    assert snapshots.listed(package.code) == (snapshots.FOLDER / "zip.txt").read_text()


def test_the_code_is_what_runs() -> None:
    """The snapshot itself: shell scripts can be executed, all else cannot; Python, what the gateway tells
    of itself, and no tests, caches or pages."""
    lines = (snapshots.FOLDER / "zip.txt").read_text().splitlines()
    modes = {name: mode for mode, name in (line.split(" ") for line in lines)}
    assert list(modes) == sorted(modes)
    assert {name: mode for name, mode in modes.items() if mode != "644"} == {"functions/stream.sh": "755"}
    assert {name.partition("/")[0] for name in modes} == {"app.py", "chalice", "functions"}
    assert {Path(name).suffix for name in modes if not name.startswith("functions/published/")} == {".py", ".sh"}


@pytest.mark.parametrize("name", ["code", *LAYERS])
def test_a_zip_says_no_more_than_its_files(package: Package, name: str) -> None:
    """One date, sorted names, two modes: nothing of the machine that made it."""
    path = package.code if name == "code" else package.layer(name)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted({entry.filename for entry in entries})
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {(entry.create_system, entry.extra, entry.comment) for entry in entries} == {(3, b"", b"")}
    for entry in entries:
        assert entry.external_attr >> 16 == (0o100755 if entry.filename.endswith(".sh") else 0o100644)


@pytest.mark.parametrize("name", ["code", *LAYERS])
def test_every_module_has_its_bytecode(package: Package, name: str) -> None:
    """Of the Python that the package is for, each beside its source; nothing is compiled at a cold start."""
    parts = zips.contents(package.code if name == "code" else package.layer(name))
    bytecode = {part for part in parts if part.endswith(".pyc")}
    assert {cache_from_source(part) for part in parts if part.endswith(".py")} == bytecode
    assert {parts[part][:4] for part in bytecode} == {MAGIC_NUMBER}
    assert package.document("manifest")["compiled_by"] == platform.python_version()


@pytest.mark.parametrize("name", ["code", *LAYERS])
def test_sizes_are_bounded(package: Package, name: str) -> None:
    """A dependency that brings megabytes is noticed here, not as a slow start."""
    size = package.document("manifest")["zips"][name]
    zipped, unzipped = SIZES_MB_MAX[name]
    assert size["zipped_bytes"] < zipped * MIB
    assert size["unzipped_bytes"] < unzipped * MIB


def test_the_manifest_is_the_package(package: Package) -> None:
    """Keys are the zips' own hashes, sizes are theirs, and the template names the same keys in the same bucket."""
    manifest, template = package.document("manifest"), package.document("template")
    for name, each in manifest["zips"].items():
        path = package.folder / each["file"]
        assert each["key"].removesuffix(".zip").endswith(zips.sha256(path))
        assert each["zipped_bytes"] == path.stat().st_size
        assert each["unzipped_bytes"] == sum(map(len, zips.contents(path).values()))
        assert each["key"] in json.dumps(template), name
    resources = template["Resources"]
    code = {"Bucket": manifest["bucket"], "Key": manifest["zips"]["code"]["key"]}
    assert resources["APIHandler"]["Properties"]["CodeUri"] == code
    assert manifest["bucket"] == {"Fn::Sub": "farebox-staging-artifacts-${AWS::AccountId}-${AWS::Region}"}
    assert "deployment.zip" not in json.dumps(template)
    assert template["Outputs"]["EndpointURL"]["Value"]["Fn::Sub"].endswith("/staging/")


def test_every_role_is_bounded(package: Package) -> None:
    """Chalice's role too can do no more than the account's boundary for the stage, where it has one."""
    resources = package.document("template")["Resources"]
    roles = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    assert "ApiHandlerRole" in roles
    carried = {"Fn::If": [boundary.CONDITION, {"Ref": boundary.PARAMETER}, {"Ref": "AWS::NoValue"}]}
    assert [name for name, role in roles.items() if role.get("PermissionsBoundary") != carried] == []


def test_a_network_stack_only_where_one_is_asked_for(package: Package, tmp_path: Path) -> None:
    """network.json is written for a stage with a VPN, its role bounded; packaging again without one takes it away."""
    assert not (package.folder / "network.json").exists()
    stage = packaged.stage()
    key = "iJ8qkVgXqDq0bW0Jm1p3mZ4v3hQy0o3kq9bq1m2n3X8="
    with_vpn = packaged.network(vpn="wireguard", wireguard_peer_key=key, remote_cidrs=("100.64.0.0/24",))
    made = packaged.build(tmp_path / "p", network=with_vpn)
    assert boundary.PARAMETER in made.document("network")["Parameters"], "the router has a role"
    assert made.code.read_bytes() == package.code.read_bytes()
    packaged.build(tmp_path / "p", network=stage.network)
    assert not (tmp_path / "p" / "network.json").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """`--out` replaces a package, never a folder that merely has the name."""
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(PackageFailed, match="holds no package"):
        packaged.build(tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    ("zipped", "unzipped", "told"),
    [(50 * MIB + 1, MIB, "layers/rest.zip is larger"), (MIB, 250 * MIB, "code and layers are larger")],
)
def test_what_lambda_would_refuse_is_refused_here(zipped: int, unzipped: int, told: str) -> None:
    """50 MB zipped, 250 MB unzipped with all layers: named with its size."""
    small = Zip("code.zip", "code/0.zip", 1, 1)
    package_module.check_limits({"code": small, "rest": Zip("layers/rest.zip", "layers/rest-0.zip", MIB, 249 * MIB)})
    with pytest.raises(PackageFailed, match=told):
        package_module.check_limits({"code": small, "rest": Zip("layers/rest.zip", "k", zipped, unzipped)})


def test_mistakes_end_in_one_line(tmp_path: Path) -> None:
    """An unknown stage is told without a traceback, and the exit code is 1."""
    process = clones.package(ROOT, "--stage", "nowhere", "--out", str(tmp_path / "p"))
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.fullmatch(r"farebox: there is no nowhere\.toml in .*; stages are: prod, staging\n", told)

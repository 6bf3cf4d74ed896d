"""Packages a stage: `python -m infra.aws.package --stage staging`. `make package STAGE=staging` runs it.

Writes to `.build/<stage>/` what a deployment needs, and nothing of it depends on when or where it was made,
but for the Python that compiled it: the zips, the templates, and `manifest.json`, which names all of it.
"""

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.package import TemplateDeepMerger

from infra.aws import boundary, bytecode, chalice_template, layers, network, source, stage_file, template, zips
from infra.aws.artifacts import LAYERS, Artifacts, PackageFailed, bucket_value
from infra.aws.bytecode import Interpreter
from infra.aws.stage import Stage
from infra.aws.stage_file import StageError
from infra.aws.template.functions import TemplateError
from infra.local.progress import Progress

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / ".build"
MANIFEST = "manifest.json"
TASK = "/var/task"
CHANGES_SHOWN_MAX = 10
MIB = 1 << 20
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ZIPPED_BYTES_MAX = 50 * MIB
UNZIPPED_BYTES_MAX = 250 * MIB


@dataclass(frozen=True)
class Zip:
    """One zip of a package. `key` is its name in the bucket, `file` in the package's folder."""

    file: str
    key: str
    zipped_bytes: int
    unzipped_bytes: int


def build(stage: Stage, out: Path, progress: Progress, cache: Path) -> dict[str, Any]:
    """Package the working tree for a stage into `out`; gives the manifest. Raises PackageFailed.

    A package that is there already is replaced; a folder of anything else is left alone.
    """
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise PackageFailed(f"{out} is there and holds no package; name another folder")
    version = source.version(ROOT)
    compiler = bytecode.interpreter(stage.python)
    _tell_doubts(stage, version, compiler, progress)
    target = layers.Target(stage.architecture, stage.python, compiler)
    with tempfile.TemporaryDirectory(prefix="farebox-package-") as folder:
        copy, made = Path(folder) / "copy", Path(folder) / "made"
        with progress.step("app.py and functions/, by Chalice"):
            source.copy(ROOT, copy)
            chalice, code = chalice_template.run(ROOT, copy, stage)
            if compiler:
                code |= bytecode.of(code, compiler, TASK)
            zips.put(made / "code.zip", zips.made(code))
        for name in LAYERS:
            layer = layers.build(ROOT / "layers" / f"{name}.txt", target, cache, progress)
            zips.put(made / "layers" / f"{name}.zip", layer.read_bytes())
        found = {name: _zip(made, name) for name in ("code", *LAYERS)}
        check_limits(found)
        artifacts = _artifacts(stage, found, str(version))
        manifest = _manifest(stage, found, artifacts, compiler)
        templates = {
            "template.json": _merged(chalice, stage, artifacts),
            "data.json": template.data(stage),
            "network.json": network.template(stage),
        }
        documents = {name: boundary.bounded(each) for name, each in templates.items() if each}
        for name, document in (documents | {MANIFEST: manifest}).items():
            zips.put(made / name, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
        _replace(out, made)
    return manifest


def _replace(out: Path, made: Path) -> None:
    """Put `made` in place of the package that is there."""
    beside = out.with_name(f".{out.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(made, beside)
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)


def _tell_doubts(stage: Stage, version: source.Version, compiler: Interpreter | None, progress: Progress) -> None:
    if compiler is None:
        progress.line(f"WARNING: there is no python{stage.python} on the PATH: no bytecode, and slower cold starts")
    if version.changes:
        progress.line(f"WARNING: the working tree is not the commit; this is {version}, for trying only. It differs in")
        for path in version.changes[:CHANGES_SHOWN_MAX]:
            progress.line(f"    {path}")
        if (more := len(version.changes) - CHANGES_SHOWN_MAX) > 0:
            progress.line(f"    and {more} more")
    for path in source.untracked(ROOT):
        progress.line(f"WARNING: {path} is left out: git does not track it")
    for doubt in stage_file.doubts(stage) + network.doubts(stage):
        progress.line(f"note: {stage.name}.toml: {doubt}")


def _zip(made: Path, name: str) -> Zip:
    file = "code.zip" if name == "code" else f"layers/{name}.zip"
    digest = zips.sha256(made / file)
    key = f"code/{digest}.zip" if name == "code" else f"layers/{name}-{digest}.zip"
    return Zip(file, key, (made / file).stat().st_size, zips.unzipped_bytes(made / file))


def check_limits(found: Mapping[str, Zip]) -> None:
    """Raise PackageFailed where Lambda would refuse: a function has the code and, at most, every layer."""
    for each in found.values():
        if each.zipped_bytes > ZIPPED_BYTES_MAX:
            raise PackageFailed(f"{each.file} is larger than Lambda takes: {_mb(each.zipped_bytes)} of 50.0 MB zipped")
    whole = sum(each.unzipped_bytes for each in found.values())
    if whole > UNZIPPED_BYTES_MAX:
        raise PackageFailed(f"code and layers are larger than Lambda takes: {_mb(whole)} of 250.0 MB unzipped")


def _artifacts(stage: Stage, found: Mapping[str, Zip], version: str) -> Artifacts:
    keys = {name: found[name].key for name in LAYERS}
    return Artifacts(bucket_value(stage.name), found["code"].key, keys, version)


def _merged(chalice: dict[str, Any], stage: Stage, artifacts: Artifacts) -> dict[str, Any]:
    """Chalice's template with ours put over it, as its own `--merge-template` does it: maps deeply, lists replaced."""
    merged: dict[str, Any] = TemplateDeepMerger().merge(template.application(stage, artifacts), chalice)
    return merged


def _manifest(
    stage: Stage, found: Mapping[str, Zip], artifacts: Artifacts, compiler: Interpreter | None
) -> dict[str, Any]:
    return {
        "version": artifacts.version,
        "compiled_by": compiler.version if compiler else None,
        **{key: getattr(stage, key) for key in ("name", "region", "architecture", "python")},
        "bucket": artifacts.bucket,
        "zips": {name: dataclasses.asdict(each) for name, each in found.items()},
    }


def _table(manifest: Mapping[str, Any]) -> str:
    rows = [("", "zipped", "unzipped")]
    for name, each in manifest["zips"].items():
        rows.append((name, _mb(each["zipped_bytes"]), _mb(each["unzipped_bytes"])))
    return "\n".join(f"{name:10}{zipped:>12}{unzipped:>12}" for name, zipped, unzipped in rows)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / MIB:.1f} MB"


def main() -> int:
    """Exit code: 0 packaged, 1 not (one line says why), 130 interrupted."""
    parser = argparse.ArgumentParser(description="Package a stage for AWS.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", type=Path, help="default: .build/<stage>")
    parser.add_argument("--architecture", choices=layers.PLATFORMS, help="instead of the stage's")
    parser.add_argument("--python", help="instead of the stage's, such as 3.13")
    arguments = parser.parse_args()
    progress = Progress()
    given = {key: getattr(arguments, key) for key in ("architecture", "python") if getattr(arguments, key)}
    try:
        stage = dataclasses.replace(stage_file.read(arguments.stage), **given)
        out = arguments.out or BUILD / stage.name
        manifest = build(stage, out, progress, BUILD / "cache")
    except (PackageFailed, StageError, TemplateError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    progress.line(_table(manifest))
    progress.line(f"{manifest['version']} is in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

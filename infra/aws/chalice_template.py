"""Runs Chalice's packager in a clean copy: its template, and the files of its zip."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.aws import zips
from infra.aws.artifacts import PackageFailed
from infra.aws.stage import Stage

CONFIG = Path(".chalice/config.json")
MAIN = "import sys; from chalice.cli import main; sys.exit(main())"
LEFT_OUT = ("__pycache__/", ".pyc")


def run(root: Path, copy: Path, stage: Stage) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What Chalice makes of a copy of `root`. Raises PackageFailed with its last words.

    Its configuration is the repository's, and the one stage, which Chalice is told here and nowhere else.
    """
    config = json.loads((root / CONFIG).read_text())
    config |= {"lambda_architecture": stage.architecture, "stages": {stage.name: {"api_gateway_stage": stage.name}}}
    (copy / CONFIG).parent.mkdir(exist_ok=True)
    (copy / CONFIG).write_text(json.dumps(config))
    command = [sys.executable, "-c", MAIN, "--project-dir", str(copy), "package", "--stage", stage.name]
    # app.py is imported: no setting of whoever packages may reach it.
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environ |= {"AWS_DEFAULT_REGION": stage.region, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, str(copy / "out")], cwd=copy, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackageFailed(f"Chalice cannot package app.py: {(done.stderr or done.stdout).strip()[-2000:]}")
    template: dict[str, Any] = json.loads((copy / "out" / "sam.json").read_text())
    files = zips.contents(copy / "out" / "deployment.zip")
    return template, {name: data for name, data in files.items() if not any(part in name for part in LEFT_OUT)}

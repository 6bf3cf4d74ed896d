"""What a package is made of, written down: a change to it is seen in review. To write it again after one that is meant:

python -m tests.infra.snapshots
"""

import json
import tempfile
import zipfile
from pathlib import Path

from tests.infra import packaged, templates

FOLDER = Path(__file__).parent / "snapshots"


def listed(path: Path) -> str:
    """Mode and name of every file in a zip but bytecode, which is of one Python; a line each, in the zip's order."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith(".pyc")]
    return "".join(f"{entry.external_attr >> 16 & 0o777:o} {entry.filename}\n" for entry in entries)


def main() -> None:
    """Write the snapshots of the working tree."""
    with tempfile.TemporaryDirectory() as folder:
        made = packaged.build(Path(folder) / "package")
        (FOLDER / "zip.txt").write_text(listed(made.code))
    policies = templates.policy_documents("staging")
    (FOLDER / "policies.json").write_text(json.dumps(policies, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

"""The site's libraries: those of the lock file, wherever npm gets them, and nothing of them in the repository."""

import json
from pathlib import Path

import pytest

from infra.local.install import InstallFailed
from infra.local.progress import Progress
from infra.site import files as site
from infra.site import install
from infra.site.files import SiteFailed
from tests.stand import ROOT

NPM = """#!/bin/sh
test -f package-lock.json -a -f .npmrc || exit 3
echo "npm error code EINTEGRITY" >&2
exit {code}
"""


def npm(folder: Path, code: int) -> Path:
    """A folder with an npm that ends so."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "npm"
    program.write_text(NPM.format(code=code))
    program.chmod(0o755)
    return folder / "bin"


def test_the_lock_file_names_no_address() -> None:
    """Each library has one version and its hash; where it comes from is for each machine's npm to say."""
    text = (ROOT / "infra" / "site" / "package-lock.json").read_text()
    locked = json.loads(text)["packages"]
    asked = json.loads((ROOT / "infra" / "site" / "package.json").read_text())["dependencies"]
    assert "://" not in text
    assert "resolved" not in text
    assert locked.pop("")["dependencies"] == asked
    assert {name.removeprefix("node_modules/"): each["version"] for name, each in locked.items()} == asked
    assert all(each["integrity"].startswith("sha512-") for each in locked.values())
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "infra" / "site" / ".npmrc").read_text().splitlines()


def test_no_code_of_others_is_committed() -> None:
    """A library is a file of the site, but none of its folder."""
    listed = site.files()
    assert set(site.LIBRARIES) <= set(listed)
    assert not [key for key in site.LIBRARIES if (site.FOLDER / key).exists()]
    assert "uPlot" in listed["vendor/uPlot.iife.min.js"].read_text()[:200]


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    """Nothing is served or published without it; the words say what to do."""
    with pytest.raises(SiteFailed, match=r"vendor/uPlot\.iife\.min\.js is not installed: run make run"):
        site.files(installed=tmp_path)


@pytest.mark.parametrize("code", [0, 1])
def test_npm_is_asked_for_what_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """It finds the lock file and its settings where it installs; what it says when it fails is told."""
    monkeypatch.setenv("PATH", f"{npm(tmp_path, code)}:/bin:/usr/bin")
    if not code:
        install.libraries(tmp_path / "site", Progress())
        return
    with pytest.raises(InstallFailed, match="npm error code EINTEGRITY"):
        install.libraries(tmp_path / "site", Progress())

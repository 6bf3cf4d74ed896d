"""What Sphinx does besides: the sidebar's pages, and links from a page to files that are not pages."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]  # it has no types of its own
from sphinx.application import Sphinx
from sphinx.util import logging

from infra.docs import nav

LOG = logging.getLogger(__name__)
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)((?:#[^)\s]*)?)(?=\))")
"""The target of a Markdown link that names a file."""
SHOWN = (".md", ".svg", ".png")
"""What the site has itself."""
SCHEME = "source:"
"""Before the path of a file of the repository, between reading a page and writing it."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this. `repository` is the address at which files can be looked at, or empty."""
    app.add_config_value("repository", "", "env")
    app.add_config_value("branch", "main", "env")
    app.connect("source-read", read)
    app.connect("doctree-read", link)
    app.connect("html-page-context", name_sections, priority=900)  # after the theme has made the sidebar
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Name what is linked outside the site by its path in the repository, and append what the sidebar has beneath."""
    docs = Path(app.srcdir)
    lines, fenced = [], False
    for line in source[0].splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        lines.append(line if fenced else LINK.sub(lambda found: _target(docs, page, found), line))
        if fenced and app.config.repository:
            lines[-1] = line.replace('"$REPOSITORY"', app.config.repository)
    source[0] = "\n".join(lines) + nav.toctrees(page, source[0], nav.pages_of(docs))


def _target(docs: Path, page: str, found: re.Match[str]) -> str:
    path = (docs / page).parent.joinpath(found[1]).resolve()
    root = docs.resolve().parent
    if path.is_relative_to(docs.resolve()):
        if (path / "README.md").exists():
            return f"{found[1].rstrip('/')}/README.md{found[2]}"
        if path.suffix in SHOWN:
            return found[0]
    if not path.exists() or not path.is_relative_to(root):
        LOG.warning("%s: there is no %s", page, found[1], location=page)
        return found[0]
    return f"{SCHEME}{path.relative_to(root).as_posix()}{found[2]}"


def link(app: Sphinx, doctree: nodes.document) -> None:
    """Where files are looked at in the repository; their names alone, where none is known. Marks are left out."""
    for node in list(doctree.findall(nodes.reference)):
        uri = str(node.get("refuri", ""))
        if not uri.startswith(SCHEME):
            continue
        path = uri.removeprefix(SCHEME)
        if app.config.repository:
            kind = "tree" if (Path(app.srcdir).parent / path.split("#")[0]).is_dir() else "blob"
            node["refuri"] = f"{app.config.repository.rstrip('/')}/{kind}/{app.config.branch}/{path}"
        else:
            node.parent.replace(node, nodes.inline("", "", *node.children, classes=["source"]))
    for raw in list(doctree.findall(nodes.raw)):
        if re.fullmatch(r"\s*<!--.*-->\s*", raw.astext(), re.DOTALL):
            raw.parent.remove(raw)


def name_sections(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document) -> None:
    """Say how deep the sidebar's headings are: Sphinx calls them headings, and leaves that out."""
    tree = str(context.get("furo_navigation_tree", ""))
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')

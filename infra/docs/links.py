"""Follows every link, anchor and picture of a built site. What leads outside is looked at, never asked."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src"}
OUTSIDE = {"http", "https", "mailto"}
URL_IN_SHEET = re.compile(r"""url\(["']?([^"')]+)["']?\)""")


@dataclass
class Page(HTMLParser):
    """What one file of HTML names, and what can be named in it."""

    links: list[tuple[str, str]] = field(default_factory=list)
    """The tag and the address."""
    ids: set[str] = field(default_factory=set)
    without_words: list[str] = field(default_factory=list)
    """Pictures that say nothing to those who cannot see them."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        address = given.get(ADDRESSES.get(tag, ""))
        if address is not None:
            self.links.append((tag, address))
        if tag == "img" and not given.get("alt"):
            self.without_words.append(given.get("src", ""))


@dataclass
class Walk:
    """A built site, how much of it was followed, and what is wrong."""

    site: Path
    base_path: str
    """Where the site will stand, which only its 404.html knows."""
    pages: dict[Path, Page] = field(default_factory=dict)
    links: int = 0
    outside: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def read(self) -> None:
        """What every page names, and what can be named in it."""
        for path in sorted(self.site.rglob("*.html")):
            page = self.pages[path] = Page()
            page.feed(path.read_text())

    def page(self, path: Path) -> None:
        """Follow the links of one page."""
        page, where = self.pages[path], path.relative_to(self.site).as_posix()
        self.wrong += [f"{where}: a picture without words: {src}" for src in page.without_words]
        for tag, address in page.links:
            self.links += 1
            if problem := self._problem(path, tag, address):
                self.wrong.append(f"{where}: {problem}: {address}")

    def sheet(self, path: Path) -> None:
        """Follow what a style sheet loads."""
        for address in URL_IN_SHEET.findall(path.read_text()):
            if not address.startswith(("data:", "#")) and not (path.parent / urlsplit(address).path).is_file():
                self.wrong.append(f"{path.relative_to(self.site).as_posix()}: nothing there: {address}")

    def _problem(self, path: Path, tag: str, address: str) -> str:
        """What is wrong with an address on the page at `path`, or nothing."""
        parts = urlsplit(address)
        if parts.scheme == "data":
            return ""
        if parts.scheme or parts.netloc:
            self.outside.add(address)
            return form(tag, address)
        target = path
        if parts.path.startswith("/"):
            if path.name != "404.html" or not parts.path.startswith(self.base_path):
                return "it would not work below another path"
            target = self.site / unquote(parts.path.removeprefix(self.base_path))
        elif parts.path:
            target = (path.parent / unquote(parts.path)).resolve()
        if not target.is_file() or not target.is_relative_to(self.site):
            return "nothing there"
        at = unquote(parts.fragment)
        return "no such place on that page" if at and tag == "a" and at not in self.pages[target].ids else ""


def follow(site: Path, base_path: str = "/") -> Walk:
    """All pages and sheets of a built site."""
    walk = Walk(site.resolve(), base_path)
    walk.read()
    for path in walk.pages:
        walk.page(path)
    for path in sorted(walk.site.rglob("*.css")):
        walk.sheet(path)
    return walk


def form(tag: str, address: str) -> str:
    """What is wrong with an address outside, by its looks alone, or nothing."""
    parts = urlsplit(address)
    if parts.scheme not in OUTSIDE:
        return "no link that a page may have"
    if tag not in ("a", "link"):
        return "loaded from another origin"
    if re.search(r"[\s<>\"…]", address):
        return "no address"
    if parts.scheme != "mailto" and not re.fullmatch(r"[\w.-]+\.\w+|localhost", parts.hostname or ""):
        return "no host"
    return ""

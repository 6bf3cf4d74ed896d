"""`python -m infra.reference`: writes docs/reference, all but its index.md, which is written by hand."""

from infra.openapi.document import ROOT, build
from infra.reference import api, headers, tables

FOLDER = ROOT / "docs/reference"
BY_HAND = ("index.md",)
BEGINNING = "<!-- Made by `make reference`: change the code, not this page. -->\n\n"


def pages() -> dict[str, str]:
    """Every page that is made, by its path below docs/reference."""
    document = build()
    made = api.pages(document) | {"headers.md": headers.page(), "tables.md": tables.page()}
    return {name: BEGINNING + text for name, text in made.items()}


def kept() -> set[str]:
    """The pages that are there, by the same paths."""
    return {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.md")} - {*BY_HAND}


if __name__ == "__main__":
    made = pages()
    for name in kept() - set(made):
        (FOLDER / name).unlink()
    for name, text in made.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text)

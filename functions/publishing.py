"""Routes of the api function: what the gateway says of itself, for programs and their authors' agents."""

import functools
from pathlib import Path

from chalice.app import Response

from functions.entry import JSON
from functions.front import app, rest

FOLDER = Path(__file__).parent / "published"
ADDRESS = "{base_url}"
"""Stands in the files for the address of the gateway."""
MAX_AGE_S = 300


@app.answers("/openapi.json")
def openapi() -> Response:
    return _published("openapi.json", JSON)


@app.answers("/AGENTS.md")
def agents() -> Response:
    return _published("agents.md", "text/markdown; charset=utf-8")


@app.answers("/llms.txt")
def llms() -> Response:
    """Markdown, as its users expect it: https://llmstxt.org."""
    return _published("llms.md", "text/plain; charset=utf-8")


def _published(name: str, content_type: str) -> Response:
    text = _read(name).replace(ADDRESS, rest().base_url(app.event))
    return Response(text, headers={"content-type": content_type, "cache-control": f"public, max-age={MAX_AGE_S}"})


@functools.cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")

"""What a gateway serves to agents, /AGENTS.md and /llms.txt: short, and true of its own description."""

import re

import pytest

from functions.publishing import ADDRESS, FOLDER
from infra.openapi import headers, problems
from infra.openapi.document import build

BYTES_MAX = 8_000
DOCUMENT = build()
AGENTS, LLMS = ((FOLDER / name).read_text() for name in ("agents.md", "llms.md"))
METHODS = "GET|POST|PUT|DELETE"


def routes(text: str) -> set[tuple[str, str]]:
    """Methods and paths in backquotes: `GET`, `POST /account/keys`. A path alone has the method before it."""
    found: set[tuple[str, str]] = set()
    methods: list[str] = []
    for line in text.splitlines():
        alone: list[str] = []
        for part in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(METHODS, part):
                alone.append(part)
            elif match := re.fullmatch(rf"(?:({METHODS}) )?(/[\w/{{}}-]+)(?:\?\S+)?(?: \{{.*)?", part):
                methods = [*alone, match[1]] if match[1] else methods
                found |= {(method, match[2]) for method in methods}
                alone = []
    return found


def test_they_are_short() -> None:
    """A reference that is put into a model's context costs tokens each time."""
    assert len(AGENTS.encode()) <= BYTES_MAX
    assert len(LLMS.encode()) <= 2_000


def test_every_route_that_is_named_is_served() -> None:
    """With its method; and each route of a user is named, so that nobody has to read the whole description."""
    served = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    named = routes(AGENTS)
    assert len(named) > 20
    assert not named - served
    mine = {path for _, path in served if path.startswith(("/v1/", "/account", "/register", "/health"))}
    assert mine | {"/checkout"} == {path for _, path in named}


def test_every_code_and_header_that_is_named_is_ours() -> None:
    """Codes are in the catalogue of errors with the status that is told, headers among those of answers or requests."""
    catalogue = {(problem.status, problem.code) for problem in problems.ALL if problem.code}
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})?) \| ([^|]*)\|", AGENTS, re.MULTILINE)
    for statuses, cell in rows:
        for code in re.findall(r"`(\w+)`", cell):
            assert any((int(status), code) in catalogue for status in statuses.split(", ")), code
    statuses = {int(status) for told, _ in rows for status in told.split(", ")}
    assert statuses == {status for status, _ in catalogue} | {400, 500}
    known = {header.name.lower() for header in (*headers.REQUEST, *headers.ANSWER)}
    named = {name.lower() for name in re.findall(r"`((?:x-|X-|Retry|Idempotency)[\w-]+)", AGENTS)}
    assert named <= known
    assert {"x-farebox-receipt", "x-user-token", "idempotency-key", "retry-after"} <= named


def test_llms_txt_has_the_form_that_its_readers_expect() -> None:
    """A heading, a quoted summary, words, then lists of links under headings, `Optional` last: https://llmstxt.org."""
    title, summary, *rest = [part for part in LLMS.split("\n\n") if part.strip()]
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"> .+", summary)
    sections = re.split(r"^## ", "\n\n".join(rest), flags=re.MULTILINE)[1:]
    assert [section.split("\n", 1)[0] for section in sections][-1] == "Optional"
    for section in sections:
        for line in section.strip().splitlines()[1:]:
            assert not line or re.fullmatch(r"- \[[^]]+\]\([^)\s]+\): .+", line), line


@pytest.mark.parametrize("text", [AGENTS, LLMS], ids=["AGENTS.md", "llms.txt"])
def test_every_address_is_one_of_the_gateway(text: str) -> None:
    """Links and addresses in the texts are of routes that are there, and of this gateway alone."""
    paths = set(re.findall(rf"{re.escape(ADDRESS)}(/[\w./-]*)?", text)) - {"", "/v1"}
    assert paths
    assert {path for path in paths if path} <= set(DOCUMENT["paths"])
    assert not re.search(r"https?://", text)

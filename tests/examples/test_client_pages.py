"""docs/clients: what the pages say is so; and the programs that need no package: a page in Chromium, and Flutter's."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest
from playwright.sync_api import expect

from tests.examples import clients
from tests.examples.clients import CLIENTS, PAGES, PROGRAMS
from tests.examples.conftest import OpenPage
from tests.examples.made import PRICED, Made, made, page_with
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.forward.stage import new_key
from tests.stand import ROOT, Answer, RunningGateway, wait_until

HTML, DART = CLIENTS / "plain_html/index.html", CLIENTS / "flutter/chat.dart"
FILES = PROGRAMS | {"plain_html": HTML, "flutter": DART}
UNKNOWN = "pk-" + "A" * 43
TOLD = {name: clients.told(PAGES / f"{name}.md") for name in ("plain_html", "flutter")}
ANSWER_WITHIN_MS = 60_000
Guests = Callable[..., Made]


@pytest.fixture
def guests_of(front: RunningGateway, scripted: dict[str, str]) -> Guests:
    """A project for pages and apps: of the real model, or of the scripted one where there are rules to try."""

    def make(**rules: Any) -> Made:
        template = {"model": "m", "max_tokens": 20}
        return made(
            front,
            "managed",
            scripted if rules else {"operator": "llama"},
            auth={"no_auth": {"rules": {**PRICED, **rules}}},
            endpoints={"/v1/chat/completions": {"template": template}},
        )

    return make


@pytest.fixture
def refused(guests_of: Guests, upstream: ScriptedUpstream) -> Callable[[int], dict[str, str]]:
    """Address and key of a project that refuses with this status; 429 is for its second question."""
    upstream.play(plain)

    def make(status: int) -> dict[str, str]:
        rules: dict[int, dict[str, Any]] = {402: {"credits": {"signup": 0}}, 429: {"limits": {"method": {"day": 1}}}}
        project = guests_of(**rules.get(status, {"limits": {}}))
        return project.settings() | ({"key": UNKNOWN} if status == 401 else {})

    return make


def test_every_page_shows_its_program_and_its_errors() -> None:
    """The whole file is on the page, and 401, 402 and 429 are in its table; the first page has every other."""
    for name, path in FILES.items():
        page = (PAGES / f"{name}.md").read_text()
        mark = f"<!-- file: {path.relative_to(ROOT)} -->\n"
        assert f"{mark}```" in page
        assert page.partition(mark)[2].partition("\n")[2].startswith(path.read_text() + "```\n"), name
        assert sorted(clients.told(PAGES / f"{name}.md")) == [401, 402, 429]
        assert f"]({name}.md)" in (PAGES / "index.md").read_text()
    assert {path.stem for path in PAGES.glob("*.md")} == {*FILES, "index"}


def test_the_versions_on_the_page_are_those_that_ran() -> None:
    """Each package is pinned, with a hash, to the version that the first page names; npm's come from no address."""
    js = json.loads((CLIENTS / "package.json").read_text())["dependencies"]
    py = dict(line.split("==") for line in (CLIENTS / "requirements.txt").read_text().split())
    locked = json.loads((CLIENTS / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in js} == js
    assert all(each["integrity"] and "resolved" not in each for name, each in locked.items() if name)
    hashed = (ROOT / "requirements/dev.txt").read_text()
    assert all(f"\n{name}=={version} \\\n    --hash=" in hashed for name, version in py.items()), "as in dev.txt"
    rows = re.findall(r"^\| \[([^]]+)\]\(\w+\.md\) \| (`[^|]+) \|", (PAGES / "index.md").read_text(), re.MULTILINE)
    assert {client: cell for client, cell in rows if re.search(r"\d", cell)} == {
        "OpenAI, Python": f"`openai` {py['openai']}",
        "OpenAI, Node": f"`openai` {js['openai']}",
        "LangChain, Python": f"`langchain-openai` {py['langchain-openai']}",
        "LangChain, JavaScript": f"`@langchain/openai` {js['@langchain/openai']}",
        "Vercel AI SDK": f"`ai` {js['ai']}, `@ai-sdk/openai-compatible` {js['@ai-sdk/openai-compatible']}",
        "llm": f"`llm` {py['llm']}",
    }


class City(pydantic.BaseModel):
    """What a model is to answer with."""

    city: str = pydantic.Field(max_length=12)


def test_what_else_works_is_what_the_page_says(front: RunningGateway) -> None:
    """OpenAI's SDK, in front of a llama-server: a schema is kept; what is not served is refused and costs nothing."""
    key = new_key(front)
    hello: list[Any] = [{"role": "user", "content": "Name a city."}]
    picture: list[Any] = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    with openai.OpenAI(base_url=f"{front.url}/v1", api_key=key, max_retries=0) as client:
        chat, response = client.chat.completions, client.responses
        refused: list[Callable[[], object]] = [
            lambda: response.create(model="x", input="Hi", tools=[{"type": "web_search"}]),
            lambda: response.parse(model="x", input="Hi", text_format=City),
            lambda: response.create(model="x", input="Hi", previous_response_id="resp_1"),
            lambda: response.create(model="x", input="Hi", store=True),
            lambda: chat.create(model="x", messages=picture),
            lambda: chat.create(model="x", messages=hello, n=2),
        ]
        missing: list[Callable[[], object]] = [
            lambda: client.embeddings.create(model="x", input="Hi"),
            lambda: client.images.generate(model="x", prompt="Hi"),
            lambda: client.audio.speech.create(model="x", voice="x", input="Hi"),
        ]
        for call in refused:
            with pytest.raises(openai.BadRequestError):
                call()
        for call in missing:
            with pytest.raises(openai.NotFoundError):
                call()
        assert client.models.list().data
        assert front.account(key)["balance"]["spent"] == 0
        assert chat.parse(model="x", messages=hello, response_format=City, max_tokens=60).choices[0].message.parsed


WATCH = """() => {
  window.seen = [];
  const note = () => window.seen.push(document.getElementById("pieces").textContent);
  new MutationObserver(note).observe(document.getElementById("pieces"), { childList: true });
}"""


def test_the_page_is_answered_whole_and_in_pieces(guests_of: Guests, open_page: OpenPage, tmp_path: Path) -> None:
    """From a file, in Chromium, with a publishable key: two answers of the real model, and two are paid."""
    project = guests_of()
    page = open_page(page_with(tmp_path, "clients/plain_html", project.settings()).as_uri())
    page.evaluate(WATCH)
    page.click("#ask")
    page.wait_for_function("() => window.seen.length > 2", timeout=ANSWER_WITHIN_MS)
    expect(page.locator("#whole")).not_to_be_empty()
    expect(page.locator("#problem")).to_be_empty()
    receipts = paid(project, 2)
    seen = page.evaluate("() => window.seen")
    assert all(later.startswith(sooner) for sooner, later in pairwise(seen))
    assert sum(receipt["credits"] for receipt in receipts) == project.balance()["spent"]


def paid(project: Made, count: int) -> list[dict[str, Any]]:
    """The receipts of a project's only user, once there are so many."""

    def receipts() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = project.gateway.account(project.key)["receipts"]
        return found

    wait_until(lambda: len(receipts()) >= count, f"{count} receipts")
    assert [receipt["outcome"] for receipt in receipts()] == ["completed"] * count
    return receipts()


@pytest.mark.parametrize("status", [401, 402, 429])
def test_the_page_says_what_went_wrong(
    status: int, refused: Callable[[int], dict[str, str]], open_page: OpenPage, tmp_path: Path
) -> None:
    """In the words that its page has; 429 comes between the two answers, and the first one stays."""
    page = open_page(page_with(tmp_path, "clients/plain_html", refused(status)).as_uri())
    page.click("#ask")
    expect(page.locator("#problem")).to_have_text(TOLD["plain_html"][status])
    assert page.inner_text("#whole") == ("Hello." if status == 429 else "")


def sent_by_dart(stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers as chat.dart makes them: read out of its source. Dart's `body =` adds the charset."""
    source = DART.read_text()
    literal = re.search(r"jsonEncode\((\{.*?\n  \})\);", source, re.DOTALL)
    headers = dict(re.findall(r"request\.headers\['([\w-]+)'\] = '([^']+)';", source))
    assert literal
    text = literal[1].replace("'", '"').replace('"stream": stream', f'"stream": {json.dumps(stream)}')
    body: dict[str, Any] = json.loads(re.sub(r",(\s*[]}])", r"\1", text))
    headers["Content-Type"] += "; charset=utf-8"
    return body, headers | {"User-Agent": "Dart/3.8 (dart:io)", "Accept-Encoding": "gzip"}


def ask_as_dart(gateway: RunningGateway, key: str, stream: bool) -> Answer:
    """The request that chat.dart sends."""
    body, headers = sent_by_dart(stream)
    assert "Uri.parse('$baseUrl/chat/completions')" in DART.read_text()
    headers = {name: value.replace("$key", key) for name, value in headers.items()}
    return gateway.request("POST", "/v1/chat/completions", body, headers=headers)


def test_flutters_requests_are_answered(guests_of: Guests) -> None:
    """What chat.dart sends is answered by the real model, in one piece and in lines that it can read, and paid."""
    project = guests_of()
    whole = ask_as_dart(project.gateway, project.key, stream=False)
    assert whole.json()["choices"][0]["message"]["content"]
    streamed = ask_as_dart(project.gateway, project.key, stream=True)
    lines = [line for line in streamed.body.decode().splitlines() if line.startswith("data: ")]
    assert lines.pop() == "data: [DONE]"
    choices = [event["choices"] for event in (json.loads(line.removeprefix("data: ")) for line in lines)]
    assert len([each for each in choices if each and each[0]["delta"].get("content")]) > 2
    assert sum(receipt["credits"] for receipt in paid(project, 2)) == project.balance()["spent"]


@pytest.mark.parametrize("status", [401, 402, 429])
def test_flutters_requests_are_refused_as_its_page_says(
    status: int, front: RunningGateway, refused: Callable[[int], dict[str, str]]
) -> None:
    """Status and code are those of the page, where chat.dart looks for them."""
    key = refused(status)["key"]
    answers = [ask_as_dart(front, key, stream) for stream in (False, True)]
    assert f"{answers[1].status} {answers[1].error['code']}" == TOLD["flutter"][status]
    assert answers[0].status == (200 if status == 429 else status)
    assert "answer['error']['code']" in DART.read_text()

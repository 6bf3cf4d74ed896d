"""The page without sign-in, in a real browser, from a file: examples/static_html."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from functions.ledger import abuse, members, tables
from tests.examples.conftest import PHONE, WAIT_MS, OpenPage
from tests.examples.looks import CONTRAST
from tests.examples.made import CREDITS, FREE, PRICED, SAID, Made, in_pieces, made, page_with
from tests.forward.scripted_upstream import Call, ScriptedUpstream
from tests.forward.stage import ledger_of
from tests.stand import RunningGateway, free_port

WAIT_S = 20


@pytest.fixture
def open_example(open_page: OpenPage, tmp_path: Path) -> Callable[..., Page]:
    """Opens the page as a file, with a project's address and key in it."""

    def open(settings: dict[str, str], **look: Any) -> Page:
        return open_page(page_with(tmp_path, "static_html", settings).as_uri(), **look)

    return open


def ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def test_an_answer_is_shown_as_it_comes(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """The first word is on the page while the provider still writes the last; then it shows what is left."""
    seen = threading.Event()
    upstream.play(in_pieces("Paris ", "lies on the Seine.", before_last=lambda: seen.wait(WAIT_S)))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    answer = page.locator(".assistant")
    expect(answer).to_have_text("Paris ", timeout=WAIT_MS)
    expect(page.locator("#send")).to_have_text("Stop")
    seen.set()
    expect(answer).to_have_text(SAID)
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 7} credits left")
    assert guests.balance()["available"] == CREDITS - 7
    assert upstream.call.json["messages"][-1] == {"role": "user", "content": "Where is Paris?"}


def test_the_real_model_answers(open_example: Callable[..., Page], front: RunningGateway) -> None:
    """With the key of a new project the page gets an answer of the operator's model, and shows what it cost."""
    template = {"model": "m", "max_tokens": 8, "messages": [{"role": "system", "content": "Be short."}]}
    project = made(
        front,
        "managed",
        {"operator": "llama"},
        auth={"no_auth": {"rules": PRICED}},
        endpoints={"/v1/chat/completions": {"template": template}},
    )
    page = open_example(project.settings())
    ask(page, "Say hello.")
    expect(page.locator("#send")).to_have_text("Send", timeout=60_000)
    assert page.locator(".assistant").inner_text().strip()
    left = project.balance()["available"]
    assert 0 < left < CREDITS
    expect(page.locator("#credits")).to_have_text(f"{left} credits left")


def test_a_conversation_is_sent_whole(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """The second question goes with the first and its answer."""
    upstream.play(in_pieces(SAID))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 6} credits left")
    ask(page, "And Rome?")
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 12} credits left")
    said = [(message["role"], message["content"]) for message in upstream.calls[-1].json["messages"]]
    assert said[1:] == [("user", "Where is Paris?"), ("assistant", SAID), ("user", "And Rome?")]


def test_what_a_model_writes_is_never_html(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """Case 34: markup in a question and in an answer is shown as text; nothing of it runs or is fetched."""
    hostile = '<img src="https://elsewhere.example/x" onerror="document.title=1"><script>document.title=2</script>'
    upstream.play(in_pieces(hostile))
    page = open_example(guests.settings())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ask(page, hostile)
    expect(page.locator(".assistant")).to_have_text(hostile)
    expect(page.locator(".user")).to_have_text(hostile)
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 6} credits left")
    assert page.locator("#log img, #log script").count() == 0
    assert page.title() == "Ask"
    assert {url.rpartition("/")[0] for url in asked} <= {f"{guests.base_url}/chat", guests.gateway.url}


def test_an_event_may_arrive_in_parts(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """An event that no packet can hold is put together again, with letters that were cut in the middle."""
    upstream.play(in_pieces("é" * 150_000, "!"))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 7} credits left")
    assert page.locator(".assistant").text_content() == "é" * 150_000 + "!"


def test_an_answer_that_breaks_off_keeps_its_part(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """What came before a provider failed stays, and the page says that it is not all."""

    def script(call: Call) -> None:
        in_pieces("Paris ", "and", before_last=call.drop)(call)

    upstream.play(script)
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.get_by_role("alert")).to_contain_text("The answer broke off.")
    expect(page.locator(".assistant")).to_have_text("Paris ")


def test_a_connection_that_breaks_off_keeps_the_part(open_example: Callable[..., Page], guests: Made) -> None:
    """A stream that ends without the reason why is not taken for a whole answer, either."""
    page = open_example(guests.settings())
    event = b'data: {"choices": [{"delta": {"content": "Paris "}, "finish_reason": null}]}\n\n'
    headers = {"access-control-allow-origin": "*", "content-type": "text/event-stream"}
    page.route("**/chat/completions", lambda route: route.fulfill(status=200, headers=headers, body=event))
    ask(page, "Where is Paris?")
    expect(page.get_by_role("alert")).to_contain_text("The answer broke off.")
    expect(page.locator(".assistant")).to_have_text("Paris ")


def test_an_answer_at_its_limit_says_so(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """An answer that was cut at its greatest length is not taken for a whole one."""
    upstream.play(in_pieces("Paris", reason="length"))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.locator(".note")).to_contain_text("greatest length")


def test_an_answer_can_be_stopped(open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream) -> None:
    """Stop ends the answer; what came stays, without an error."""
    seen = threading.Event()
    upstream.play(in_pieces("Paris ", "lies", before_last=lambda: seen.wait(WAIT_S)))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.locator(".assistant")).to_have_text("Paris ")
    page.click("#send")
    expect(page.locator("#send")).to_have_text("Send")
    seen.set()
    expect(page.locator(".assistant")).to_have_text("Paris ")
    assert page.get_by_role("alert").count() == 0


def test_without_a_key_the_page_asks_for_one(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """As it is in the repository, the page asks where Farebox is and for a key, and keeps them nowhere."""
    upstream.play(in_pieces(SAID))
    page = open_example({})
    page.fill("#base-url", guests.base_url)
    page.fill("#key", guests.key)
    page.click("text=Connect")
    ask(page, "Where is Paris?")
    expect(page.locator(".assistant")).to_have_text(SAID)
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def refused(page: Page, question: str = "Where is Paris?") -> str:
    """What the page says of a question that is refused; the question is back where it was written."""
    ask(page, question)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#question")).to_have_value(question)
    return page.get_by_role("alert").inner_text()


def test_a_wrong_key_is_told(open_example: Callable[..., Page], guests: Made) -> None:
    """401 in plain words."""
    page = open_example(guests.settings(key="pk-" + "x" * 43))
    assert "This page’s key does not work" in refused(page)


def test_credits_that_are_used_up_are_told(
    open_example: Callable[..., Page], front: RunningGateway, scripted: dict[str, str]
) -> None:
    """402 in plain words."""
    nothing = {**PRICED, "credits": {"signup": 0}}
    project = made(front, "managed", scripted, auth={"no_auth": {"rules": nothing}})
    assert "Your credits are used up" in refused(open_example(project.settings()))


def test_a_page_that_may_not_is_told(
    open_example: Callable[..., Page], front: RunningGateway, scripted: dict[str, str]
) -> None:
    """403 in plain words, for a page that the project's owner has not listed."""
    project = made(front, "managed", scripted, auth={"no_auth": {"rules": FREE}}, origins=["https://app.example"])
    assert "That is not allowed here." in refused(open_example(project.settings()))


def test_a_blocked_user_is_told(open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream) -> None:
    """403 for a blocked user says that it is not for good words' sake."""
    upstream.play(in_pieces(SAID))
    page = open_example(guests.settings())
    ask(page, "Where is Paris?")
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 6} credits left")
    ledger = ledger_of(guests.gateway)
    listed = tables.drive(members.listed(ledger, members.users(guests.project_id)))
    for member in listed:
        tables.drive(abuse.block(ledger, f"{guests.project_id}/{member['member']['S']}", None))
    assert "You cannot ask anything here for now" in refused(page)


def test_a_limit_says_when_to_come_back(
    open_example: Callable[..., Page], front: RunningGateway, scripted: dict[str, str], upstream: ScriptedUpstream
) -> None:
    """429 in plain words, with the time to wait; the project costs nothing, so no credits are shown."""
    upstream.play(in_pieces(SAID))
    one_a_day = {"limits": {"user": {"day": 1}}}
    page = open_example(made(front, "managed", scripted, auth={"no_auth": {"rules": one_a_day}}).settings())
    ask(page, "Where is Paris?")
    expect(page.locator(".assistant")).to_have_text(SAID)
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator("#credits")).to_have_text("")
    said = refused(page, "And Rome?")
    assert "That was too much for now. Try again in " in said
    assert any(unit in said for unit in ("hour", "minute", "second", "1 day"))


OTHERWISE = {
    "The limit is reached, for good.": {"limits": {"user": {"total": 0}}},
    "That is too long. Ask a shorter question.": {"limits": {"input_tokens": 1}},
    "The model does not answer this.": FREE,
}


@pytest.mark.parametrize("said", OTHERWISE)
def test_other_refusals_are_told(
    open_example: Callable[..., Page],
    front: RunningGateway,
    scripted: dict[str, str],
    upstream: ScriptedUpstream,
    said: str,
) -> None:
    """A limit that never resets, a question that is too long, and one that the provider refuses, in plain words."""
    refusal = {"error": {"message": "Filtered.", "type": "invalid_request_error", "code": "content_filter"}}
    upstream.play(lambda call: call.answer(refusal, status=400))
    project = made(front, "managed", scripted, auth={"no_auth": {"rules": OTHERWISE[said]}})
    assert said in refused(open_example(project.settings()))


def test_a_provider_that_fails_is_told(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream
) -> None:
    """502: nothing was charged, and the page says so."""
    upstream.play(lambda call: call.answer({"error": {"message": "no"}}, status=500))
    page = open_example(guests.settings())
    assert "Nothing was charged" in refused(page)
    assert guests.balance()["available"] == CREDITS


def test_a_wrong_address_is_told(open_example: Callable[..., Page]) -> None:
    """Where nothing answers, the page names the address that it was given."""
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    page = open_example({"base_url": nowhere, "key": "pk-" + "x" * 43})
    said = refused(page)
    assert "The service cannot be reached." in said
    assert nowhere in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_readable_on_a_phone(
    open_example: Callable[..., Page], guests: Made, upstream: ScriptedUpstream, scheme: str
) -> None:
    """Light and dark: nothing is wider than the screen, and all text stands out by 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    upstream.play(in_pieces("Llanfairpwllgwyngyll" * 12))
    page = open_example(guests.settings(), scheme=scheme, size=PHONE)
    ask(page, "Where is it?" + "?" * 80)
    expect(page.locator("#credits")).to_have_text(f"{CREDITS - 6} credits left")
    upstream.play(lambda call: call.answer({}, status=500))
    refused(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in ("h1", "#credits", ".user", ".assistant", ".problem", ".problem small", "#send", "#question"):
        assert page.locator(selector).evaluate(CONTRAST) >= 4.5, selector

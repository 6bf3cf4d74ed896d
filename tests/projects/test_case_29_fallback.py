"""Case 29: several providers in turn; whoever answers is paid once, and what failed before stands on the receipt."""

import threading

import pytest

from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import WAIT_S, Call, Script, chunk, events, plain, usage
from tests.projects.shop import CHAT, HELLO, SIGNUP, Shop
from tests.stand import wait_until


def says(status: int) -> Script:
    def script(call: Call) -> None:
        call.answer({"error": {"message": "no"}}, status)

    return script


def drops(call: Call) -> None:
    call.reset()


def silent(call: Call) -> None:
    """Says nothing until the gateway has enough of it."""
    call.wait_gone()


FAILURES: dict[str, tuple[Script, str]] = {
    "429": (says(429), "provider_failed"),
    "500": (says(500), "provider_failed"),
    "503": (says(503), "provider_failed"),
    "401": (says(401), "provider_failed"),
    "reset": (drops, "provider_failed"),
    "silent": (silent, "provider_timed_out"),
    "error-first": (events({"error": {"message": "no"}}), "provider_failed"),
}


OF_STREAMS = {"silent", "error-first"}
CASES = [(failure, stream) for failure in FAILURES for stream in (True, False) if stream or failure not in OF_STREAMS]


@pytest.mark.parametrize(("failure", "stream"), CASES)
def test_case_29_what_fails_before_the_first_byte_is_followed_by_the_next(
    shop: Shop, failure: str, stream: bool
) -> None:
    """The second provider answers, under its own name of the model; charged once, the failure on the receipt."""
    script, code = FAILURES[failure]
    shop.first.play(script)
    if stream:
        shop.second.play(events(chunk("Hi"), chunk(), chunk(usage=usage(5, 2), choices=[])))
    app = shop.managed(auth={"no_auth": {"rules": SIGNUP}})
    answer = app.chat(stream=stream)
    assert answer.status == 200, answer.body
    assert shop.second.call.json["model"] == "other-small"
    receipt = app.receipt()
    assert (receipt["credits"], receipt["provider"], receipt["attempts"]) == (7, "second", [f"first:{code}"])
    assert app.account()["balance"]["spent"] == 7


def test_case_29_what_fails_after_the_first_byte_has_no_next(shop: Shop) -> None:
    """The client is told that the answer broke off, and is charged for what came, once."""

    def breaks(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        call.event(chunk("lo"))
        call.drop()

    shop.first.play(breaks)
    app = shop.managed(auth={"no_auth": {"rules": SIGNUP}})
    answer = app.chat(stream=True)
    assert answer.status == 200
    assert b'"error"' in answer.body
    assert shop.second.calls == []
    receipt = app.receipt()
    assert (receipt["outcome"], receipt["output_tokens"], receipt["attempts"]) == ("provider_failed", 2, [])
    assert app.account()["balance"]["spent"] == receipt["credits"] > 0


def test_case_29_where_all_fail_nothing_is_charged(shop: Shop) -> None:
    """The last one's failure is told; credits and windows are as before."""
    for upstream in (shop.first, shop.second):
        upstream.play(says(500))
    app = shop.managed(auth={"no_auth": {"rules": SIGNUP | {"limits": {"user": {"day": 1}}}}})
    assert [app.chat().status for _ in range(2)] == [502, 502]
    account = app.account()
    assert (account["balance"]["available"], account["receipts"]) == (1000, [])


def test_a_request_that_is_wrong_is_wrong_everywhere(shop: Shop) -> None:
    """400 of a provider is the answer: the next one is not asked."""
    shop.first.play(says(400))
    answer = shop.managed().chat()
    assert answer.status == 400
    assert shop.second.calls == []


def test_a_request_that_a_provider_finds_wrong_counts(shop: Shop) -> None:
    """It was forwarded: its windows are not given back, so that nobody asks without end; its credits are."""
    shop.first.play(says(400))
    app = shop.managed(auth={"no_auth": {"rules": SIGNUP | {"limits": {"user": {"day": 2}}}}})
    assert [app.chat().status for _ in range(3)] == [400, 400, 429]
    assert app.account()["balance"]["available"] == 1000


def test_a_provider_that_lacks_one_model_is_asked_for_the_others(shop: Shop) -> None:
    """A failure cools down the provider for that model alone."""

    def lacks_bad(call: Call) -> None:
        says(404)(call) if call.json["model"] == "bad" else plain(call)

    shop.first.play(lacks_bad)
    both = [{"provider": "first"}, {"provider": "second"}]
    models = [{"model": "bad", "providers": both}, {"model": "small", "providers": both}]
    template = {"template": {"model": "small"}, "client_sets": ["model"]}
    app = shop.managed(models=models, endpoints={CHAT: template})
    assert [app.chat(model=name).status for name in ("bad", "small")] == [200, 200]
    assert [call.json["model"] for call in shop.first.calls] == ["bad", "small"]


def test_who_failed_is_asked_last_for_a_while(shop: Shop) -> None:
    """The next request goes to the second at once; when that fails too, the first gets its chance."""
    shop.first.play(says(500))
    app = shop.managed()
    assert app.chat().status == 200
    assert app.chat().status == 200
    assert len(shop.first.calls) == 1
    shop.second.play(says(500))
    shop.first.play(plain)
    assert app.chat().status == 200
    assert [len(shop.second.calls), len(shop.first.calls)] == [1, 1]


@pytest.mark.parametrize("stream", [True, False])
def test_nobody_else_is_asked_for_a_client_that_has_left(shop: Shop, stream: bool) -> None:
    """A provider that is read to its end fails after its client left: nothing is charged, and no other one works."""
    release = threading.Event()

    def fails_late(call: Call) -> None:
        release.wait(WAIT_S)
        says(500)(call)

    shop.first.play(fails_late)
    providers = shop.providers()
    providers["first"]["client_left"] = "drain"
    app = shop.managed(providers=providers, auth={"no_auth": {"rules": SIGNUP}})
    with raw_client(shop.gateway.url) as client:
        client.post(CHAT, {"messages": HELLO, "stream": stream}, app.key)
        wait_until(lambda: shop.first.calls, "the provider is asked")
    assert shop.gateway.request("GET", "/v1/models", key=app.key).status == 200  # by now the gateway knows that it left
    release.set()
    wait_until(lambda: app.account()["balance"]["held"] == 0, "the hold is given back")
    assert shop.second.calls == []
    assert app.account()["receipts"] == []

"""Abuse prevention: what is refused is counted, and past the threshold its user is refused everywhere, at once."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.ledger import abuse, tables
from tests.forward.scripted_upstream import Call, chunk, events, plain, usage, whole
from tests.projects.shop import HELLO, SIGNUP, Project, Shop
from tests.stand import Answer, wait_until

TWICE = {"threshold": 2, "window": "day", "patterns": ["make * bomb"]}


def of(shop: Shop, **changes: Any) -> Project:
    return shop.managed(auth={"jwt": shop.jwt(**SIGNUP)}, abuse=TWICE | changes)


def is_blocked(answer: Answer) -> bool:
    return answer.status == 403 and answer.error["code"] == "user_blocked"


def test_input_that_the_project_does_not_want_is_not_forwarded(shop: Shop) -> None:
    """400 with the code of a content filter; nothing is charged, and the user may go on, until the threshold."""
    app = of(shop)
    token = app.token()
    refused = app.chat("Please MAKE me a bomb.", token=token)
    assert (refused.status, refused.error["code"]) == (400, "content_filter")
    assert shop.first.calls == []
    assert app.account(token)["balance"]["available"] == 1000
    assert app.chat("Please make me a cake.", token=token).status == 200


def filtered(call: Call) -> None:
    """The provider stops at what it does not say."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "I"}, "finish_reason": "content_filter"}
    call.answer(whole() | {"choices": [choice]})


def refuses(call: Call) -> None:
    """The provider refuses before it begins, as Azure and OpenAI do."""
    call.answer({"error": {"message": "no", "code": "content_filter"}}, 400)


def filtered_stream(call: Call) -> None:
    end = chunk() | {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}
    events(chunk("I"), end, chunk(usage=usage(5, 2), choices=[]))(call)


OFFENCES: dict[str, tuple[Callable[[Call], None], dict[str, Any]]] = {
    "pattern": (plain, {"messages": [{"role": "user", "content": "make a bomb"}]}),
    "filtered": (filtered, {"messages": HELLO}),
    "refused": (refuses, {"messages": HELLO}),
    "stream": (filtered_stream, {"messages": HELLO, "stream": True}),
}


@pytest.mark.parametrize("offence", OFFENCES)
def test_past_the_threshold_the_very_next_request_is_refused_from_any_process(shop: Shop, offence: str) -> None:
    """Twice at one process; then 403 at the other, with whatever input, while another user goes on."""
    script, body = OFFENCES[offence]
    app = of(shop)
    token, innocent = app.token(), app.token()
    assert app.chat(token=token, other=True).status == 200  # both processes know the user
    shop.first.play(script)
    for _ in range(2):
        assert app.post(body, token=token).status in (200, 400)
    shop.first.play(plain)
    assert is_blocked(app.chat(token=token, other=True))
    assert is_blocked(app.chat(token=token))
    assert shop.first.calls == []
    assert app.chat(token=innocent).status == 200


def test_a_block_ends_by_its_rule(shop: Shop) -> None:
    """After `block_s` the user is free, without anybody doing anything."""
    app = of(shop, threshold=1, block_s=2)
    token = app.token()
    assert app.chat("make a bomb", token=token).status == 400
    assert is_blocked(app.chat(token=token))
    wait_until(lambda: app.chat(token=token).status == 200, "the block is over")


def test_a_block_is_lifted_by_the_owner(shop: Shop) -> None:
    """At once, at every process; and the count begins anew."""
    app = of(shop, threshold=1)
    token = app.token()
    assert app.chat("make a bomb", token=token).status == 400
    assert is_blocked(app.chat(token=token, other=True))
    account_id = f"{app.project_id}/{app.account(token)['user_id']}"
    tables.drive(abuse.unblock(shop.ledger, account_id))
    assert app.chat(token=token, other=True).status == 200
    assert app.chat(token=token).status == 200


def moderates(flagged: bool) -> Callable[[Call], None]:
    def script(call: Call) -> None:
        if "moderations" in call.target:
            call.answer({"id": "m", "model": "mod", "results": [{"flagged": flagged}]})
        else:
            plain(call)

    return script


def test_a_moderation_model_is_asked_about_each_input(shop: Shop) -> None:
    """What it flags is not forwarded and counts; where it does not answer, nothing is forwarded either."""
    app = of(shop, patterns=[], moderation={"provider": "first", "model": "mod"})
    token = app.token()
    shop.first.play(moderates(False))
    assert app.chat(token=token).status == 200
    assert [call.json["model"] for call in shop.first.calls] == ["mod", "small"]
    shop.first.play(moderates(True))
    assert [app.chat(token=token).status for _ in range(3)] == [400, 400, 403]
    assert len(shop.first.calls) == 2
    shop.first.play(lambda call: call.reset())
    other = app.token()
    assert app.chat(token=other).status == 502
    assert app.account(other)["balance"]["available"] == 1000


def test_the_receipt_says_why_an_answer_was_refused(shop: Shop) -> None:
    """What the provider made until then is charged."""
    app = of(shop)
    token = app.token()
    shop.first.play(filtered)
    assert app.chat(token=token).status == 200
    receipt = app.receipt(token)
    assert (receipt["blocked"], receipt["credits"]) == ("content_filter", 7)

"""Case 25: what a provider says of its usage, and what is charged; the table in functions/forward/meter.py."""

import json
from typing import Any

import pytest

from tests.forward.scripted_upstream import chunk, events, usage, whole
from tests.forward.stage import CHAT, HELLO, Stage, said, with_credits

CONTENT = [chunk("Hel"), chunk("lo"), chunk(".")]
BODY_BYTES = len(json.dumps({"messages": HELLO, "stream": True}))
ESTIMATE = -(-BODY_BYTES // 4)
"""Input tokens, where nothing better is known: a token every four bytes."""

MALFORMED = [
    usage(-1, 2),
    usage(5, -2),
    usage("5", "2"),
    usage(True, True),
    usage(5.5, 2),
    usage(5, 2.0),
    usage(10**9 + 1, 2),
    usage(10**30, 10**30),
    usage(None, None),
    usage([], {}),
    "5",
    7,
    [],
    {},
    True,
]


def end(value: Any) -> dict[str, Any]:
    return chunk(choices=[], usage=value)


def streamed(stage: Stage, *sent: Any) -> dict[str, Any]:
    """The receipt of a streamed chat that the provider answers with these events."""
    stage.upstream.play(events(*sent))
    assert said(stage.post({"messages": HELLO, "stream": True}))[-1] == "[DONE]"
    return stage.receipt()


def buffered(stage: Stage, content: str = "Hello.", **fields: Any) -> dict[str, Any]:
    """The receipt of a chat that the provider answers in one piece."""
    stage.upstream.play(lambda call: call.answer(whole(content, **fields)))
    assert stage.chat().status == 200
    return stage.receipt()


def told(receipt: dict[str, Any]) -> tuple[int, int, list[str]]:
    """Tokens in and out, and what was odd; the cost is their sum at the price of the built-in project."""
    assert receipt["credits"] == receipt["input_tokens"] + receipt["output_tokens"]
    assert (receipt["outcome"], receipt["shortfall"]) == ("completed", 0)
    return receipt["input_tokens"], receipt["output_tokens"], receipt["anomalies"]


def test_case_25_usage_at_the_end_is_believed(stage: Stage) -> None:
    """Usage given once, at the end of a stream, is what is charged."""
    assert told(streamed(stage, *CONTENT, chunk(), end(usage(9, 4)))) == (9, 4, [])


def test_case_25_usage_in_the_last_chunk_with_choices_is_believed(stage: Stage) -> None:
    """Usage beside the last choice counts as usage at the end."""
    assert told(streamed(stage, *CONTENT, chunk(usage=usage(9, 4)))) == (9, 4, [])


def test_case_25_buffered_usage_is_believed(stage: Stage) -> None:
    """The usage of an answer in one piece is what is charged."""
    assert told(buffered(stage, usage=usage(9, 4))) == (9, 4, [])


def test_case_25_usage_given_twice_is_never_added_up(stage: Stage) -> None:
    """Of two reports the last counts."""
    assert told(streamed(stage, *CONTENT, end(usage(9, 3)), end(usage(9, 4)))) == (9, 4, [])


def test_case_25_the_same_usage_twice_is_charged_once(stage: Stage) -> None:
    """A report that is repeated changes nothing."""
    assert told(streamed(stage, *CONTENT, end(usage(9, 4)), end(usage(9, 4)))) == (9, 4, [])


@pytest.mark.parametrize(("later", "charged"), [(usage(3, 4), (9, 4)), (usage(9, 2), (9, 4)), (usage(10, 1), (10, 4))])
def test_case_25_decreasing_usage_counts_the_larger(stage: Stage, later: Any, charged: tuple[int, int]) -> None:
    """Usage smaller than before is not believed; the larger of each count is, and the receipt says so."""
    receipt = streamed(stage, *CONTENT, end(usage(9, 4)), end(later))
    assert told(receipt) == (*charged, ["usage_decreased"])


def test_case_25_content_after_usage_counts_on_top(stage: Stage) -> None:
    """What follows a report in the middle is counted an event a token, on top of it."""
    receipt = streamed(stage, chunk("Hel"), end(usage(9, 1)), chunk("lo"), chunk("."))
    assert told(receipt) == (9, 3, ["usage_before_end"])


def test_case_25_zero_usage_is_believed(stage: Stage) -> None:
    """A provider that says zero is believed, never replaced by an estimate, and the receipt says it was odd."""
    assert told(streamed(stage, *CONTENT, end(usage(0, 0)))) == (0, 0, ["usage_zero"])


def test_case_25_buffered_zero_usage_is_believed(stage: Stage) -> None:
    """Zero in an answer in one piece is believed as well."""
    assert told(buffered(stage, usage=usage(0, 0))) == (0, 0, ["usage_zero"])


@pytest.mark.parametrize("sent", [[], [chunk(choices=[], usage=None)]], ids=["absent", "null"])
def test_case_25_missing_usage_is_estimated(stage: Stage, sent: list[Any]) -> None:
    """Without usage the input is estimated and the output counted an event a token: never free."""
    assert told(streamed(stage, *CONTENT, chunk(), *sent)) == (ESTIMATE, 3, ["usage_missing"])


@pytest.mark.parametrize("fields", [{"usage": None}, {"usage": {}}], ids=["null", "empty"])
def test_case_25_buffered_missing_usage_is_estimated(stage: Stage, fields: dict[str, Any]) -> None:
    """Without usage an answer in one piece is charged by its length: more for more."""
    receipt = buffered(stage, "x" * 4000, **fields)
    tokens_in, tokens_out, anomalies = told(receipt)
    assert tokens_in == -(-len(json.dumps({"messages": HELLO})) // 4)
    assert 1000 <= tokens_out <= 1100
    assert "usage_missing" in anomalies


@pytest.mark.parametrize("value", MALFORMED, ids=str)
def test_case_25_malformed_usage_is_as_if_absent(stage: Stage, value: Any) -> None:
    """Negative, text, bool, fraction or huge: not believed, estimated, and on the receipt."""
    receipt = streamed(stage, *CONTENT, chunk(), end(value))
    assert told(receipt) == (ESTIMATE, 3, ["usage_malformed", "usage_missing"])


@pytest.mark.parametrize("value", [usage(-1, 2), usage(5, True), usage(10**12, 2), "5"], ids=str)
def test_case_25_malformed_buffered_usage_is_as_if_absent(stage: Stage, value: Any) -> None:
    """The same holds for an answer in one piece."""
    _, tokens_out, anomalies = told(buffered(stage.unjudged(), usage=value))
    assert tokens_out > 0
    assert anomalies == ["usage_malformed", "usage_missing"]


def test_case_25_malformed_usage_does_not_undo_a_good_report(stage: Stage) -> None:
    """A report that cannot be read leaves the one before it in force."""
    assert told(streamed(stage, *CONTENT, end(usage(9, 4)), end(usage(-1, 0)))) == (9, 4, ["usage_malformed"])


@pytest.mark.parametrize("timings", [{"predicted_n": -1}, {}, {"cache_n": "9" * 5000}], ids=["odd", "empty", "text"])
def test_case_25_timings_that_cannot_be_read_hide_no_content(stage: Stage, timings: Any) -> None:
    """An event whose timings tell nothing is still a token of output."""
    sent = [chunk(text, timings=timings) for text in ("Hel", "lo", ".")]
    assert told(streamed(stage, *sent, chunk())) == (ESTIMATE, 3, ["usage_missing"])


def test_case_25_timings_with_numbers_of_5000_digits_break_nothing(stage: Stage) -> None:
    """A count that no integer type holds is not believed, and the answer still arrives."""
    digits = b"9" * 5000
    timed = json.dumps(chunk("Hi"), separators=(",", ":")).encode()[:-1]
    timed += b',"timings":{"cache_n":%s,"prompt_n":1,"predicted_n":1}}' % digits
    assert told(streamed(stage, timed, chunk(), end(usage(9, 1)))) == (9, 1, [])


def test_case_25_usage_above_the_hold_is_a_shortfall(stage: Stage) -> None:
    """What usage comes to beyond the hold is not charged, and is written down."""
    poor = with_credits(stage, 2000)
    stage.upstream.play(lambda call: call.answer(whole(usage=usage(900, 5000))))
    assert poor.chat(max_tokens=100).status == 200
    receipt = poor.receipt()
    assert receipt["credits"] == receipt["held"] < 2000
    assert receipt["shortfall"] == 5900 - receipt["held"]
    assert receipt["anomalies"] == ["above_hold"]
    assert poor.balance()["available"] == 2000 - receipt["held"]


def test_case_25_streamed_usage_above_the_hold_is_a_shortfall(stage: Stage) -> None:
    """The same holds for the last event of a stream."""
    stage.upstream.play(events(chunk("Hi"), chunk(), end(usage(900, 5000))))
    answer = stage.post({"messages": HELLO, "stream": True, "max_tokens": 10}, CHAT)
    assert said(answer)[-1] == "[DONE]"
    receipt = stage.receipt()
    assert receipt["credits"] == receipt["held"]
    assert receipt["shortfall"] == 5900 - receipt["held"]
    assert receipt["anomalies"] == ["above_hold"]

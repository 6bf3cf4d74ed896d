"""A provider that fails before it has said anything: 502, and nothing is charged, whatever it says instead."""

from collections.abc import Callable

import pytest

from tests.forward.scripted_upstream import Call, chunk
from tests.forward.stage import HELLO, Stage

STREAM = {"messages": HELLO, "stream": True}


def error_event(call: Call) -> None:
    call.stream()
    call.event({"error": {"message": "out of memory", "code": 500}})


def error_line(call: Call) -> None:
    call.stream()
    call.write(b'error: {"message": "out of memory"}\n\n')


def only_comments(call: Call) -> None:
    call.stream()
    call.write(b": keep-alive\n\n: keep-alive\n\n")


def comment_then_error(call: Call) -> None:
    call.stream()
    call.write(b": keep-alive\n\n")
    call.event({"error": {"message": "out of memory"}})


@pytest.mark.parametrize("script", [error_event, error_line, only_comments, comment_then_error])
def test_a_stream_that_fails_at_its_first_event_is_502_and_costs_nothing(
    stage: Stage, script: Callable[[Call], None]
) -> None:
    """The client hears it as an error, not as an answer; its hold is given back, and there is no receipt."""
    stage.upstream.play(script)
    answer = stage.post(STREAM)
    assert (answer.status, answer.error["code"]) == (502, "provider_failed")
    assert stage.untouched()


def test_a_whole_answer_that_is_an_error_with_status_200_is_502_and_costs_nothing(stage: Stage) -> None:
    """A status of 200 does not make an error an answer."""
    stage.upstream.play(lambda call: call.answer({"error": {"message": "out of memory"}}))
    answer = stage.chat()
    assert (answer.status, answer.error["code"]) == (502, "provider_failed")
    assert stage.untouched()


def test_comments_before_the_first_event_do_not_stand_in_its_way(stage: Stage) -> None:
    """They are dropped until the answer begins, and passed on from then."""

    def script(call: Call) -> None:
        call.stream()
        call.write(b": before\n\n")
        call.event(chunk("Hello"))
        call.write(b": between\n\n")
        call.event(chunk(finish_reason="stop"))
        call.write(b"data: [DONE]\n\n")

    stage.upstream.play(script)
    answer = stage.post(STREAM)
    assert answer.status == 200
    assert b": before" not in answer.body
    assert b": between" in answer.body
    assert stage.receipt()["outcome"] == "completed"

"""A real llama-server in the part of a hosted provider: it speaks OpenAI's API, and Anthropic's Messages API too.

What it says of its usage in a stream is what it says of the same request in one piece.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.forward.hosted_stage import Door
from tests.forward.hosted_stage import door as open_door
from tests.forward.scripted_upstream import scripted_upstream

HELLO = [{"role": "user", "content": "Say hello."}]
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("openai", "/v1/chat/completions", {"messages": HELLO, "max_tokens": 6}),
    ("openai", "/v1/completions", {"prompt": "Hello,", "max_tokens": 6}),
    ("openai", "/v1/responses", {"input": "Say hello.", "max_output_tokens": 6}),
    ("anthropic", "/v1/messages", {"messages": HELLO, "max_tokens": 6}),
    ("llama", "/v1/chat/completions", {"messages": HELLO, "max_tokens": 6}),
]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with scripted_upstream() as provider, open_door(provider) as made:
        yield made


@pytest.mark.parametrize(("kind", "path", "body"), ASKED, ids=[f"{kind}{path}" for kind, path, _ in ASKED])
def test_streams_and_whole_answers_use_the_same(
    door: Door, llama_url: str, kind: str, path: str, body: dict[str, Any]
) -> None:
    """Usage is believed as told, nothing is odd about it, and it is more than nothing."""
    told = []
    for stream in (True, False):
        asked = body | {"model": "m", "temperature": 0, "seed": 1, "stream": stream}
        if path in ("/v1/responses", "/v1/messages"):
            del asked["seed"]
        assert door.post(path, asked, kind=kind, url=llama_url).status == 200
        assert (door.last.anomalies, door.last.outcome, door.last.blocked) == (set(), "completed", "")
        told.append((door.last.usage.input, door.last.usage.output))
    assert told[0] == told[1]
    assert told[0][0] > 1
    assert 1 <= told[0][1] <= 6

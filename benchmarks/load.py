"""The client: chat completions, each answer read to its end and verified."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks import mock_upstream
from benchmarks.processes import BenchError

CONCURRENCY = 16
REQUEST = {"model": "default", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]}
STREAM_REQUEST = REQUEST | {"stream": True, "stream_options": {"include_usage": True}}
DONE = b"data: [DONE]\n\n"
STREAMED_TEXT = "".join(f" word{number}" for number in range(mock_upstream.WORDS))
EXCERPT_BYTES = 500


@dataclass(frozen=True)
class Answer:
    """When the first byte of the body came, counted from before the request; the tokens that the answer reports."""

    first_byte_s: float
    tokens: int


class Client:
    """Asks one server with one key, and remembers how many tokens its answers reported."""

    def __init__(self, session: aiohttp.ClientSession, name: str, url: str, key: str = "none") -> None:
        self.session, self.name, self.url = session, name, url
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.bodies = {False: json.dumps(REQUEST).encode(), True: json.dumps(STREAM_REQUEST).encode()}
        self.tokens_reported = 0

    async def ask(self, *, stream: bool, idempotency_key: str = "") -> Answer:
        """One chat completion. Raises BenchError unless the answer is the mock upstream's, whole."""
        headers = self.headers | {"idempotency-key": idempotency_key} if idempotency_key else self.headers
        parts, first_byte_s, start_s = [], 0.0, time.perf_counter()
        url = f"{self.url}/v1/chat/completions"
        try:
            async with self.session.post(url, data=self.bodies[stream], headers=headers) as response:
                async for part in response.content.iter_any():
                    first_byte_s = first_byte_s or time.perf_counter() - start_s
                    parts.append(part)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BenchError(f"{self.name} did not answer whole: {error!r}") from error
        body = b"".join(parts)
        try:
            if response.status != 200:
                raise ValueError("the status is not 200")
            tokens = check_stream(body) if stream else check_completion(body)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            excerpt = body[:EXCERPT_BYTES].decode(errors="replace")
            raise BenchError(f"{self.name} answered {response.status}, wrong ({error!r}): {excerpt}") from error
        self.tokens_reported += tokens
        return Answer(first_byte_s, tokens)


def check_completion(body: bytes) -> int:
    """The tokens that a whole answer reports; ValueError if it is not the mock upstream's."""
    answer = json.loads(body)
    if answer["choices"][0]["message"]["content"] != mock_upstream.ANSWER:
        raise ValueError("the text is not the upstream's")
    return _tokens(answer["usage"])


def check_stream(body: bytes) -> int:
    """The tokens that a streamed answer reports; ValueError if an event is missing, changed or too many."""
    if not body.endswith(DONE):
        raise ValueError("the stream does not end with [DONE]")
    events = [json.loads(line[6:]) for line in body.removesuffix(DONE).splitlines() if line.startswith(b"data: ")]
    if len(events) + 1 != mock_upstream.EVENTS:
        raise ValueError(f"{len(events) + 1} events instead of {mock_upstream.EVENTS}")
    choices = [event["choices"][0] for event in events if event["choices"]]
    if "".join(choice["delta"].get("content", "") for choice in choices) != STREAMED_TEXT:
        raise ValueError("the text is not the upstream's")
    return _tokens(events[-1]["usage"])


def _tokens(usage: dict[str, Any]) -> int:
    if any(usage[name] != number for name, number in mock_upstream.USAGE.items()):
        raise ValueError("the usage is not the upstream's")
    return int(usage["total_tokens"])


async def together(ask: Callable[[], Awaitable[Answer]], more: Callable[[int], bool]) -> list[Answer]:
    """`ask` from CONCURRENCY workers while `more(answers so far)` says so; the first error ends all of them."""
    answers: list[Answer] = []

    async def worker() -> None:
        while more(len(answers)):
            answers.append(await ask())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return answers

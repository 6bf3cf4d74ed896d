"""A provider that makes as many tokens as a test says, when it says so, and a stage with a proxy before the store."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from functions.ledger.account import Account
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import DONE, WAIT_S, Call, ScriptedUpstream, chunk, usage
from tests.forward.stage import CHAT, HELLO, Stage, account_item
from tests.ledger.arrange import check
from tests.ledger.faulty_proxy import FaultyProxy, Operation

STREAM: dict[str, Any] = {"messages": HELLO, "stream": True, "max_tokens": 100_000}
USAGE_ASKED = STREAM | {"stream_options": {"include_usage": True}}
INPUT = 5


@dataclass
class Tap:
    """A provider that makes as many tokens as the test says, when it says so; its counts are on every event."""

    made: int = 0
    steps: list[int] = field(default_factory=list)
    """The counts of the events to come; the answer ends at 0."""
    more: threading.Condition = field(default_factory=threading.Condition)

    def make(self, *counts: int) -> None:
        """Events after which so many tokens have been made."""
        with self.more:
            self.steps += counts
            self.more.notify_all()

    def __call__(self, call: Call) -> None:
        call.stream()
        for count in self._counts():
            timings = {"cache_n": 0, "prompt_n": INPUT, "prompt_ms": 1.5, "predicted_n": count, "predicted_ms": 1.5}
            call.event(chunk(f"<{count}>", timings=timings))
        call.event(chunk(choices=[], usage=usage(INPUT, self.made)))
        call.write(DONE)

    def _counts(self) -> Iterator[int]:
        while True:
            with self.more:
                if not self.more.wait_for(lambda: self.steps, WAIT_S):
                    return
                count = self.steps.pop(0)
            if not count:
                return
            self.made = count
            yield count


def taps(upstream: ScriptedUpstream, count: int = 1) -> list[Tap]:
    """One for each request that comes, in order."""
    made = [Tap() for _ in range(count)]
    upstream.play(lambda call: made[len(upstream.calls) - 1](call))
    return made


@dataclass
class Proxied(Stage):
    """As Stage, with a proxy between the gateway and its store."""

    proxy: FaultyProxy = field(kw_only=True)

    def ledger_account(self) -> Account:
        return Account(account_item(self.gateway, self.key))

    def held(self) -> int:
        held: int = self.balance()["held"]
        return held

    def settled(self) -> dict[str, Any]:
        """The only receipt; the ledger adds up, also when everything that was kept back has arrived."""
        receipt = self.receipt()
        check(self.ledger_account())
        self.proxy.disarm()
        self.proxy.deliver()
        check(self.ledger_account())
        assert self.receipt() == receipt
        return receipt


def told(stage: Stage, tap: Tap, counts: list[int], body: dict[str, Any] = STREAM) -> bytes:
    """What a client gets of an answer whose events come one by one: each after the client has read the one before."""
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, body, stage.key, "Connection: close")
        for count in counts:
            tap.make(count)
            client.read_until(b"<%d>" % count)
        tap.make(0)
        return client.rest()


def is_extension(operation: Operation) -> bool:
    values = operation.request.get("ExpressionAttributeValues", {}) if operation.name == "UpdateItem" else {}
    return operation.is_on("accounts") and ":hold" in values and ":id" not in values

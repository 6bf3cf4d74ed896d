"""What becomes of an answer whose client left: the provider is told to stop, or is read to its end; by a written rule.

LLAMA_CLIENT_LEFT=stop: what was made until then is charged. `drain`: the provider bills it anyway, so it is charged
whole. The receipt says which. Either way nothing more is sent, and no hold stays open.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions import settings as settings_module
from functions.asgi import Message
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.tables import drive
from functions.stream import App
from tests import stand
from tests.forward.raw_client import RawClient, raw_client
from tests.forward.scripted_upstream import DONE, WAIT_S, Call, ScriptedUpstream, chunk, plain, usage, whole
from tests.forward.stage import CHAT, CREDITS, HELLO, Stage, account_item, ledger_of, new_key, with_credits
from tests.ledger.arrange import check
from tests.stand import wait_until

WHOLE: dict[str, Any] = {"messages": HELLO}
STREAM = WHOLE | {"stream": True}
LIMIT_S = 4
ESTIMATE = {False: -(-len(json.dumps(WHOLE)) // 4), True: -(-len(json.dumps(STREAM)) // 4)}
KINDS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@dataclass
class Ruled(Stage):
    """A stage whose gateway has a rule for clients that leave."""

    def paper(self) -> Receipt:
        """The only receipt, as its table has it, once nothing is held; the account adds up."""
        self.receipt()
        ledger, item = ledger_of(self.gateway), account_item(self.gateway, self.key)
        request = {
            "TableName": ledger.table("receipts"),
            "KeyConditionExpression": "account_id = :a",
            "ExpressionAttributeValues": {":a": item["account_id"]},
            "ConsistentRead": True,
        }
        check(Account(item))
        (found,) = drive(ledger.read("Query", request))["Items"]
        return Receipt.from_item(found)


def ruled(gateway: stand.RunningGateway, upstream: ScriptedUpstream) -> Ruled:
    upstream.play(plain)
    return Ruled(gateway, upstream, new_key(gateway))


@pytest.fixture(scope="module")
def both(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, stand.RunningGateway]]:
    """A gateway for each rule; a request may take 4 s."""
    shared = {"LLAMA_BASE_URL": upstream.url, "HOLD_EXPIRY_S": str(2 * LIMIT_S)}
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("abort")) as start:
        yield {rule: start(LLAMA_CLIENT_LEFT=rule, **shared) for rule in ("stop", "drain")}


@pytest.fixture
def stops(both: dict[str, stand.RunningGateway], upstream: ScriptedUpstream) -> Ruled:
    return ruled(both["stop"], upstream)


@pytest.fixture
def drains(both: dict[str, stand.RunningGateway], upstream: ScriptedUpstream) -> Ruled:
    return ruled(both["drain"], upstream)


@dataclass
class Provider:
    """Answers in two parts; the second comes when the client has left, and the gateway had time to see it."""

    first: int
    second: int
    whole: bool = True
    """It ends its answer properly."""

    def __post_init__(self) -> None:
        self.go, self.told_to_stop, self.done = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, call: Call) -> None:
        streamed = call.json.get("stream")
        if streamed and self.first:
            call.stream()
            for number in range(self.first):
                call.event(chunk(f"<{number}>"))
        if not self.go.is_set() and not self.second:
            if call.wait_gone():
                self.told_to_stop.set()
            call.drop()
            return
        assert self.go.wait(WAIT_S)
        if streamed and not self.first:
            call.stream()
        if not streamed:
            call.answer(whole(usage=usage(9, self.second)))
        for number in range(self.second if streamed else 0):
            call.event(chunk(f"late {number}"))
        if streamed and self.whole:
            call.event(chunk(choices=[], usage=usage(9, self.first + self.second)))
            call.write(DONE)
        self.done.set()


def leave(stage: Stage, provider: Provider, *, stream: bool) -> None:
    """A client sends a request, reads what there is, and leaves; then the provider goes on."""
    stage.upstream.play(provider)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM if stream else WHOLE, stage.key)
        if stream and provider.first:
            client.read_until(f"<{provider.first - 1}>".encode())
        else:
            wait_until(lambda: stage.upstream.calls, "the provider got the request")
    time.sleep(0.3)  # until the gateway has seen it
    provider.go.set()


@pytest.mark.parametrize(("stream", "first"), [(False, 0), (True, 0), (True, 3)], ids=["whole", "early", "later"])
def test_case_28_stop_ends_the_provider_and_charges_what_was_made(stops: Ruled, stream: bool, first: int) -> None:
    """The connection upstream is closed; the input and what came of the output are paid, by the rule `stop`."""
    provider = Provider(first, 0)
    leave(stops, provider, stream=stream)
    assert provider.told_to_stop.wait(WAIT_S), "the provider was not told to stop"
    paper = stops.paper()
    assert (paper.outcome, paper.abort, paper.output) == ("client_left", "stop", first)
    assert stops.receipt()["credits"] == ESTIMATE[stream] + first


@pytest.mark.parametrize(("stream", "first"), [(False, 0), (True, 0), (True, 3)], ids=["whole", "early", "later"])
def test_case_28_drain_reads_to_the_end_and_charges_the_whole(drains: Ruled, stream: bool, first: int) -> None:
    """The provider makes its answer to the end and is not interrupted; its own usage is paid, by the rule `drain`."""
    provider = Provider(first, 40)
    leave(drains, provider, stream=stream)
    assert provider.done.wait(WAIT_S), "the provider was interrupted"
    paper = drains.paper()
    assert (paper.outcome, paper.abort, paper.input, paper.output) == ("client_left", "drain", 9, first + 40)
    assert drains.receipt()["credits"] == 9 + first + 40
    assert paper.anomalies == ()
    assert len(drains.upstream.calls) == 1


@pytest.mark.parametrize("rule", ["stop", "drain"])
@KINDS
def test_case_28_the_rule_is_on_no_receipt_of_a_client_that_stayed(
    stops: Ruled, drains: Ruled, rule: str, stream: bool
) -> None:
    """A complete answer is complete under either rule, and costs the same."""
    stage = {"stop": stops, "drain": drains}[rule]
    assert stage.post(STREAM if stream else WHOLE).status == 200
    paper = stage.paper()
    assert (paper.outcome, paper.abort, stage.receipt()["credits"]) == ("completed", "", 7)


@KINDS
def test_case_28_drain_ends_at_the_deadline_of_the_request(drains: Ruled, stream: bool) -> None:
    """A provider that never ends is left when the request's time is over; what came is charged, and nothing is held."""
    began = time.monotonic()
    provider = Provider(2 if stream else 0, 0)
    leave(drains, provider, stream=stream)
    assert not provider.told_to_stop.wait(1), "drain did not read on"
    assert provider.told_to_stop.wait(WAIT_S)
    assert LIMIT_S - 0.5 < time.monotonic() - began < LIMIT_S + 3
    if stream:
        paper = drains.paper()
        assert (paper.outcome, drains.receipt()["credits"]) == ("timed_out", ESTIMATE[True] + 2)
    else:
        wait_until(drains.untouched, "the hold is voided: nothing came", WAIT_S)


def test_case_28_drain_ends_where_the_credits_end(drains: Ruled) -> None:
    """A provider that makes more than all credits cover is left there, though nobody reads; all of them are charged."""
    poor = Ruled(drains.gateway, drains.upstream, with_credits(drains, 700).key, 700)
    gone = threading.Event()
    left = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("<0>"))
        assert left.wait(WAIT_S)
        for _ in range(3000):
            call.event(chunk("more"))
        if call.wait_gone():
            gone.set()
        call.drop()

    drains.upstream.play(script)
    with raw_client(poor.gateway.url) as client:
        client.post(CHAT, STREAM, poor.key)
        client.read_until(b"<0>")
    time.sleep(0.3)
    left.set()
    wait_until(lambda: gone.is_set() or drains.upstream.call.gone.is_set(), "the provider is told to stop", WAIT_S)
    paper = poor.paper()
    assert (paper.outcome, paper.cost, poor.receipt()["credits"]) == ("cut", paper.hold, 700)


@pytest.mark.parametrize(("first", "outcome"), [(2, "provider_failed"), (0, "")], ids=["in the middle", "at once"])
def test_case_28_drain_of_a_provider_that_fails(drains: Ruled, first: int, outcome: str) -> None:
    """A provider that breaks off while nobody reads: what came is charged, or nothing where nothing came."""
    left = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        for number in range(first):
            call.event(chunk(f"<{number}>"))
        assert left.wait(WAIT_S)
        call.drop()

    drains.upstream.play(script)
    with raw_client(drains.gateway.url) as client:
        client.post(CHAT, STREAM, drains.key)
        client.read_until(b"<1>") if first else wait_until(lambda: drains.upstream.calls, "the call")
    time.sleep(0.3)
    left.set()
    if outcome:
        assert (drains.paper().outcome, drains.receipt()["credits"]) == (outcome, ESTIMATE[True] + first)
    else:
        wait_until(drains.untouched, "the hold is voided", WAIT_S)


def test_case_28_twenty_that_leave_at_once_are_drained(drains: Ruled) -> None:
    """Each is charged its whole answer, and no hold stays open."""
    provider = Provider(1, 10)
    drains.upstream.play(provider)
    clients = [RawClient(drains.gateway.url) for _ in range(20)]
    for client in clients:
        client.post(CHAT, STREAM, drains.key)
    for client in clients:
        client.read_until(b"<0>")
        client.leave()
    time.sleep(0.3)
    provider.go.set()
    wait_until(lambda: drains.balance()["held"] == 0, "every hold is resolved", WAIT_S)
    receipts = [(receipt["outcome"], receipt["credits"]) for receipt in drains.account()["receipts"]]
    assert receipts == [("client_left", 20)] * 20
    assert drains.balance()["available"] == CREDITS - 400


@KINDS
@pytest.mark.parametrize("rule", ["stop", "drain"])
async def test_case_28_nothing_is_sent_to_a_client_that_left(
    both: dict[str, stand.RunningGateway], upstream: ScriptedUpstream, rule: str, stream: bool
) -> None:
    """From the moment the server says that the client is gone: no headers, and not one byte of an answer."""
    settings = both[rule].settings
    stage, provider = ruled(both[rule], upstream), Provider(2 if stream else 0, 5 if rule == "drain" else 0)
    upstream.play(provider)
    gone, begun = asyncio.Event(), asyncio.Event()
    body = json.dumps(STREAM if stream else WHOLE).encode()
    sent: list[Message] = []
    late: list[Message] = []

    async def receive() -> Message:
        if not sent and not begun.is_set():
            begun.set()
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        (late if gone.is_set() else sent).append(message)

    app = App(settings)
    headers = [(b"authorization", b"Bearer " + stage.key.encode())]
    http = {"type": "http", "method": "POST", "path": CHAT, "headers": headers, "client": ("127.0.0.1", 1)}
    answering = asyncio.ensure_future(app(http, receive, send))
    while not upstream.calls or (stream and b"<1>" not in b"".join(message.get("body", b"") for message in sent)):
        await asyncio.sleep(0.02)
    gone.set()
    await asyncio.sleep(0.1)
    provider.go.set()
    await asyncio.wait_for(answering, WAIT_S)
    assert [message for message in late if message.get("body") or message["type"] == "http.response.start"] == []
    paper = await asyncio.to_thread(stage.paper)
    assert (paper.outcome, paper.abort) == ("client_left", rule)
    assert app.gateway
    await app.gateway.upstream.session.close()


def test_the_rule_is_stop_unless_the_operator_says_otherwise() -> None:
    """Two words are rules; another one starts nothing."""
    assert settings_module.read({}).llama_client_left == "stop"
    assert settings_module.read({"LLAMA_CLIENT_LEFT": "drain"}).llama_client_left == "drain"
    with pytest.raises(settings_module.SettingsError, match="LLAMA_CLIENT_LEFT"):
        settings_module.read({"LLAMA_CLIENT_LEFT": "maybe"})

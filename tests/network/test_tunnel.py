"""A llama-server behind a real WireGuard tunnel: chats pass through it, and while it is down nothing is charged."""

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions.ledger.account import Account
from tests import stand
from tests.forward.raw_client import raw_client
from tests.forward.stage import CHAT, CREDITS, account_item, new_key, said
from tests.ledger.arrange import check
from tests.network.conftest import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Connected

SLACK_S = 3.0
"""What the gateway itself may need, on a busy machine."""
LONG_TEXT = "the rails hum and the fare is paid " * 45
"""More than the tunnel takes in one packet."""
KEPT_OPEN_S = 6
"""llama.cpp closes a connection that was idle for 5 s."""
END_OF_BODY = b"\r\n0\r\n\r\n"
KINDS = pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])


@dataclass
class Customer:
    """An account at the gateway whose llama-server is behind the tunnel."""

    gateway: stand.RunningGateway
    key: str

    def chat(self, stream: bool, text: str = "Say hello.") -> stand.Answer:
        body = {"messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": 8}
        return self.gateway.request("POST", CHAT, body, key=self.key)

    def account(self) -> dict[str, Any]:
        """What GET /account says; the ledger's own sums must be right."""
        check(Account(account_item(self.gateway, self.key)))
        return self.gateway.account(self.key)

    def is_untouched(self) -> bool:
        """Nothing was charged, nothing is held, and there is no receipt."""
        account = self.account()
        balance = account["balance"]
        return (balance["available"], balance["held"], account["receipts"]) == (CREDITS, 0, [])

    def paid(self) -> int:
        """What its receipts come to, once nothing is held; the balance must say the same."""
        stand.wait_until(lambda: self.account()["balance"]["held"] == 0, "no hold is open")
        account = self.account()
        spent = sum(receipt["credits"] for receipt in account["receipts"])
        assert spent == CREDITS - account["balance"]["available"] == account["balance"]["spent"]
        return int(spent)


@pytest.fixture
def customer(tunnelled: stand.RunningGateway) -> Customer:
    return Customer(tunnelled, new_key(tunnelled))


def whole_text(answer: stand.Answer, stream: bool) -> str:
    """What the model said."""
    assert answer.status == 200, answer.body
    if not stream:
        return str(answer.json()["choices"][0]["message"]["content"])
    events = said(answer)
    assert events[-1] == "[DONE]"
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events[:-1] if event["choices"])


@KINDS
def test_a_chat_goes_through_the_tunnel(customer: Customer, connected: Connected, stream: bool) -> None:
    """A prompt larger than a packet of the tunnel gets its answer, through the tunnel, and is charged by the token."""
    before = connected.near.received_bytes()
    answer = customer.chat(stream, LONG_TEXT)
    assert whole_text(answer, stream)
    assert connected.near.received_bytes() > before + len(answer.body) / 2
    assert customer.paid() > len(LONG_TEXT) / 10


def test_the_llama_server_asks_for_its_key(connected: Connected) -> None:
    """Whoever is in the tunnel still needs the llama-server's own key, which its unit file gives it."""
    request = urllib.request.Request(f"{connected.served.url}/v1/chat/completions", data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()
    assert refused.value.code == 401


@contextlib.contextmanager
def wire_cut(connected: Connected) -> Iterator[None]:
    """The line between the two ends is broken; neither end is told."""
    connected.site.cut()
    try:
        yield
    finally:
        connected.site.mend()


@contextlib.contextmanager
def far_end_gone(connected: Connected) -> Iterator[None]:
    """WireGuard ended at the llama-server's end; its address is gone with it."""
    connected.end_far_tunnel()
    try:
        yield
    finally:
        connected.start_far_tunnel()


@contextlib.contextmanager
def near_end_down(connected: Connected) -> Iterator[None]:
    """The gateway's own end is down: there is no way to the llama-server at all."""
    connected.near.down()
    try:
        yield
    finally:
        connected.near.up()


Down = Callable[[Connected], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("down", "stream"), [(wire_cut, False), (wire_cut, True), (far_end_gone, True), (near_end_down, False)]
)
def test_while_the_tunnel_is_down_nothing_is_charged(
    customer: Customer, connected: Connected, down: Down, stream: bool
) -> None:
    """502 or 504 within the time-out for connecting, the account untouched; with the tunnel up again, it works."""
    time.sleep(KEPT_OPEN_S)  # no connection is left open from before
    with down(connected):
        assert not connected.passes()
        began = time.monotonic()
        answer = customer.chat(stream)
        took_s = time.monotonic() - began
        assert (answer.status, answer.error["type"]) in ((502, "api_error"), (504, "api_error")), answer.body
        assert took_s < CONNECT_TIMEOUT_S + SLACK_S
        assert customer.is_untouched()
    stand.wait_until(connected.passes, "the tunnel is up again")
    assert whole_text(customer.chat(stream), stream)
    assert customer.paid() > 0


@KINDS
def test_a_connection_from_before_does_not_wait_for_ever(
    customer: Customer, connected: Connected, stream: bool
) -> None:
    """A chat on a connection that was open when the tunnel broke ends after the idle time-out, uncharged."""
    assert whole_text(customer.chat(stream), stream)
    paid = customer.paid()
    with wire_cut(connected):
        began = time.monotonic()
        answer = customer.chat(stream)
        took_s = time.monotonic() - began
        assert answer.status in (502, 504), answer.body
        assert took_s < IDLE_TIMEOUT_S + CONNECT_TIMEOUT_S + SLACK_S  # the other end is asked every CONNECT_TIMEOUT_S
        assert customer.paid() == paid


def test_a_stream_that_is_cut_is_charged_for_what_came(customer: Customer, connected: Connected) -> None:
    """The line breaks in the middle of a stream: it ends within the idle time-out, and each token that came is paid."""
    body = {"messages": [{"role": "user", "content": "Count to five hundred."}], "stream": True, "max_tokens": 1500}
    with raw_client(customer.gateway.url) as client:
        client.post(CHAT, body, customer.key)
        seen = b"".join(client.read_until(b"\n\n") for _ in range(6))
        with wire_cut(connected):
            began = time.monotonic()
            seen += client.read_until(END_OF_BODY)
            took_s = time.monotonic() - began
    events = [json.loads(line[6:]) for line in seen.decode().splitlines() if line.startswith("data: {")]
    assert events[-1]["error"]["code"] in ("provider_timed_out", "provider_failed")  # whoever notices first
    assert b"[DONE]" not in seen
    assert took_s < IDLE_TIMEOUT_S + SLACK_S
    tokens = sum(bool(event["choices"][0]["delta"].get("content")) for event in events[:-1])
    paid = customer.paid()
    (receipt,) = customer.account()["receipts"]
    assert receipt["outcome"] == "provider_failed"
    assert receipt["output_tokens"] == tokens > 0
    assert paid == receipt["input_tokens"] + tokens

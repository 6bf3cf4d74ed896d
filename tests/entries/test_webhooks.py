"""What payment providers tell: signed, fresh, to the byte. What it brings: tests/payments."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from functions.errors import BadRequest
from functions.payments.with_stripe import TOLERANCE_S, check_signature
from tests.entries.conftest import SETTINGS
from tests.entries.keys import BTCPAY_SECRET, STRIPE_SECRET, by_btcpay, by_stripe, mac, refused, stripe_signature
from tests.forward.raw_client import raw_client
from tests.stand import ROOT, RunningGateway, StartGateway

QUIET = b'{"id": "evt_1Quiet", "object": "event",  "type": "customer.created", "data": {"name": "gr\xc3\xbc\xc3\x9fe"}}'
SETTLED = {"deliveryId": "d-1", "type": "InvoiceSettled", "invoiceId": "i-1", "storeId": "store"}


def stripe_event(kind: Any, identifier: Any = "evt_1") -> bytes:
    return json.dumps({"id": identifier, "type": kind}).encode()


def test_an_event_that_moves_no_money_is_received_and_logged(front: RunningGateway) -> None:
    """200, `handled` is false; the log has its type and id, and nothing of what it says."""
    answer = by_stripe(front, QUIET)
    assert (answer.status, answer.json()) == (200, {"received": True, "handled": False})
    test = json.dumps({"deliveryId": "d-7", "type": "PaymentRequestCreated", "metadata": {"of": "Ada"}}).encode()
    answer = by_btcpay(front, test)
    assert (answer.status, answer.json()) == (200, {"received": True, "handled": False})
    assert "grüße" not in front.log.read_text()
    assert "Ada" not in front.log.read_text()


def test_case_11_a_webhook_that_is_not_theirs_is_refused(front: RunningGateway) -> None:
    """Forged, unsigned, of another secret or provider, in another form, for another body: 400, in the same words."""
    now, stamp = time.time(), str(int(time.time()))
    right = mac(STRIPE_SECRET, stamp.encode() + b"." + QUIET)
    wrong = {
        "forged": stripe_signature(QUIET, "whsec_guessed"),
        "empty secret": stripe_signature(QUIET, ""),
        "signed without the time": f"t={stamp},v1={mac(STRIPE_SECRET, QUIET)}",
        "another time": f"t={int(stamp) - 1},v1={right}",
        "an old scheme only": f"t={stamp},v0={right}",
        "no signature": f"t={stamp}",
        "no time": f"v1={right}",
        "two times": f"t={stamp},t={stamp},v1={right}",
        "no number": f"t=now,v1={right}",
        "a fraction": f"t={stamp}.0,v1={right}",
        "digits of another script": "t=" + "１２３" + f",v1={right}",
        "in capitals": f"t={stamp},v1={right.upper()}",
        "cut": f"t={stamp},v1={right[:-1]}",
        "nothing": f"t={stamp},v1=",
        "stale": stripe_signature(QUIET, sent_s=now - TOLERANCE_S - 5),
        "of the future": stripe_signature(QUIET, sent_s=now + TOLERANCE_S + 30),
        "long": stripe_signature(QUIET) + ",v1=" + "0" * 5000,
        "btcpay's": f"sha256={right}",
        "garbage": "===,,,",
    }
    answers = {name: by_stripe(front, QUIET, value.encode().decode("latin-1")) for name, value in wrong.items()}
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(wrong, 400)
    assert len({answer.body for answer in answers.values()}) == 1
    unsigned = front.request("POST", "/stripe/webhook", QUIET, headers={"Content-Type": "application/json"})
    assert unsigned.body == answers["forged"].body


def test_case_11_a_body_written_anew_is_another_body(front: RunningGateway) -> None:
    """The signature is of the bytes that were sent: the same JSON in other bytes does not pass."""
    signature = stripe_signature(QUIET)
    same = json.loads(QUIET)
    for body in (json.dumps(same).encode(), json.dumps(same, ensure_ascii=False).encode(), QUIET + b"\n", QUIET[:-1]):
        assert by_stripe(front, body, signature).status == 400
    assert by_stripe(front, QUIET, signature).status == 200
    sent = json.dumps(SETTLED | {"type": "PaymentRequestCreated"}).encode()
    assert by_btcpay(front, sent + b" ", f"sha256={mac(BTCPAY_SECRET, sent)}").status == 400


def test_case_11_both_secrets_sign_during_a_rotation(front: RunningGateway) -> None:
    """Stripe sends a `v1` for the old and for the new secret: either place will do, with other schemes between."""
    for secrets in ((STRIPE_SECRET, "whsec_old"), ("whsec_new", STRIPE_SECRET), ("a", "b", STRIPE_SECRET, "c")):
        assert by_stripe(front, QUIET, stripe_signature(QUIET, *secrets)).status == 200
    assert by_stripe(front, QUIET, stripe_signature(QUIET, "whsec_old", "whsec_new")).status == 400
    assert by_stripe(front, QUIET, stripe_signature(QUIET).replace(",v1", ",v0=" + "0" * 64 + ", v1")).status == 200


def test_case_11_a_webhook_of_btcpay_that_is_not_theirs_is_refused(front: RunningGateway) -> None:
    """The same for BTCPay's own scheme."""
    body = json.dumps(SETTLED).encode()
    right = mac(BTCPAY_SECRET, body)
    forms = [right, f"sha1={right}", f"sha256={right.upper()}", f"sha256={right},sha256={right}", "sha256=", "sha256"]
    for value in (*forms, f"sha256={mac('', body)}", f"sha256={mac(STRIPE_SECRET, body)}", stripe_signature(body)):
        answer = by_btcpay(front, body, value)
        assert (answer.status, answer.error["param"]) == (400, "btcpay-sig"), value


def test_case_19_two_signatures_are_none(front: RunningGateway) -> None:
    """The right header beside a wrong one, in whatever order and case: refused."""
    for values in ((stripe_signature(QUIET), "t=1,v1=2"), ("t=1,v1=2", stripe_signature(QUIET))):
        lines = ["POST /stripe/webhook HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json"]
        lines += [f"Stripe-Signature: {values[0]}", f"STRIPE-SIGNATURE: {values[1]}", f"Content-Length: {len(QUIET)}"]
        with raw_client(front.url) as client:
            client.send("\r\n".join([*lines, "", ""]).encode() + QUIET)
            assert client.rest().startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"id": "evt_1"}',
        b'{"type": "customer.created"}',
        stripe_event("customer.created", 5),
        stripe_event("customer.created", "evt_1\nINFO forged line"),
        stripe_event("customer.created\n", "evt_1"),
        stripe_event(["customer.created"]),
        stripe_event("x" * 200),
        b'{"id": "evt_1", "type": "customer.created", "type": "charge.refunded"}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_signed_body_that_is_no_event_is_refused(front: RunningGateway, body: bytes) -> None:
    """400, and nothing of it gets into the log."""
    assert by_stripe(front, body).status == 400
    assert "forged line" not in front.log.read_text()


def test_what_is_not_configured_says_so(starts: StartGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 that names the setting, whatever is sent."""
    for name in ("STRIPE_WEBHOOK_SECRET", "BTCPAY_WEBHOOK_SECRET"):
        monkeypatch.delitem(SETTINGS, name)
    bare = starts()
    for path, name in (("stripe", "STRIPE_WEBHOOK_SECRET"), ("btcpay", "BTCPAY_WEBHOOK_SECRET")):
        for headers in ({}, {"Stripe-Signature": stripe_signature(QUIET, "")}, {"BTCPay-Sig": "sha256=0"}):
            answer = bare.request("POST", f"/{path}/webhook", QUIET, headers=headers)
            assert refused(answer) == (503, "not_configured")
            assert name in answer.error["message"]
            assert answer.headers["retry-after"]


@pytest.mark.parametrize("name", ["STRIPE_WEBHOOK_SECRET", "BTCPAY_WEBHOOK_SECRET"])
@pytest.mark.parametrize("value", ["", " ", "changeme"])
def test_case_11_an_empty_secret_refuses_to_start(name: str, value: str) -> None:
    """With one, anybody could sign. The process ends with a line that names the setting."""
    command = [sys.executable, "-c", "import functions.webhooks"]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | {name: value}, capture_output=True, check=False)
    assert ended.returncode == 1
    assert name in ended.stderr.decode().splitlines()[-1]


def test_an_empty_secret_checks_nothing_as_right() -> None:
    """Should it come so far all the same."""
    with pytest.raises(BadRequest):
        check_signature([""], [stripe_signature(QUIET, "", sent_s=1000)], QUIET, 1000)
    check_signature(["", "x"], [stripe_signature(QUIET, "x", sent_s=1000)], QUIET, 1000)


@pytest.mark.parametrize(
    ("age_s", "taken"), [(0, True), (299, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_signature_is_good_for_five_minutes(age_s: int, taken: bool) -> None:
    """Stripe's own tolerance, to the second; a clock that is ahead gets no more."""
    signature = [stripe_signature(QUIET, sent_s=10_000 - age_s)]
    if taken:
        check_signature([STRIPE_SECRET], signature, QUIET, 10_000)
        return
    with pytest.raises(BadRequest):
        check_signature([STRIPE_SECRET], signature, QUIET, 10_000)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/stripe/webhook", "/btcpay/webhook"])
def test_webhooks_are_only_posted(front: RunningGateway, path: str, method: str) -> None:
    """There is nothing to see at these addresses."""
    assert front.request(method, path).status == 404

"""What mails and webhooks say, and docs/notices.md, which shows them and how to verify a signature."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from functions.ledger.account import Account
from functions.ledger.notices import About, Notice
from functions.notices import mails, webhooks
from functions.webhook_secret import is_secret
from tests.docs.blocks import special
from tests.notices.desk import EMAIL, ORDER, Desk
from tests.notices.receiver import SECRET, Receiver, Told

PAGE = Path(__file__).parent.parent.parent / "docs/notices.md"
LOW: About = {"level": 20, "left": 20_000 * 10**6, "full": 100_000 * 10**6}
UNMATCHED: About = {"connection": "stripe", "about": "cs_live_1", "kind": "checkout.session.completed", "why": "amount"}
FAILED: About = {
    "why": "declined",
    **{name: ORDER[name] for name in ("order", "pack", "amount", "currency", "mode")},
}
ABOUT: dict[str, About] = {"credits_low": LOW, "unmatched": UNMATCHED, "top_up_failed": FAILED}
"""Of each kind, what it tells; of others an order."""
SAYS = {
    "purchase": ("Receipt: 5,000,000 credits", "price        0.50 USD"),
    "refund": (
        "Refund of order ord_0123456789abcdef0123456789abcdef",
        "Of this payment 0.25 USD is refunded by now, in all",
    ),
    "refund_failed": ("A refund failed", "are yours again"),
    "dispute": ("Your payment is disputed", "5,000,000 credits were taken back"),
    "dispute_won": ("The dispute has ended", "stays with us"),
    "dispute_lost": ("The dispute has ended", "has taken your payment back"),
    "credits_low": ("20 % of your credits are left", "20,000 credits left"),
    "top_up_failed": ("Your automatic top-up is off", "your card was declined"),
}


def told_of(desk: Desk, receiver: Receiver, kind: str) -> tuple[str, str, Any]:
    """Subject and text of the mail, "" where there is none, and what the webhook says."""
    about = ABOUT.get(kind, {**ORDER, **({"refunded": 25} if kind == "refund" else {})})
    desk.put(kind, "default/-" if kind == "unmatched" else desk.account().account_id, about)
    desk.run()
    (told,) = receiver.told
    mailed = desk.mails()
    subject = str(mailed[0]["Subject"]) if mailed else ""
    return subject, mailed[0].get_content() if mailed else "", told.verified()


@pytest.mark.parametrize("kind", webhooks.TYPES)
def test_every_kind_says_what_happened(desk: Desk, receiver: Receiver, kind: str) -> None:
    """To the owner with amounts, credits and the order's number; to the user in words; never with a key."""
    subject, text, said = told_of(desk, receiver, kind)
    about = ABOUT.get(kind, ORDER)
    assert said["type"] == webhooks.TYPES[kind]
    assert said["data"]["project"] == "default"
    assert (said["data"]["user"], bool(said["data"]["user_id"])) == (
        (None, False) if kind == "unmatched" else (EMAIL, True)
    )
    assert set(said["data"]) == {webhooks.NAMES.get(name, name) for name in about} | {"project", "user", "user_id"}
    assert said["data"].get("credits", 5_000_000) == 5_000_000
    assert said["data"].get("credits_left", 20_000) == 20_000
    if kind in SAYS:
        assert subject.startswith(SAYS[kind][0])
        assert SAYS[kind][1] in text
    assert set(SAYS) == set(mails.KINDS)
    assert not re.search("sk-[A-Za-z0-9_-]{20}", text + json.dumps(said))


def test_no_line_of_a_mail_comes_from_elsewhere(desk: Desk) -> None:
    """Subject and headers are ours, whatever stands in an order."""
    desk.put("refund", desk.account().account_id, {**ORDER, "order": "ord_1\r\nBcc: eve@example.com"})
    desk.run()
    for mail in desk.mails():
        assert mail["Bcc"] is None


def test_a_mail_of_test_mode_says_so(desk: Desk) -> None:
    """Nobody takes it for a bill."""
    desk.put("purchase", desk.account().account_id, {**ORDER, "mode": "test"})
    desk.run()
    assert "no money was moved" in desk.mails()[0].get_content()


@pytest.mark.parametrize(
    ("secret", "fits"),
    [
        (SECRET, True),
        ("whsec_" + "A" * 32, True),
        ("whsec_" + "A" * 28, False),
        ("whsec_" + "A" * 88, False),
        ("A" * 32, False),
        ("whsec_" + "not base64! not base64! not base64!", False),
        ("", False),
    ],
)
def test_a_secret_is_one_of_the_standard(secret: str, fits: bool) -> None:
    """`whsec_` and 24 to 64 bytes in base64: what the libraries of receivers take."""
    assert is_secret(secret) is fits


@pytest.mark.parametrize("name", ["purchase.paid", "purchase.unmatched", "top_up.failed"])
def test_the_page_shows_webhooks_as_they_are_sent(desk: Desk, receiver: Receiver, name: str) -> None:
    """With all their fields, but for ids and times."""
    (kind,) = [kind for kind, type in webhooks.TYPES.items() if type == name]
    said = told_of(desk, receiver, kind)[2]
    shown = json.loads(special(name).code)
    assert shown | {"timestamp": ""} == said | {
        "timestamp": "",
        "data": said["data"] | {"user_id": said["data"]["user_id"] and shown["data"]["user_id"]},
    }


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("refund", "refunded     "),
        ("refund_failed", "failed       "),
        ("dispute", "disputed     "),
        ("dispute_won", "decided      "),
        ("dispute_lost", "decided      "),
    ],
)
def test_a_mail_says_of_what_its_date_is(desk: Desk, receiver: Receiver, kind: str, says: str) -> None:
    """Nobody takes the day of a refund or of a dispute for that of the order."""
    text = told_of(desk, receiver, kind)[1]
    assert re.search(rf"^    {says}\d+ \w+ \d{{4}}, \d\d:\d\d UTC$", text, re.MULTILINE)
    assert "    date " not in text


@pytest.mark.parametrize("level", [20, 0])
def test_a_mail_of_low_credits_says_what_is_owed(desk: Desk, level: int) -> None:
    """Where credits that were spent had been taken back, their user is told so; where not, nothing is."""
    account = desk.account()
    notice = Notice("1", 0, "credits_low", account.account_id, {**LOW, "level": level}, 0)
    owing = Account(account.item | {"debt": {"N": "7000000"}})
    for who, is_told in ((owing, True), (account, False)):
        composed = mails.compose(notice, who, "", 0)
        assert composed
        assert ("You owe 7 credits" in composed[1]) is is_told


def test_the_page_shows_a_mail_as_it_is_sent(desk: Desk, receiver: Receiver) -> None:
    """That of a purchase, but for its time; and it names every type of webhook."""
    text = told_of(desk, receiver, "purchase")[1]
    mailed = special("a receipt by mail").code
    date = re.compile(r"date +.*")
    body = mailed.partition("\n\n")[2]
    assert date.sub("date", body.strip()).splitlines() == date.sub("date", text.strip()).splitlines()
    assert {name for name in webhooks.TYPES.values() if f"`{name}`" in PAGE.read_text()} == set(webhooks.TYPES.values())


def test_the_page_shows_the_head_of_a_webhook(told: Told) -> None:
    """Its method and its headers, by their names and in the form that they have."""
    first, *lines = special("a webhook's head").code.splitlines()
    shown = dict(line.split(": ", 1) for line in lines)
    assert first.startswith("POST /")
    assert set(shown) <= set(told.headers)
    assert {name for name in told.headers if name.startswith("webhook-")} <= set(shown)
    assert shown["content-type"] == told.headers["content-type"]
    for name in ("webhook-timestamp", "webhook-signature"):
        assert len(shown[name]) == len(told.headers[name])


@pytest.fixture
def told(desk: Desk, receiver: Receiver) -> Told:
    """One webhook, as it came."""
    desk.put("credits_low", desk.account().account_id, LOW)
    desk.run()
    return receiver.told[0]


@pytest.mark.parametrize("name", ["a webhook verified in Python", "a webhook verified in Node"])
def test_the_pages_examples_verify(told: Told, tmp_path: Path, name: str) -> None:
    """Python's and Node's, as they stand there: they take what we sent, and refuse it changed, old or unsigned."""
    example, language = special(name).code, special(name).language
    path = tmp_path / ("receive.py" if language == "python" else "receive.mjs")
    calls = {
        "python": "\nimport json, sys\nprint(json.dumps(verified(*json.load(sys.stdin))))\n",
        "js": "\nimport { readFileSync } from 'node:fs';\n"
        "console.log(JSON.stringify(verified(...JSON.parse(readFileSync(0, 'utf8')))));\n",
    }
    path.write_text(example + calls[language])

    def ask(headers: dict[str, str], body: bytes, secret: str = SECRET) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable if language == "python" else "node", str(path)]
        given = json.dumps([headers, body.decode(), secret])
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=30)

    good = ask(told.headers, told.body)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["type"] == "credits.low"
    old = str(int(time.time()) - 3600)
    for headers, body, secret in (
        (told.headers, told.body.replace(b'"percent":20', b'"percent":50'), SECRET),
        (told.headers | {"webhook-timestamp": old}, told.body, SECRET),
        (told.headers | {"webhook-id": "another"}, told.body, SECRET),
        (told.headers | {"webhook-signature": "v1,AAAA"}, told.body, SECRET),
        (told.headers, told.body, "whsec_" + "A" * 32),
    ):
        assert ask(headers, body, secret).returncode != 0

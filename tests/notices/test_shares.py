"""What one receiver, one address or one bad answer of the ledger costs the others: nothing."""

import smtplib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.accounts import mail
from functions.errors import LedgerUnavailable, MailUnavailable
from functions.ledger.notices import Notice
from functions.notices.telling import (
    BEGUN_RETRY_MAX_S,
    FAILURES_MAX,
    GIVEN_UP_AFTER_S,
    MAIL,
    PUT_OFF_S,
    SHARES,
    WEBHOOK,
)
from functions.settings import Settings
from tests.ledger.faults import Call, Fault
from tests.notices.desk import Desk
from tests.notices.receiver import Receiver

NAMES = ("ada", "bob", "cyd", "dan", "eve")
REFUSED = smtplib.SMTPRecipientsRefused({"ada@people.example.com": (550, b"no such user")})
BUSY = smtplib.SMTPRecipientsRefused({"ada@people.example.com": (421, b"too busy")})


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> "Relay":
    """A mail server that does to each mail what a test says."""
    relay = Relay()
    monkeypatch.setattr(smtplib, "SMTP", lambda *_, **__: relay)
    return relay


class Relay:
    def __init__(self) -> None:
        self.took: list[str] = []
        self.answers: Callable[[str], Exception | None] = lambda _address: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be closed."""

    def ehlo(self) -> None:
        """It says hello."""

    def has_extn(self, _name: str) -> bool:
        return False

    def send_message(self, message: Any) -> None:
        if error := self.answers(message["To"]):
            raise error
        self.took.append(message["To"])


def mailing(desk: Desk) -> list[str]:
    """Five users, to each of whom a receipt is due; gives their addresses."""
    desk.settings = replace(desk.settings, mail_outbox="", smtp_host="127.0.0.1", notices_url="")
    addresses = [f"{name}@people.example.com" for name in NAMES]
    for address in addresses:
        desk.put("purchase", desk.account(address).account_id)
        desk.passes(1)
    return addresses


@pytest.mark.parametrize("error", [REFUSED, smtplib.SMTPDataError(554, b"spam"), ValueError("no address")])
def test_an_address_that_is_refused_is_no_failure_of_the_relay(desk: Desk, relay: Relay, error: Exception) -> None:
    """However many are: the mails behind them are sent in the same run, and they are tried again."""
    *wrong, good = mailing(desk)
    relay.answers = lambda address: error if address in wrong else None
    assert len(wrong) > FAILURES_MAX
    assert desk.run() == Counter(failed=len(wrong), told=1)
    assert relay.took == [good]
    assert [notice.tries for notice in desk.waiting()] == [1] * len(wrong)


@pytest.mark.parametrize(
    "error", [BUSY, smtplib.SMTPDataError(451, b"later"), smtplib.SMTPServerDisconnected(), OSError("no route")]
)
def test_a_relay_that_takes_no_mail_is_left_alone(desk: Desk, relay: Relay, error: Exception) -> None:
    """After a few failures in a row, until the next run."""
    mailing(desk)
    relay.answers = lambda _address: error
    assert desk.run() == Counter(failed=FAILURES_MAX, put_off=len(NAMES) - FAILURES_MAX)


@pytest.mark.parametrize(("code", "kind"), [("MessageRejected", mail.MailRefused), ("Throttling", MailUnavailable)])
def test_ses_says_whether_it_is_the_mail(monkeypatch: pytest.MonkeyPatch, code: str, kind: type[Exception]) -> None:
    """What it rejects is that mail's failure; all else is its own."""

    class Ses:
        def send_email(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": code}}, "SendEmail")

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Ses())
    with pytest.raises(MailUnavailable) as raised:
        mail.send(Settings(), mail.compose("us@example.com", "ada@people.example.com", "Hello", "Hello"))
    assert type(raised.value) is kind


def test_what_begins_something_is_never_given_up(desk: Desk) -> None:
    """A top-up that waited for three days and fails then is tried on, each hour at least, until it is done."""
    desk.put("top_up", desk.account().account_id)
    answers: list[int | None] = [300, None, None, None, None, None, None, 0]

    def begin(_till: object, _notice: Notice) -> int:
        again_s = answers.pop(0)
        if again_s is None:
            raise LedgerUnavailable("down")
        return again_s

    assert desk.run({"top_up": begin}) == Counter(put_off=1)
    desk.passes(GIVEN_UP_AFTER_S)
    while len(answers) > 1:
        assert desk.run({"top_up": begin}) == Counter(failed=1)
        desk.passes(BEGUN_RETRY_MAX_S + 1)
    assert desk.run({"top_up": begin}) == Counter(told=1)
    assert desk.waiting() == []


def test_top_ups_of_one_project_have_more_than_a_webhooks_share(desk: Desk) -> None:
    """Two seconds each: thirty in a run, and the others in the next one, not an hour later."""
    account = desk.account()
    for _ in range(40):
        desk.put("top_up", account.account_id)

    def begin(_till: object, _notice: Notice) -> int:
        desk.passes(2)
        return 0

    assert desk.run({"top_up": begin}) == Counter(told=30, put_off=10)
    assert {notice.due - int(desk.clock.now()) for notice in desk.waiting()} == {PUT_OFF_S}


def test_many_slow_owners_leave_time_for_receipts(desk: Desk, theirs: Receiver) -> None:
    """Twelve projects that take seven seconds for each webhook have one share of the run; a mail is sent in it."""
    slow = [desk.project(theirs.url) for _ in range(12)]
    theirs.on_request = lambda: desk.passes(7)
    for project_id in slow * 2:
        desk.put("purchase", desk.user(project_id))
    desk.passes(1)
    desk.settings = replace(desk.settings, notices_url="")
    desk.put("purchase", desk.account().account_id)
    begun_s = desk.clock.now()
    told = desk.run()
    assert desk.clock.now() - begun_s <= SHARES[WEBHOOK].all_s + 7
    assert len(desk.mails()) == 1
    assert (len(theirs.told), told["told"], told["put_off"]) == (
        9,
        9,
        24 - 9 + 1,
    )  # of the last, what is mailed is told
    assert sum(share.all_s for share in SHARES.values()) <= 240
    assert SHARES[MAIL].each_s == SHARES[MAIL].all_s


def test_one_notice_that_the_ledger_does_not_answer_for_ends_no_run(desk: Desk) -> None:
    """It failed, and comes again later and later; the others are told."""
    accounts = [desk.account(f"{name}@farebox.test").account_id for name in NAMES]
    for account_id in accounts:
        desk.put("purchase", account_id)
        desk.passes(1)
    desk.settings = replace(desk.settings, notices_url="")

    def silent(_number: int, call: Call) -> Fault | None:
        return Fault.LOST_CALL if call.operation == "GetItem" and accounts[1] in str(call.request) else None

    assert desk.run(when=silent) == Counter(told=4, failed=1)
    assert [(one.account_id, one.tries) for one in desk.waiting()] == [(accounts[1], 1)]


@pytest.mark.parametrize("what", ["accounts", "TransactWriteItems"])
def test_a_ledger_that_answers_nobody_ends_the_run(desk: Desk, what: str) -> None:
    """After a few in a row, whether it cannot be read or not be written; nothing is told twice for it."""
    for name in NAMES:
        desk.put("purchase", desk.account(f"{name}@farebox.test").account_id)
        desk.passes(1)
    desk.settings = replace(desk.settings, notices_url="")

    def silent(_number: int, call: Call) -> Fault | None:
        is_it = what in (call.operation, call.request.get("TableName"))
        return Fault.LOST_CALL if is_it else None

    if what == "accounts":
        with pytest.raises(LedgerUnavailable):
            desk.run(when=silent)
        assert sorted(notice.tries for notice in desk.waiting()) == [0, 0, 0, 1, 1]
    else:
        assert desk.run(when=silent) == Counter()
    assert desk.mails() == []

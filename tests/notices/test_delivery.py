"""Notices are told at least once, as a rule once, in each way by itself, and nobody waits for one who is slow."""

import logging
import time
from collections import Counter
from dataclasses import replace

import pytest

from functions.ledger import notices, projects
from functions.ledger.notices import LEASE_S
from functions.ledger.tables import drive
from functions.notices import telling, webhooks
from functions.notices.telling import FAILURES_MAX, GIVEN_UP_AFTER_S, PUT_OFF_S, RETRY_S
from tests.ledger.faults import Crash, Fault
from tests.notices.desk import EMAIL, ORDER, Desk, settings_for
from tests.notices.receiver import SECRET, Receiver

LOW = {"level": 20, "left": 2 * 10**11, "full": 10**12}


def test_a_notice_is_told_by_mail_and_by_webhook_and_is_gone(desk: Desk, receiver: Receiver) -> None:
    """One purchase is one mail and one signed webhook; the next runs find nothing."""
    account = desk.account()
    desk.put("purchase", account.account_id)
    (put,) = desk.waiting()
    assert desk.run() == Counter(told=1)
    assert [desk.run(), desk.waiting()] == [Counter(), []]
    (mail,), (told,) = desk.mails(), receiver.told
    assert mail["To"] == EMAIL
    assert mail["Message-ID"] == f"<{put.id}@farebox.invalid>"
    assert told.headers["webhook-id"] == put.id
    assert told.verified()["type"] == "purchase.paid"


def test_a_webhook_that_fails_is_tried_again_later_and_the_mail_is_not(desk: Desk, receiver: Receiver) -> None:
    """After a minute, five, thirty, two hours, twelve: the same id each time, newly signed, and one mail in all."""
    desk.put("purchase", desk.account().account_id)
    receiver.status = 500
    for wait_s in RETRY_S:
        assert desk.run() == Counter(failed=1)
        desk.passes(wait_s - 2)
        assert desk.run() == Counter()
        desk.passes(3)
    receiver.status = 204
    assert desk.run() == Counter(told=1)
    assert len(receiver.told) == len(RETRY_S) + 1
    assert len(set(receiver.ids)) == 1
    assert len(desk.mails()) == 1


def test_a_mail_that_fails_is_tried_again_and_the_webhook_is_not(desk: Desk, receiver: Receiver) -> None:
    """Each way is told apart from the other."""
    desk.put("purchase", desk.account().account_id)
    good = desk.settings
    desk.settings = replace(good, mail_outbox="", smtp_host="127.0.0.1", smtp_port=9)
    account = desk.account("ada@people.example.com")
    desk.put("purchase", account.account_id)
    assert desk.run() == Counter(told=1, failed=1)  # nobody can receive at farebox.test
    desk.settings = good
    desk.passes(RETRY_S[0] + 1)
    assert desk.run() == Counter(told=1)
    assert len(receiver.told) == 2
    assert [mail["To"] for mail in desk.mails()] == ["ada@people.example.com"]


def test_after_three_days_it_is_given_up_and_said_so(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Not before, and with an error in the log that has neither the URL nor the secret."""
    desk.put("purchase", desk.account().account_id)
    receiver.status = 410
    begun_s = desk.clock.now()
    while (told := desk.run())["given_up"] == 0:
        desk.passes((told["failed"] and 60.5) or 600)
    assert GIVEN_UP_AFTER_S <= desk.clock.now() - begun_s <= GIVEN_UP_AFTER_S + RETRY_S[-1] + 600
    assert [record.levelno for record in caplog.records if "given up" in record.message] == [logging.ERROR]
    assert receiver.url not in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_whoever_dies_with_a_lease_has_it_told_by_another(desk: Desk, receiver: Receiver, fault: Fault) -> None:
    """Not before its lease is over, then with the same id; so a receiver that looks at it takes it once."""
    desk.put("purchase", desk.account().account_id)

    def dies(number: int, call: object) -> Fault | None:
        return fault if getattr(call, "operation", "") == "DeleteItem" else None

    with pytest.raises(Crash):
        desk.run(when=dies)
    desk.passes(LEASE_S - 2)
    assert desk.run() == Counter()
    desk.passes(3)
    told = desk.run()
    assert told == (Counter(told=1) if fault is Fault.CRASH_BEFORE else Counter())
    assert len(set(receiver.ids)) == 1
    assert len(receiver.ids) == 1 + (fault is Fault.CRASH_BEFORE)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
@pytest.mark.parametrize("number", range(8))
def test_no_lost_or_late_answer_loses_or_doubles_a_notice(
    desk: Desk, receiver: Receiver, fault: Fault, number: int
) -> None:
    """Whichever call it strikes, the purchase is told, and only once, for nobody died."""
    account = desk.account()
    desk.put("purchase", account.account_id)
    try:
        desk.run(when=lambda index, call: fault if index == number and call.is_write else None)
    finally:
        for _ in range(4):
            desk.passes(LEASE_S + 1)
            desk.run()
    assert len(receiver.told) == 1
    assert len(desk.mails()) == 1
    assert desk.waiting() == []


def test_of_two_errands_at_once_one_tells(desk: Desk, receiver: Receiver) -> None:
    """Both found it due; whoever leases it first tells it, and the other does nothing."""
    desk.put("purchase", desk.account().account_id)
    (seen,) = drive(notices.due(desk.ledger, 10))
    assert drive(notices.lease(desk.ledger, seen))
    assert drive(notices.lease(desk.ledger, seen)) is None
    assert desk.run() == Counter()
    assert receiver.told == []


def test_an_owner_who_does_not_answer_holds_nobody_up(desk: Desk, theirs: Receiver, receiver: Receiver) -> None:
    """Forty notices to a dead receiver stand before that of another: it is told in the same run, after few attempts."""
    slow, other = desk.project(theirs.url), desk.account()
    theirs.status = 500
    for _ in range(40):
        desk.put("purchase", desk.user(slow))
    desk.passes(1)
    desk.put("purchase", other.account_id)
    told = desk.run()
    assert told == Counter(told=1, failed=FAILURES_MAX, put_off=40 - FAILURES_MAX)
    assert len(receiver.told) == 1
    assert len(theirs.told) == FAILURES_MAX
    later = sorted(notice.due - int(desk.clock.now()) for notice in desk.waiting())
    assert (later[0], later[-1]) == (PUT_OFF_S, 4 * PUT_OFF_S)
    theirs.status = 200
    for _ in range(5):
        desk.passes(RETRY_S[0] + 1)
        desk.run()
    assert desk.waiting() == []
    assert len(set(theirs.ids)) == 40


def test_a_receiver_that_is_silent_is_not_waited_for(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a time to answer in; then it has failed, whatever it did with what came."""
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.3)
    receiver.delay_s = 3.0
    desk.put("purchase", desk.account().account_id)
    begun_s = time.monotonic()
    assert desk.run() == Counter(failed=1)
    assert time.monotonic() - begun_s < 2.5


def test_an_owner_who_answers_slowly_has_a_share_of_the_time(desk: Desk, theirs: Receiver, receiver: Receiver) -> None:
    """Seven seconds each: after three the rest waits for the next run, and others do not."""
    slow, other = desk.project(theirs.url), desk.account()
    theirs.on_request = lambda: desk.passes(7)
    for _ in range(9):
        desk.put("purchase", desk.user(slow))
    desk.passes(1)
    desk.put("purchase", other.account_id)
    assert desk.run() == Counter(told=4, put_off=6)
    assert len(receiver.told) == 1


def test_what_is_put_off_for_days_is_given_up_as_well(desk: Desk, theirs: Receiver) -> None:
    """A receiver that is dead for long does not gather notices for ever."""
    slow = desk.project(theirs.url)
    theirs.status = 500
    for _ in range(9):
        desk.put("purchase", desk.user(slow))
    desk.passes(GIVEN_UP_AFTER_S + 1)
    assert desk.run() == Counter(given_up=9)
    assert desk.waiting() == []


def test_errands_end_while_time_is_left(desk: Desk, receiver: Receiver) -> None:
    """What is not told then waits for the next run, and nothing is leased for it."""
    account = desk.account()
    for _ in range(5):
        desk.put("purchase", account.account_id)
    assert desk.run(most=3) == Counter(told=2)
    assert [notice.due for notice in desk.waiting()] == [int(desk.clock.now())] * 3
    assert desk.run() == Counter(told=3)
    assert len(set(receiver.ids)) == 5


def test_more_than_a_page_is_told_and_a_late_one_as_well(desk: Desk, receiver: Receiver) -> None:
    """Reading is bounded, telling is not; one that was put by a clock far behind is found."""
    account = desk.account()
    for _ in range(telling.PAGE * 2 + 3):
        desk.put("purchase", account.account_id)
    assert desk.run() == Counter(told=telling.PAGE * 2 + 3)
    desk.passes(-500)
    desk.put("purchase", account.account_id)
    desk.passes(500)
    assert desk.run() == Counter(told=1)


def test_a_kind_of_a_newer_version_is_not_lost(desk: Desk) -> None:
    """It is tried again later; by then somebody may know it."""
    desk.put("of_tomorrow", desk.account().account_id)
    assert desk.run() == Counter(failed=1)
    assert len(desk.waiting()) == 1


def test_a_kind_can_begin_something_and_come_again(desk: Desk, receiver: Receiver) -> None:
    """It says when it is to be asked again, for as long as it likes; what it raises is a failure like others."""
    answers = iter((300, 86_400, 0))
    desk.put("top_up", desk.account().account_id)
    begun: list[float] = []

    def begin(till: object, notice: notices.Notice) -> int:
        begun.append(desk.clock.now())
        return next(answers)

    assert desk.run({"top_up": begin}) == Counter(put_off=1)
    desk.passes(GIVEN_UP_AFTER_S)
    assert desk.run({"top_up": begin}) == Counter(put_off=1)
    assert desk.run({"top_up": begin}) == Counter()
    desk.passes(86_401)
    assert desk.run({"top_up": begin}) == Counter(told=1)
    assert (len(begun), receiver.told, desk.mails()) == (3, [], [])
    desk.put("top_up", desk.account("bob@farebox.test").account_id)
    assert desk.run({"top_up": begin}) == Counter(failed=1)


def test_a_user_without_an_address_is_the_owners_to_tell(desk: Desk, theirs: Receiver, receiver: Receiver) -> None:
    """Users known by a token have no mail; their owner is told, and nobody of another project."""
    project_id = desk.project(theirs.url)
    user = desk.user(project_id)
    desk.put("credits_low", user, LOW)
    assert desk.run() == Counter(told=1)
    (told,) = theirs.told
    assert told.verified()["data"]["project"] == project_id
    assert (desk.mails(), receiver.told) == ([], [])


def test_a_secret_is_never_used_for_another_url(desk: Desk, theirs: Receiver, receiver: Receiver) -> None:
    """Whoever writes another URL into the document gives the secret again; until then nothing goes there."""
    project_id = desk.project(theirs.url)
    desk.move(project_id, receiver.url)
    desk.put("credits_low", desk.user(project_id), LOW)
    assert desk.run() == Counter(failed=1)
    assert receiver.told == theirs.told == []


def test_nothing_is_sent_where_nobody_asked_for_it(desk: Desk, theirs: Receiver) -> None:
    """A project without the secret, or that is closed, an operator without a URL: only what is mailed is told."""
    without = desk.project(theirs.url)
    drive(projects.drop_sealed(desk.ledger, without, "notices/secret"))
    closed = desk.project(theirs.url)
    drive(projects.close(desk.ledger, closed))
    for project_id in (without, closed):
        desk.put("credits_low", f"{project_id}/123456789012", LOW)
    desk.settings = settings_for(desk.outbox)
    desk.put("credits_low", desk.account().account_id, LOW)
    assert desk.run() == Counter(told=3)
    assert theirs.told == []
    assert len(desk.mails()) == 1


def test_no_redirect_is_followed(desk: Desk, receiver: Receiver, theirs: Receiver) -> None:
    """Elsewhere is somewhere that nobody gave a secret for."""
    receiver.status, receiver.headers = 307, {"location": theirs.url}
    desk.put("purchase", desk.account().account_id, ORDER)
    assert desk.run() == Counter(failed=1)
    assert theirs.told == []


def test_an_owners_url_reaches_no_address_inside(desk: Desk, theirs: Receiver) -> None:
    """What is not public, nor allowed by the operator, is not called, whatever name leads there."""
    project_id = desk.project(theirs.url.replace("127.0.0.1", "localhost"))
    desk.settings = replace(desk.settings, outbound_allowed_cidrs=())
    desk.put("credits_low", desk.user(project_id), LOW)
    assert desk.run() == Counter(failed=1)
    assert theirs.told == []

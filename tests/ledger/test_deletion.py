"""Deleting an account: what goes, what stays, and what those who left find when they come again."""

from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from functions.errors import NotConfigured
from functions.ledger import (
    credentials,
    deletion,
    entries,
    extend,
    grants,
    journal,
    leftovers,
    orders,
    settle,
    tidy,
    top_ups,
)
from functions.ledger.account import LATE_S, AccountGone
from functions.ledger.extend import More
from functions.ledger.tables import drive
from tests.ledger.arrange import HOLD_S, paper
from tests.ledger.leaver import (
    ADDRESS,
    AMOUNT,
    EMAIL,
    GIVEN,
    LEFT,
    NAME,
    PACK,
    TRIAL,
    Leaver,
    Meanwhile,
    again,
    hear,
    subject,
)
from tests.payments.counter import Truth

OTHER_TAG = replace(ADDRESS, email=f"{NAME}+more@farebox.test")


def test_an_account_is_deleted_and_its_books_stay() -> None:
    """Everything that could be spent is forfeited by one entry that says who and why, and names nobody."""
    leaver = Leaver()
    done = leaver.delete()
    assert (done.account_id, done.forfeited, done.finished) == (leaver.account_id, LEFT, True)
    leaver.judge()
    account = leaver.account
    assert (account.spent, account.credited, account.paid, account.lots) == (1_311, 1_311, 0, {})
    last = drive(entries.history(leaver.ledger, leaver.account_id, 1))[0]
    assert (last.reason, last.amount, last.by, last.why) == ("deleted", -LEFT, "user", "… wants to leave")
    assert leaver.delete() == done
    leaver.judge()


def test_what_runs_settles_as_usual_and_the_night_forfeits_the_rest() -> None:
    """The answer is charged; what comes back is forfeited when the account is looked at again."""
    leaver = Leaver()
    running = leaver.begin(3_000)
    done = leaver.delete()
    assert (done.finished, done.forfeited) == (False, LEFT - 3_000)
    leaver.judge(erased=False)
    with pytest.raises(AccountGone):
        leaver.begin(10)
    hold, _ = (
        drive(extend.extend(leaver.ledger, running.account, running.hold, More(4_000, 1)))
        if False
        else (running.hold, 0)
    )
    assert hold is running.hold
    leaver.end(running, 2_500)
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    leaver.judge()
    account = leaver.account
    assert (account.spent, account.paid) == (1_311 + 2_500, 0)
    assert account.number("forfeited") + account.expired == LEFT - 2_500


def test_a_hold_whose_process_died_expires_and_is_forfeited() -> None:
    """Nobody settles it: the night heals it, and then nothing is left."""
    leaver = Leaver()
    leaver.begin(3_000)
    leaver.delete()
    leaver.clock.time_s += HOLD_S + 1
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    leaver.judge()


def test_a_hold_does_not_grow_once_its_account_is_deleted() -> None:
    """Its stream goes on to what was held."""
    leaver = Leaver()
    running = leaver.begin(3_000)
    leaver.delete()
    hold, after = drive(extend.extend(leaver.ledger, running.account, running.hold, More(4_000, 1)))
    assert (hold, after.state) == (running.hold, "deleted")


def test_a_receipt_that_comes_after_all_was_removed_goes_in_another_night() -> None:
    """Of a process that was asleep: its hold was resolved meanwhile, so it costs nothing, and nobody keeps it."""
    leaver = Leaver()
    running = leaver.begin(3_000)
    leaver.delete()
    leaver.clock.time_s += HOLD_S + 1
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    with pytest.raises(settle.HoldResolved):
        drive(settle.settle(leaver.ledger, running.account, running.hold, paper(running.account, running.hold, 5)))
    assert leaver.mine("receipts")
    assert leaver.account.has_leftovers(leaver.clock.now())
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    leaver.judge()
    leaver.clock.time_s += LATE_S
    assert not leaver.account.has_leftovers(leaver.clock.now())


@pytest.mark.parametrize(
    "address", [ADDRESS, OTHER_TAG, replace(ADDRESS, email=ADDRESS.mailbox)], ids=lambda one: one.email
)
def test_a_mailbox_that_left_begins_anew_without_a_trial(address: grants.Address) -> None:
    """By the address, by another tag, by none; as often as one likes."""
    leaver = Leaver()
    leaver.delete()
    for _ in range(3):
        account = again(leaver, address)
        assert (account.credited, account.email, account.state) == (0, address.email, "open")
        assert account.account_id != leaver.account_id
        drive(deletion.delete(leaver.ledger, account.account_id))
        leaver.nobody()
    leaver.judge()


def test_where_each_address_has_a_trial_another_tag_has_its_own() -> None:
    """TRIAL_PER_MAILBOX=0 stays what it is; the address that was deleted has had its own."""
    leaver = Leaver()
    leaver.delete()
    alone = replace(OTHER_TAG, mailbox="")
    assert again(leaver, alone).credited == TRIAL.amount
    assert again(leaver, replace(ADDRESS, mailbox="")).credited == 0


def test_the_trial_of_a_mailbox_is_not_had_again_by_those_who_share_it() -> None:
    """Two tags of a mailbox: whichever is deleted, neither brings another trial, and the other keeps its account."""
    leaver = Leaver()
    other = again(leaver, OTHER_TAG)
    assert other.credited == 0
    leaver.delete()
    assert again(leaver, replace(ADDRESS, email=f"{NAME}+third@farebox.test")).credited == 0
    assert drive(tidy.read(leaver.ledger, other.account_id)).email == OTHER_TAG.email


def test_nobody_agrees_to_a_top_up_of_a_deleted_account() -> None:
    """Not even by a request that began before, where there was none to replace."""
    leaver = Leaver(agrees=False)
    before = drive(top_ups.read(leaver.ledger, leaver.account_id))
    leaver.delete()
    with pytest.raises(top_ups.TopUpChanged):
        drive(top_ups.begin(leaver.ledger, before, leaver.terms, leaver.order(orders.SETUP, "cs_again")))
    leaver.judge()


def test_a_deleted_account_gets_no_key() -> None:
    """By nobody, in no moment: there is none to find."""
    leaver = Leaver()
    leaver.delete()
    with pytest.raises(AccountGone):
        drive(credentials.add_key(leaver.ledger, leaver.account_id))
    assert leaver.mine("credentials") == [one for one in leaver.mine("credentials") if one["state"]["S"] == "revoked"]


def test_without_a_secret_nobody_with_an_address_is_deleted() -> None:
    """A tombstone that anybody could compute would say who it was."""
    leaver = Leaver()
    with pytest.raises(NotConfigured):
        leaver.delete(replace(leaver.ledger, secret=""))
    assert leaver.account.state == "open"


def test_an_account_that_is_not_there_is_told() -> None:
    """Nothing is made of a number that nobody has."""
    with pytest.raises(AccountGone):
        drive(deletion.delete(Leaver().ledger, "default/1"))


def test_money_that_comes_after_is_entered_and_kept_for_whoever_gives_it_back() -> None:
    """It is not forfeited; a refund then takes what it brought, and nothing is owed."""
    leaver = Leaver()
    leaver.delete()
    hear(leaver)
    assert leaver.account.paid == PACK
    assert leaver.delete().forfeited == LEFT
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    assert leaver.account.paid == PACK
    leaver.truth = Truth(refunded=AMOUNT)
    hear(leaver)
    assert (leaver.account.paid, leaver.account.debt) == (0, 0)
    assert drive(leftovers.finish(leaver.ledger, leaver.account_id))
    leaver.judge()


def test_nothing_is_entered_by_hand_any_more() -> None:
    """Neither anew nor by the reference of an entry that was made before."""
    leaver = Leaver()
    leaver.delete()
    for reference in ("new", f"goodwill for {EMAIL}"):
        with pytest.raises(AccountGone):
            drive(journal.enter(leaver.ledger, leaver.account_id, journal.Entry(GIVEN, "adjustment", reference)))
    with pytest.raises(AccountGone):
        drive(tidy.read(leaver.ledger, leaver.account_id))


def test_where_the_books_are_wrong_the_receipts_wait() -> None:
    """They are what somebody who looks at it needs."""
    leaver = Leaver()
    leaver.table.items("p-accounts")[next(iter(leaver.table.items("p-accounts")))]["spent"] = {"N": "1"}
    done = leaver.delete()
    assert not done.finished
    assert len(leaver.mine("receipts")) == 2


def seen(leaver: Leaver, gain: grants.Trial) -> str:
    return drive(grants.first_sight(leaver.ledger, subject(), gain))


def test_a_subject_that_left_begins_anew_without_a_gain() -> None:
    """The hash of who it is stays, and leads to nobody; whoever comes first makes the account, others find it."""
    leaver = Leaver()
    ledger, gain = leaver.ledger, grants.Trial(500, 0)
    first = drive(grants.first_sight(ledger, subject(), gain))
    drive(deletion.delete(ledger, first))
    assert drive(grants.find_subject(ledger, subject())) is None
    assert [one for one in leaver.items("members") if one["scope"]["S"].startswith("project/")] == []
    for number in count():
        races = Leaver()
        old = drive(grants.first_sight(races.ledger, subject(), gain))
        drive(deletion.delete(races.ledger, old))
        store = Meanwhile(races.table, number, partial(seen, races, gain))
        made = drive(grants.first_sight(replace(races.ledger, store=store), subject(), gain))
        found = drive(grants.find_subject(races.ledger, subject()))
        assert found
        assert found[0] == made != old
        assert found[1].credited == 0
        if not store.happened:
            break

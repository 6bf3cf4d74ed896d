"""Deleting an account: once, whatever fails, and whatever happens while it is deleted."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import pytest

from functions.errors import FareboxError, LedgerUnavailable
from functions.ledger import (
    abuse,
    credentials,
    deletion,
    grants,
    journal,
    orders,
    settle,
    top_ups,
)
from functions.ledger.account import AccountGone
from functions.ledger.admit import CredentialsChanged
from functions.ledger.store import Item
from functions.ledger.tables import drive
from tests.ledger.faults import Crash, Fault, at
from tests.ledger.leaver import (
    ADDRESS,
    AMOUNT,
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

REFUSED = (FareboxError, CredentialsChanged, AccountGone)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_fault_at_any_call_deletes_once(fault: Fault) -> None:
    """Wherever the process ends or a call is lost, late or doubled: sent again it is done, and no write undoes it."""
    for number in count():
        leaver = Leaver()
        ledger, store = leaver.process(at(number, fault))
        with suppress(Crash, LedgerUnavailable):
            leaver.delete(ledger)
        drive(store.deliver())
        done = leaver.delete()
        assert (done.forfeited, done.finished) == (LEFT, True), number
        leaver.judge()
        drive(store.replay())
        leaver.judge()
        assert (again(leaver).credited, again(leaver).state) == (0, "open")
        drive(store.replay())
        assert again(leaver).state == "open"
        if not store.struck:
            break
    assert number > 15, "it was hardly tried"


MEANWHILE: dict[str, Callable[[Leaver], object]] = {}


def meanwhile(what: Callable[[Leaver], object]) -> Callable[[Leaver], object]:
    MEANWHILE[what.__name__] = what
    return what


@meanwhile
def uses(leaver: Leaver) -> None:
    """A request from its beginning to its end."""
    with suppress(*REFUSED):
        leaver.use(50)


@meanwhile
def begins(leaver: Leaver) -> None:
    """A request that still runs when all is done."""
    with suppress(*REFUSED):
        leaver.running = leaver.begin(500)


@meanwhile
def deletes_too(leaver: Leaver) -> None:
    leaver.delete()


@meanwhile
def registers(leaver: Leaver) -> None:
    """A mail with another key, or a new account."""
    drive(grants.register(leaver.ledger, ADDRESS, TRIAL))


@meanwhile
def makes_a_key(leaver: Leaver) -> None:
    with suppress(AccountGone):
        drive(credentials.add_key(leaver.ledger, leaver.account_id))


@meanwhile
def buys(leaver: Leaver) -> None:
    hear(leaver)


@meanwhile
def buys_and_gets_it_back(leaver: Leaver) -> None:
    hear(leaver)
    leaver.truth = Truth(refunded=AMOUNT)
    hear(leaver)


@meanwhile
def is_given_credits(leaver: Leaver) -> None:
    entry = journal.Entry(100, "adjustment", f"another for {NAME}", None, "operator", f"{NAME} again")
    with suppress(AccountGone):
        drive(journal.enter(leaver.ledger, leaver.account_id, entry))


@meanwhile
def agrees_anew(leaver: Leaver) -> None:
    before = drive(top_ups.read(leaver.ledger, leaver.account_id))
    with suppress(top_ups.TopUpChanged):
        drive(top_ups.begin(leaver.ledger, before, leaver.terms, leaver.order(orders.SETUP, "cs_again")))


@meanwhile
def is_blocked(leaver: Leaver) -> None:
    drive(abuse.block(leaver.ledger, leaver.account_id, None))


@pytest.mark.parametrize("what", MEANWHILE.values(), ids=MEANWHILE.keys())
def test_whatever_happens_while_an_account_is_deleted_it_is_deleted(what: Callable[[Leaver], object]) -> None:
    """Before each of its calls: credits are forfeited once or stay for the money, and nothing of the user is left."""
    for number in count():
        leaver = Leaver()
        store = Meanwhile(leaver.table, number, partial(what, leaver))
        leaver.delete(replace(leaver.ledger, store=store))
        leaver.judge(erased=False)
        if leaver.running:
            leaver.end(leaver.running, 9)
        assert leaver.delete().finished
        if what is not registers:
            leaver.judge()
        account = leaver.account
        held = sum(int(item["amount"]["N"]) for item in leaver.mine("journal")) - account.spent - account.expired
        assert account.paid == held
        assert account.paid in (0, PACK), (number, account.paid)
        if not store.happened:
            break
    assert number > 15


def test_what_was_paid_and_is_taken_meanwhile_is_not_forfeited() -> None:
    """The gift is used up, so requests take from what was paid: the entry is of what there is when it is written."""
    for number in count():
        leaver = Leaver()
        leaver.use(leaver.account.lots["trial"].left)
        store = Meanwhile(leaver.table, number, partial(uses, leaver))
        assert leaver.delete(replace(leaver.ledger, store=store)).finished
        leaver.judge()
        if not store.happened:
            break


@dataclass
class Busy:
    """A store before whose every write a request was answered."""

    leaver: Leaver

    async def call(self, operation: str, request: Item) -> Item:
        if operation == "TransactWriteItems":
            uses(self.leaver)
        return await self.leaver.table.call(operation, request)


def test_however_busy_an_account_is_it_is_closed() -> None:
    """Where what is left changes all the time it is closed without being counted; the rest is forfeited after."""
    leaver = Leaver()
    done = leaver.delete(replace(leaver.ledger, store=Busy(leaver)))
    used = leaver.account.spent - 1_311
    assert (done.finished, done.forfeited, used) == (True, LEFT - used, 50 * (deletion.PATIENT_TRIES + 1))
    leaver.judge()


@pytest.mark.parametrize("what", MEANWHILE.values(), ids=MEANWHILE.keys())
def test_an_account_that_is_deleted_while_something_happens_stays_deleted(what: Callable[[Leaver], object]) -> None:
    """Before each call of whatever it is: it is refused, or it happened before; nothing brings anybody back."""
    for number in count():
        leaver = Leaver()
        plain, store = leaver.ledger, Meanwhile(leaver.table, number, lambda: None)
        store.what = partial(leaver.delete, plain)
        leaver.ledger = replace(plain, store=store)
        with suppress(*REFUSED, settle.HoldResolved):
            what(leaver)
        leaver.ledger = plain
        if leaver.running:
            leaver.end(leaver.running, 9)
        if store.happened:
            assert leaver.delete().finished
            if what is registers:
                assert all(int(one["credited"]["N"]) == 0 for one in leaver.items("accounts") if "email" in one)
            else:
                leaver.judge()
        else:
            break
    assert number > 0


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_first_sight_after_a_deletion_makes_one_account_whatever_fails(fault: Fault) -> None:
    """However late a write comes: the account of the subject is one, and it is nobody's second gain."""
    for number in count():
        leaver, gain = Leaver(), grants.Trial(500, 0)
        before, _ = leaver.process()
        old = drive(grants.first_sight(before, subject(), gain))
        drive(deletion.delete(leaver.ledger, old))
        ledger, store = leaver.process(at(number, fault))
        with suppress(Crash, LedgerUnavailable):
            drive(grants.first_sight(ledger, subject(), gain))
        drive(store.deliver())
        made = drive(grants.first_sight(leaver.ledger, subject(), gain))
        drive(store.replay())
        found = drive(grants.find_subject(leaver.ledger, subject()))
        assert found
        assert (found[0], found[1].credited) == (made, 0)
        if not store.struck:
            break


def test_a_registration_written_before_a_deletion_never_comes_after_it() -> None:
    """One attempt is late, the next succeeds, the account is deleted: then the late one comes, and is refused."""
    for number in count():
        leaver = Leaver()
        leaver.delete()
        ledger, store = leaver.process(at(number, Fault.LATE))
        with suppress(LedgerUnavailable):
            drive(grants.register(ledger, ADDRESS, TRIAL))
        for one in [item for item in leaver.items("accounts") if "email" in item]:
            drive(deletion.delete(leaver.ledger, one["account_id"]["S"]))
        drive(store.deliver())
        assert not [item for item in leaver.items("accounts") if "email" in item], number
        leaver.nobody()
        if not store.struck:
            break

"""A crash, a lost answer, a late or doubled write at every call: credited once, reversed once, told once (case 12)."""

from dataclasses import dataclass
from itertools import count

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import orders
from functions.ledger.tables import drive
from functions.payments.synchronize import next_step
from tests.ledger.faults import Crash, Fault, FaultyStore, at
from tests.payments.counter import AMOUNT, CREDITS, Till, Truth

HALF = AMOUNT // 2
OPENED, WON, LOST = (Truth(disputes=(("dp_1", AMOUNT, state),)) for state in ("open", "won", "lost"))
TWO_OPEN = Truth(disputes=(("dp_1", HALF, "open"), ("dp_2", HALF, "open")))
TWO_CLOSED = Truth(disputes=(("dp_1", HALF, "won"), ("dp_2", HALF, "lost")))
PART_OPENED, PART_LOST = (Truth(refunded=20, disputes=(("dp_1", HALF, state),)) for state in ("open", "lost"))


@dataclass(frozen=True)
class News:
    """What a provider says, one truth after the other, each told by an event; and the steps that come of it."""

    truths: tuple[Truth, ...]
    steps: tuple[str, ...]
    spent: int = 0
    """Microcredits used before the last of them."""


NEWS = {
    "paid": News((Truth(),), ("paid",)),
    "processing, then paid": News((Truth("processing"), Truth()), ("processing", "paid")),
    "failed": News((Truth("processing"), Truth("failed")), ("processing", "failed")),
    "expired, and paid after all": News((Truth("expired"), Truth()), ("expired", "paid")),
    "refunded": News((Truth(), Truth(refunded=AMOUNT)), ("paid", "refund")),
    "refunded before it was paid": News((Truth(refunded=AMOUNT),), ("paid", "refund")),
    "refunded in parts": News(
        (Truth(), *(Truth(refunded=amount) for amount in (7, 20, AMOUNT))), ("paid", "refund", "refund", "refund")
    ),
    "refund fails": News((Truth(), Truth(refunded=HALF), Truth()), ("paid", "refund", "refund_failed")),
    "refunded when spent": News((Truth(), Truth(refunded=HALF)), ("paid", "refund"), spent=CREDITS),
    "disputed and won": News((Truth(), OPENED, WON), ("paid", "dispute", "dispute_won")),
    "disputed and lost": News((Truth(), OPENED, LOST), ("paid", "dispute", "dispute_lost")),
    "disputed before it was paid": News((OPENED, LOST), ("paid", "dispute", "dispute_lost")),
    "lost before all else": News((LOST,), ("paid", "dispute", "dispute_lost")),
    "won before all else": News((WON,), ("paid", "dispute", "dispute_won")),
    "lost, then won": News((OPENED, LOST, WON), ("paid", "dispute", "dispute_lost", "dispute_won")),
    "won, then lost": News((OPENED, WON, LOST), ("paid", "dispute", "dispute_won", "dispute_lost")),
    "a part refunded, a part disputed": News(
        (Truth(refunded=20), PART_OPENED, PART_LOST), ("paid", "refund", "dispute", "dispute_lost")
    ),
    "disputed when spent": News((Truth(), OPENED, WON), ("paid", "dispute", "dispute_won"), spent=CREDITS),
    "two disputes": News(
        (Truth(), TWO_OPEN, TWO_CLOSED),
        ("paid", "dispute", "dispute", "dispute_won", "dispute_lost"),
    ),
}


def spend(till: Till, news: News, index: int) -> None:
    """The buyer uses what they bought before the last of the news."""
    if news.spent and index == len(news.truths) - 1:
        till.spend(news.spent)


async def play(news: News, struck: int, fault: Fault, number: int) -> tuple[Till, FaultyStore]:
    """All of the news; a fault strikes one call of the event that tells the news number `struck`, then all is well.

    What was late arrives before the news that follow, and when all is over every write of that process once more.
    """
    till = Till()
    for index, truth in enumerate(news.truths):
        till.truth = truth
        spend(till, news, index)
        if index == struck:
            store = hear_in_spite(till, fault, number)
            await store.deliver()
            till.judge()
        else:
            till.hear()
    await store.replay()
    return till, store


def hear_in_spite(till: Till, fault: Fault, number: int) -> FaultyStore:
    """An event is heard by a process whose call of this number meets a fault; only if it fails is it sent again."""
    ledger, store = till.process(at(number, fault))
    try:
        till.hear(ledger)
    except (Crash, LedgerUnavailable):
        till.hear()
    return store


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("news", NEWS.values(), ids=NEWS.keys())
async def test_case_12_a_fault_at_any_call_credits_once_and_reverses_once(news: News, fault: Fault) -> None:
    """Wherever the process ends, or a call is lost, late or doubled, and whatever is sent again after: once each."""
    calls = 0
    for struck in range(len(news.truths)):
        for number in count():
            till, store = await play(news, struck, fault, number)
            assert till.hear().steps == ()
            assert tuple(till.history()) == news.steps
            till.judge()
            if not store.struck:
                break
        calls += number
    assert calls >= len(news.truths) + len(news.steps), "it was hardly tried"


def test_case_12_a_step_is_entered_under_the_same_reference_by_whoever_takes_it() -> None:
    """Beside the order's version the journal's own mark makes it count once; the next step has another reference."""
    till, seen = Till(), set()
    for truth in (Truth(), OPENED, LOST, WON):
        payment = truth.payment(till.placed)
        while step := next_step(till.ledger, till.order, payment):
            again = next_step(till.process()[0], till.order, payment)
            assert step.entry
            assert again
            assert again.entry == step.entry
            assert (step.entry.reason, step.entry.reference) not in seen
            seen.add((step.entry.reason, step.entry.reference))
            drive(orders.take(till.ledger, till.order, step))
    assert len(seen) == 4

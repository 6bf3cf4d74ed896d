"""From usage to charge: never above the hold, and never silent about it (case 6)."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.forward.llama import Prepared, prepare
from functions.ledger.account import Account, Hold
from functions.ledger.admit import Admission
from functions.ledger.store import Ambiguous, NotApplied, StoreError
from functions.money import Price, Usage
from functions.settle.charge import charge, receipt
from tests.ledger.arrange import Books
from tests.ledger.faults import Fault

PRICE = Price("default/2/3/1", input=2, output=3, cached=1)
HOLD_ID = "1mcc5sh9gbapszgq68"


def prepared() -> Prepared:
    return prepare("/v1/chat/completions", b'{"messages":[{"role":"user","content":"Hi"}]}', 100, 20)


def held(amount: int) -> Admission:
    account = Account({"account_id": {"S": "default/1"}})
    return Admission(Hold(HOLD_ID, amount, {}, 10**10), account, [])


def test_case_06_usage_above_the_hold_is_cut_at_the_hold_and_written_down() -> None:
    """The charge stops at the hold; the receipt says what was missing, and names it as an anomaly."""
    paper = receipt(held(100), prepared(), PRICE, Usage(30, 20), {"usage_decreased"})
    assert (paper.cost, paper.hold, paper.shortfall) == (100, 100, 20)
    assert paper.anomalies == ("above_hold", "usage_decreased")
    assert (paper.input, paper.output) == (30, 20)


def test_case_06_usage_within_the_hold_is_charged_exactly() -> None:
    """To the last microcredit of the hold there is no shortfall and nothing odd."""
    paper = receipt(held(120), prepared(), PRICE, Usage(30, 20), set())
    assert (paper.cost, paper.shortfall, paper.anomalies) == (120, 0, ())


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_case_06_cost_and_shortfall_are_the_price_of_the_usage(amount: int, new: int, cached: int, out: int) -> None:
    """Whatever was used: charged plus shortfall is its price, and the charge is never above the hold."""
    usage = Usage(new + cached, out, cached)
    paper = receipt(held(amount), prepared(), PRICE, usage, set())
    assert paper.cost + paper.shortfall == PRICE.cost(usage)
    assert 0 <= paper.cost <= amount
    assert bool(paper.shortfall) == ("above_hold" in paper.anomalies)


async def test_case_06_a_shortfall_never_reaches_the_balance(books: Books) -> None:
    """The account pays its hold and no more; the receipt in the table tells the rest."""
    account = await books.account(1000)
    admission = await books.take(account, 600)
    paper = receipt(admission, prepared(), PRICE, Usage(1000, 1000), set())
    after = await charge(books.ledger, admission, paper)
    assert after
    assert (after.spent, after.available(books.clock.now())) == (600, 400)
    (stored,) = await books.receipts(account)
    assert (stored.cost, stored.shortfall, stored.anomalies) == (600, 4400, ("above_hold",))
    await books.healed(account)


async def test_case_09_hundreds_of_tiny_charges_leave_exactly_their_sum(books: Books) -> None:
    """300 requests of one to three microcredits: spent is their sum, and the rest is there to the last one."""
    account = start = await books.account(10**9)
    tiny = Price("tiny", input=1, output=1, cached=0)
    total = 0
    for number in range(300):
        admission = await books.take(account, 3)
        usage = Usage(1, number % 3)
        after = await charge(books.ledger, admission, receipt(admission, prepared(), tiny, usage, set()))
        assert after
        account, total = after, total + tiny.cost(usage)
    assert (account.spent, account.available(books.clock.now())) == (total, 10**9 - total)
    assert (await books.healed(start)).spent == total


@pytest.mark.parametrize("error", [NotApplied, Ambiguous])
async def test_a_charge_never_raises_and_leaves_the_rest_to_the_next_reader(
    books: Books, error: type[StoreError], caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is made and the client is to have it, though the ledger is down; the log names the receipt."""
    fault = Fault.CONFLICT if error is NotApplied else Fault.LOST_ANSWER
    account = await books.account(1000)
    admission = await books.take(account, 600)
    ledger, _ = books.process(lambda index, call: fault if call.operation == "UpdateItem" else None)
    paper = receipt(admission, prepared(), PRICE, Usage(100, 100), set())
    with caplog.at_level(logging.WARNING):
        after = await charge(ledger, admission, paper)
    assert after is None or after.spent == 500
    assert (await books.healed(account)).spent == 500
    if after is None:
        assert admission.hold.hold_id in caplog.text


async def test_a_charge_that_comes_too_late_is_told_in_the_log(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    """Where the hold expired first, nobody is charged, and the operator can see which receipt it was."""
    account = await books.account(1000)
    admission = await books.take(account, 600)
    await books.expire()
    await books.read(account)
    with caplog.at_level(logging.WARNING):
        assert await charge(books.ledger, admission, receipt(admission, prepared(), PRICE, Usage(1), set())) is None
    assert f"receipt {admission.hold.hold_id} is expired already" in caplog.text

"""Whoever resolves a hold may have seen its account long ago: what came since is found, not lost."""

from functions.ledger import settle as settling
from functions.ledger import tidy
from functions.ledger.account import Account
from functions.ledger.admit import admit
from functions.ledger.extend import More, extend
from functions.ledger.journal import Entry, enter
from functions.ledger.receipts import put
from functions.ledger.windows import Limit
from tests.ledger.arrange import Books, ask, check, paper

LIMIT = Limit("h", 10, "requests an hour")


async def test_a_healer_that_saw_a_hold_before_it_grew_settles_it_by_its_receipt(books: Books) -> None:
    """The receipt costs more than the hold it saw: it looks again, and the account is readable and whole."""
    account = await books.account(paid=1000)
    admission = await books.take(account, 100)
    old = admission.account
    larger, _ = await extend(books.ledger, old, admission.hold, More(600, 1))
    await put(books.ledger, paper(account, larger, 500))
    await books.expire()
    after = await tidy.tidy(books.ledger, old)
    check(after)
    assert (after.spent, after.paid, after.open_holds) == (500, 500, 0)


async def test_a_healer_that_saw_a_hold_that_grew_and_was_settled_since_finds_it_settled(books: Books) -> None:
    """Nothing is settled twice, and nothing fails, though its view is two steps old."""
    account = await books.account(paid=1000)
    admission = await books.take(account, 100)
    larger, seen = await extend(books.ledger, admission.account, admission.hold, More(600, 1))
    await settling.settle(books.ledger, seen, larger, paper(account, larger, 500))
    await books.expire()
    after = await tidy.tidy(books.ledger, admission.account)
    check(after)
    assert (after.spent, after.open_holds) == (500, 0)


async def test_what_comes_back_goes_to_a_lot_that_is_newer_than_the_view(books: Books) -> None:
    """A gift came after the view was taken, and the hold grew into it: its part is the user's again, not expired."""
    account = await books.account(paid=100)
    admission = await books.take(account, 100)
    await enter(books.ledger, account.account_id, Entry(50, "adjustment", "gift", ("gift", 2_000_000_000)))
    larger, _ = await extend(books.ledger, await books.item(account), admission.hold, More(150, 50))
    assert larger.lots == {"gift": 50}
    after = await settling.settle(books.ledger, admission.account, larger, paper(account, larger, 0))
    check(after)
    assert (after.paid, after.lots["gift"].left, after.expired) == (100, 50, 0)


async def test_credits_that_expire_first_are_spent_first_in_whatever_order_they_were_held(books: Books) -> None:
    """The hold took paid and a gift that lasts, then grew into one that ends soon: the settle spends that one first."""
    account = await books.account(paid=100)
    await enter(books.ledger, account.account_id, Entry(50, "adjustment", "a", ("a lasting", 2_000_000_000)))
    admission = await books.take(await books.read(account), 50)
    soon = int(books.clock.now()) + 3600
    await enter(books.ledger, account.account_id, Entry(50, "adjustment", "b", ("b soon", soon)))
    larger, seen = await extend(books.ledger, await books.item(account), admission.hold, More(100, 50))
    after = await settling.settle(books.ledger, seen, larger, paper(account, larger, 60))
    check(after)
    assert {name: lot.left for name, lot in after.lots.items()} == {"a lasting": 40, "b soon": 0}


async def test_a_void_that_comes_when_its_window_is_forgotten_counts_nothing_below_zero(books: Books) -> None:
    """Its window was dropped meanwhile: the hold is given back, and no counter is made of what is not there."""
    account = await books.account(paid=100)
    admission = await admit(books.ledger, account, ask(10, account, books.clock.now(), LIMIT), fresh=False)
    (counted,) = admission.counts
    await books.change(
        account.account_id, "REMOVE #w SET paid = paid + :none", {":none": {"N": "0"}}, w=counted.attribute
    )
    after = await settling.void(books.ledger, admission.account, admission.hold, admission.counts)
    check(after)
    assert isinstance(after, Account)
    assert counted.attribute not in after.counters

"""Bugs to plant into the real ledger: each is a rule of docs/ledger.md that somebody may find too careful.

The simulation has to find every one of them, by a promise that it breaks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from functions.ledger import admit, counters, crossing, ids, receipts, settle, tidy
from functions.ledger.abuse import Policy
from functions.ledger.account import Account, Hold
from functions.ledger.expression import Expression
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Item, Ledger
from functions.ledger.windows import PERIODS
from functions.settle import charge

RESENT = 3
NEWER = " AND (attribute_not_exists(settled) OR settled < :id)"


@contextmanager
def _replaced(place: Any, name: str, value: object) -> Iterator[None]:
    real = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, real)


@contextmanager
def retry_under_the_same_id() -> Iterator[None]:
    """Rule 1: an admission whose answer was lost is sent again as it is, as clients of DynamoDB do by themselves,
    and nothing asks whether its id was settled meanwhile."""
    send, plan = Ledger.write, admit._write

    async def again(self: Ledger, operation: str, request: Item) -> Item:
        admission = "attribute_not_exists(holds.#h)" in request.get("ConditionExpression", "")
        for _ in range(RESENT if admission else 0):
            try:
                return await send(self, operation, request)
            except Ambiguous:
                continue
        return await send(self, operation, request)

    def unguarded(*arguments: Any) -> Item:
        request = plan(*arguments)
        request["ConditionExpression"] = request["ConditionExpression"].replace(NEWER, "")
        del request["ExpressionAttributeValues"][":id"]
        return request

    with _replaced(Ledger, "write", again), _replaced(admit, "_write", unguarded):
        yield


@contextmanager
def heal_without_a_tombstone() -> Iterator[None]:
    """Rule 2: whoever heals an expired hold gives it back, and puts no receipt first."""

    async def heal(ledger: Ledger, account: Account, hold: Hold) -> Account:
        now = int(ledger.clock.now())
        made = ids.made_at(hold.hold_id)
        nothing = Receipt(account.account_id, hold.hold_id, made, now, "expired", cost=0, hold=hold.amount)
        try:
            return await settle.apply(ledger, account, hold, nothing)
        except settle.HoldResolved:
            return await tidy._read_again(ledger, account)

    with _replaced(tidy, "_heal", heal):
        yield


@contextmanager
def settle_without_its_guard() -> Iterator[None]:
    """Rule 2: a hold is resolved whether it is still there or not."""
    real = settle._give_back

    def unguarded(ledger: Ledger, account: Account, hold: Hold, cost: int) -> Expression:
        write = real(ledger, account, hold, cost)
        write.conditions = [condition for condition in write.conditions if "attribute_exists(holds" not in condition]
        return write

    with _replaced(settle, "_give_back", unguarded):
        yield


@contextmanager
def lots_come_back_as_paid() -> Iterator[None]:
    """Rule 4: what comes back of a lot goes to the credits that do not expire."""
    real = settle._give_back

    def all_paid(ledger: Ledger, account: Account, hold: Hold, cost: int) -> Expression:
        return real(ledger, account, replace(hold, paid=hold.amount, lots={}), cost)

    with _replaced(settle, "_give_back", all_paid):
        yield


@contextmanager
def windows_forgotten_after_one_period() -> Iterator[None]:
    """Rule 6: a window is dropped as soon as the next one has begun."""

    def stale(names: Iterable[str], now_s: float) -> list[str]:
        return [name for name in names if int(name.partition(":")[2]) < PERIODS[name[0]](now_s).index]

    with _replaced(admit, "stale", stale), _replaced(counters, "stale", stale):
        yield


@contextmanager
def settle_before_the_receipt() -> Iterator[None]:
    """Rule 2: the account is charged first, and the receipt put when that is done."""

    async def backwards(
        ledger: Ledger, account: Account, hold: Hold, receipt: Receipt, offence: Policy | None = None
    ) -> Account:
        receipt = replace(receipt, offence=offence.text if offence else "")
        after = await settle.apply(ledger, account, hold, receipt)
        await receipts.put(ledger, receipt)
        return after

    with _replaced(charge, "settle", backwards):
        yield


@contextmanager
def admit_by_the_view_alone() -> Iterator[None]:
    """Rule 13: whether its user is blocked is asked of the account as last seen, and not by the write."""

    def unasked(self: Expression, now_s: float) -> None:
        """No condition."""

    with _replaced(Expression, "unblocked", unasked):
        yield


@contextmanager
def offences_without_an_id() -> Iterator[None]:
    """Rule 13: an offence is counted however often it arrives."""
    real = Expression.request

    def unguarded(self: Expression, table: str, key: Item) -> Item:
        self.conditions = [condition for condition in self.conditions if "offence < " not in condition]
        return real(self, table, key)

    with _replaced(Expression, "request", unguarded):
        yield


@contextmanager
def offences_of_the_settler_alone() -> Iterator[None]:
    """Rule 13: the receipt does not tell of an offence, so whoever heals does not count it."""
    real = receipts.put

    async def untold(ledger: Ledger, receipt: Receipt) -> Receipt:
        winner = await real(ledger, replace(receipt, offence=""))
        return replace(winner, offence=receipt.offence)

    with _replaced(receipts, "put", untold):
        yield


@contextmanager
def levels_told_again() -> Iterator[None]:
    """A crossing is told whatever was told before."""
    real = Expression.transact

    def unguarded(self: Expression, table: str, key: Item) -> Item:
        self.conditions = [condition for condition in self.conditions if "told > " not in condition]
        return real(self, table, key)

    with _replaced(Expression, "transact", unguarded):
        yield


@contextmanager
def crossings_of_another_version() -> Iterator[None]:
    """A crossing is told though credits came in since it was seen."""
    real = crossing.writes

    def unguarded(ledger: Ledger, account: Account) -> list[Item]:
        parts = real(ledger, account)
        if parts:
            update = parts[0]["Update"]
            condition, _, _ = update["ConditionExpression"].rpartition(" AND journal_version")
            update["ConditionExpression"] = condition
            del update["ExpressionAttributeValues"][":version"]
        return parts

    with _replaced(crossing, "writes", unguarded):
        yield


@contextmanager
def leases_without_a_guard() -> Iterator[None]:
    """A notice is leased whether it is still there or not."""
    real = Ledger.write

    async def unguarded(self: Ledger, operation: str, request: Item) -> Item:
        for part in request.get("TransactItems", ()):
            if "Delete" in part:
                part["Delete"].pop("ConditionExpression", None)
        return await real(self, operation, request)

    with _replaced(Ledger, "write", unguarded):
        yield


@contextmanager
def crossings_of_the_settler_alone() -> Iterator[None]:
    """Who reads an account tells nobody; what its settler could not tell is lost."""

    def nothing(ledger: Ledger, account: Account) -> list[Item]:
        return []

    class Silent:
        writes = staticmethod(nothing)

    with _replaced(tidy, "crossing", Silent):
        yield


PLANTED: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    plant.__name__: plant
    for plant in (
        retry_under_the_same_id,
        heal_without_a_tombstone,
        settle_without_its_guard,
        lots_come_back_as_paid,
        windows_forgotten_after_one_period,
        settle_before_the_receipt,
        admit_by_the_view_alone,
        offences_without_an_id,
        offences_of_the_settler_alone,
        levels_told_again,
        crossings_of_another_version,
        leases_without_a_guard,
        crossings_of_the_settler_alone,
    )
}

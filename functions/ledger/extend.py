"""Extending a hold: a stream that nears the end of what is held for it takes more, in one numbered write.

The number makes it count once: the same write sent again finds the hold extended already. Only the request itself
extends its hold, so whoever finds a higher number than its own knows that its lost write was applied.
"""

from dataclasses import dataclass, replace

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger.account import Account, Hold
from functions.ledger.admit import take
from functions.ledger.expression import Expression
from functions.ledger.settle import HoldResolved
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.tidy import read

TRIES_MAX = 4


@dataclass(frozen=True, slots=True)
class More:
    """What an extension may come to, in microcredits: up to `upper` held in all, in steps of `least` or more."""

    upper: int
    least: int


async def extend(ledger: Ledger, account: Account, hold: Hold, more: More) -> tuple[Hold, Account]:
    """The hold made larger by half of what is available, and the account after; the hold as it was if nothing is.

    `account` is the account as last seen; that nothing is available is believed only of one just read (rule 5).
    Raises HoldResolved, LedgerUnavailable; then nobody knows, and the settle finds out.
    """
    fresh = False
    for attempt in range(TRIES_MAX):
        now_s = ledger.clock.now()
        larger = plan(account, hold, more, now_s)
        if larger is None:
            if fresh:
                return hold, account
            account, fresh = await read(ledger, account.account_id), True
            continue
        try:
            answer = await ledger.write("UpdateItem", _write(ledger, account, hold, larger))
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused as refused:
            if refused.item is None:
                raise HoldResolved from None
            account, fresh = Account(refused.item), True
            held = account.holds.get(hold.hold_id)
            if held is None:
                raise HoldResolved from None
            if held.extended > hold.extended:
                return held, account
        else:
            return larger, Account(answer["Attributes"])
    raise LedgerUnavailable("The ledger did not answer in time.")


def plan(account: Account, hold: Hold, more: More, now_s: float) -> Hold | None:
    """The larger hold to ask for; None where nothing is to be had."""
    available = account.available(now_s)
    wanted = min(more.upper - hold.amount, available, max(more.least, available // 2))
    if wanted <= 0 or account.debt or account.state != "open" or account.blocked > now_s:
        return None
    paid, lots = take(account, wanted, now_s)
    parts = {name: hold.lots.get(name, 0) + lots.get(name, 0) for name in (*hold.lots, *lots)}
    return replace(hold, paid=hold.paid + paid, lots=parts, extended=hold.extended + 1)


def _write(ledger: Ledger, account: Account, hold: Hold, larger: Hold) -> Item:
    write, now_s = Expression(), ledger.clock.now()
    write.name("#h", hold.hold_id)
    write.name("#state", "state")
    write.values[":open"] = {"S": "open"}
    write.values[":hold"] = larger.to_item()
    write.sets.append("holds.#h = :hold")
    write.conditions += ["attribute_exists(holds.#h)", "attribute_not_exists(debt)", "#state = :open"]
    write.unblocked(now_s)
    write.extended(hold)
    added = {name: part - hold.lots.get(name, 0) for name, part in larger.lots.items()}
    write.take(larger.paid - hold.paid, {name: part for name, part in added.items() if part}, now_s)
    return write.request(ledger.table("accounts"), accounts.key(account.account_id))

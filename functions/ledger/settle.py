"""Settling and voiding: a hold is resolved once, by whoever comes first (rules 2 to 4).

The receipt decides what a request cost; applying it to the account can be tried by anyone, any number
of times, and happens once, because it removes the hold that is its condition.
"""

from collections.abc import Callable
from dataclasses import replace

from functions.errors import LedgerUnavailable
from functions.ledger import abuse, receipts
from functions.ledger import account as accounts
from functions.ledger.abuse import Policy
from functions.ledger.account import Account, Hold
from functions.ledger.expression import Expression
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Ledger, Refused
from functions.ledger.windows import DAY_S, Count, current

TRIES_MAX = 6


class HoldResolved(Exception):
    """The hold is settled, voided or expired already. `receipt` is the one that counted, if there is one."""

    def __init__(self, receipt: Receipt | None = None) -> None:
        super().__init__("the hold is resolved already")
        self.receipt = receipt


async def settle(
    ledger: Ledger, account: Account, hold: Hold, receipt: Receipt, offence: Policy | None = None
) -> Account:
    """Turn a hold into its cost: put the receipt, then apply the one that counts. Returns the account after.

    `account` is the account as last seen. With an `offence` the request is counted against its user in the same write;
    the receipt tells it, so whoever applies the receipt counts it, once (rule 13).
    Raises HoldResolved when another receipt counted or the hold was resolved before; LedgerUnavailable when the receipt
    could not be put (the hold then expires) or not be applied (whoever reads the account next applies it).
    """
    _check_cost(hold, receipt.cost)  # before the receipt, which could never be applied
    if offence:
        receipt = replace(receipt, offence=offence.text)
    winner = await receipts.put(ledger, receipt)
    try:
        after = await apply(ledger, account, hold, winner)
    except HoldResolved:
        raise HoldResolved(winner) from None
    if winner != receipt:
        raise HoldResolved(winner)
    return after


async def apply(ledger: Ledger, account: Account, hold: Hold, receipt: Receipt) -> Account:
    """Remove the hold, give back what was not used, and add the receipt to the sums, in one write.

    Raises HoldResolved when the hold was not there any more, LedgerUnavailable.
    """
    if receipt.cost > hold.amount:  # it was extended since it was seen
        account = await _read(ledger, account)
        if hold.hold_id not in account.holds:
            raise HoldResolved
        hold = account.holds[hold.hold_id]
    day = int(ledger.clock.now()) // DAY_S

    def more(write: Expression, seen: Account) -> None:
        if seen.newest_settled < hold.hold_id:  # rule 1: its admission, should it come again, is refused
            write.sets.append("settled = :id")
            write.conditions.append("(attribute_not_exists(settled) OR settled < :id)")
            write.values[":id"] = {"S": hold.hold_id}
        sums = (1, receipt.input, receipt.output, receipt.cost)
        write.added.append(f"spent {write.number(':cost', receipt.cost)}")
        for index, (total, value) in enumerate(zip(accounts.DAY_TOTALS, sums, strict=True)):
            if value:
                name = write.name(f"#d{index}", f"{total}:{day}")
                write.added.append(f"{name} {write.number(f':d{index}', value)}")
        if receipt.offence:
            abuse.count(write, seen, Policy.of(receipt.offence), receipt.ended)

    return await _resolve(ledger, account, hold, receipt.cost, more)


async def void(
    ledger: Ledger, account: Account, hold: Hold, counts: list[Count], offence: Policy | None = None
) -> Account:
    """Give a hold back whole, and the counters whose period is still current (rule 6).

    For requests that were not forwarded, so there is no receipt; an `offence` is counted in the same write.
    Raises HoldResolved, LedgerUnavailable.
    """
    at_s = int(ledger.clock.now())

    def more(write: Expression, seen: Account) -> None:
        for index, window in enumerate(current(counts, ledger.clock.now())):
            if seen.number(window.attribute):
                name = write.name(f"#w{index}", window.attribute)
                write.added.append(f"{name} {write.number(':less', -1)}")
                write.conditions.append(f"{name} > {write.number(':none', 0)}")  # a late void finds it dropped
        if offence:
            abuse.count(write, seen, offence, at_s)

    return await _resolve(ledger, account, hold, 0, more)


async def _resolve(
    ledger: Ledger, account: Account, hold: Hold, cost: int, more: Callable[[Expression, Account], None]
) -> Account:
    table, key = ledger.table("accounts"), accounts.key(account.account_id)
    unsure = False
    for attempt in range(TRIES_MAX):
        write = _give_back(ledger, account, hold, cost)
        more(write, account)
        try:
            answer = await ledger.write("UpdateItem", write.request(table, key))
        except Ambiguous:
            unsure = True
            await ledger.pause(attempt)
        except Refused as refused:
            if refused.item is None:
                raise HoldResolved from None
            account = Account(refused.item)
            if hold.hold_id not in account.holds:
                if unsure:
                    return account
                raise HoldResolved from None
            hold = account.holds[hold.hold_id]  # extended by a write whose answer was lost
        else:
            return Account(answer["Attributes"])
    raise LedgerUnavailable("The ledger did not answer in time; the hold is resolved when the account is next read.")


async def _read(ledger: Ledger, account: Account) -> Account:
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account.account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    if item is None:
        raise HoldResolved
    return Account(item)


def _check_cost(hold: Hold, cost: int) -> None:
    if not 0 <= cost <= hold.amount:
        raise ValueError("a cost is between nothing and its hold")


def _give_back(ledger: Ledger, account: Account, hold: Hold, cost: int) -> Expression:
    """Lots are spent before paid, those that expire first before others, as they were taken.

    What comes back goes where it came from, or to `expired` if the lot is over.
    """
    _check_cost(hold, cost)
    write = Expression()
    hold_path = f"holds.{write.name('#h', hold.hold_id)}"
    write.removed.append(hold_path)
    write.conditions.append(f"attribute_exists({hold_path})")
    write.extended(hold)
    expired = 0
    expires = {name: lot.expires for name, lot in account.lots.items()}
    parts = sorted(hold.lots.items(), key=lambda part: (expires.get(part[0], 0), part[0]))
    for index, (name, part) in enumerate(parts):
        used = min(part, cost)
        cost -= used
        if used == part:
            continue
        lot, now_s = account.lots.get(name), ledger.clock.now()
        path = f"lots.{write.name(f'#l{index}', name)}"
        if lot is None or lot.expires <= now_s:
            expired += part - used
            over = f"{path}.x <= {write.number(':now', int(now_s))}"  # a view may be older than the lot
            write.conditions.append(f"(attribute_not_exists({path}) OR {over})")
            continue
        write.sets.append(f"{path}.n = {path}.n + {write.number(f':l{index}', part - used)}")
        write.conditions.append(f"attribute_exists({path})")
    if hold.paid > cost:
        write.sets.append(f"paid = paid + {write.number(':back', hold.paid - cost)}")
    if expired:
        write.added.append(f"expired {write.number(':expired', expired)}")
    return write

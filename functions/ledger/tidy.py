"""Whoever reads an account tidies it: expired holds, lots that are over, debt that can be paid, days that are closed,
credits that ran low and were not told of.

So a crash heals without a daemon (rule 3). Every step is safe to repeat, and to be done by two at once.
"""

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import crossing, entries, ids, receipts, settle
from functions.ledger.account import Account, Hold
from functions.ledger.expression import Expression
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import DAY_S, HOUR_S

STEPS_MAX = 40
DAY_CLOSES_AFTER_S = 2 * HOUR_S
"""How long after its end a day is moved away; clocks differ by far less, and a settle adds to today only."""


AccountGone = accounts.AccountGone


async def read(ledger: Ledger, account_id: str) -> Account:
    """The account, read consistently and tidied. Raises AccountGone, also where it was deleted; LedgerUnavailable."""
    account = await kept(ledger, account_id)
    if account.state == accounts.DELETED:
        raise AccountGone
    return account


async def kept(ledger: Ledger, account_id: str) -> Account:
    """The same of an account that may be deleted: of the books, and of money that comes or goes after."""
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id), "ConsistentRead": True}
    answer = await ledger.read("GetItem", request)
    if "Item" not in answer:
        raise AccountGone
    return await tidy(ledger, Account(answer["Item"]))


async def tidy(ledger: Ledger, account: Account) -> Account:
    """Do what is due, a step at a time, each on the account as the step before left it. Raises LedgerUnavailable."""
    for _ in range(STEPS_MAX):
        now_s = ledger.clock.now()
        expired = next((hold for hold in account.holds.values() if hold.expires <= now_s), None)
        over = next((name for name, lot in account.lots.items() if lot.expires <= now_s), None)
        closed = next((day for day in account.days if (day + 1) * DAY_S + DAY_CLOSES_AFTER_S <= now_s), None)
        if expired:
            account = await _heal(ledger, account, expired)
        elif over:
            account = await _lapse(ledger, account, over)
        elif account.debt and account.paid:
            account = await _net(ledger, account)
        elif closed:
            account = await _close(ledger, account, closed)
        elif told := crossing.writes(ledger, account):
            try:
                account = await _step(ledger, account, "TransactWriteItems", {"TransactItems": told})
            except LedgerUnavailable:
                break  # an account can be read though nobody can be told of it
        else:
            break
    return account


async def _heal(ledger: Ledger, account: Account, hold: Hold) -> Account:
    """Resolve a hold whose request never settled: by its receipt if there is one, else at no cost (rule 2)."""
    now = int(ledger.clock.now())
    nothing = Receipt(
        account.account_id, hold.hold_id, ids.made_at(hold.hold_id), now, "expired", cost=0, hold=hold.amount
    )
    winner = await receipts.put(ledger, nothing)
    try:
        after = await settle.apply(ledger, account, hold, winner)
    except settle.HoldResolved:
        return await _read_again(ledger, account)
    ledger.healed(winner)
    return after


async def _lapse(ledger: Ledger, account: Account, name: str) -> Account:
    """Move what is left of a lot that is over to `expired`."""
    write = Expression()
    path = f"lots.{write.name('#l', name)}"
    left = write.number(":left", account.lots[name].left)
    write.removed.append(path)
    write.added.append(f"expired {left}")
    write.conditions.append(f"{path}.n = {left}")
    return await _step(ledger, account, "UpdateItem", write.request(*_where(ledger, account)))


async def _net(ledger: Ledger, account: Account) -> Account:
    """Pay debt from `paid`, as a journal entry (rule 10); lots are gifts and pay none.

    While there is debt nothing is admitted, so `paid` does not get less meanwhile.
    """
    amount = min(account.debt, account.paid)
    change = entries.Change("debt", str(account.journal_version), -amount, debt=-amount)
    request = {"TransactItems": entries.writes(ledger, account, change)}
    return await _step(ledger, account, "TransactWriteItems", request)


async def _close(ledger: Ledger, account: Account, day: int) -> Account:
    """Move a closed day's totals to `days`, in one transaction: added there, removed here, once."""
    totals = account.days[day]
    move, arrive = Expression(), Expression()
    for index, (total, value) in enumerate(totals.items()):
        here = move.name(f"#d{index}", f"{total}:{day}")
        move.removed.append(here)
        move.conditions.append(f"{here} = {move.number(f':d{index}', value)}")
        arrive.added.append(f"{arrive.name(f'#d{index}', total)} {arrive.number(f':d{index}', value)}")
    there: Item = {"account_id": {"S": account.account_id}, "day": {"N": str(day)}}
    items = [move.transact(*_where(ledger, account)), arrive.transact(ledger.table("days"), there)]
    return await _step(ledger, account, "TransactWriteItems", {"TransactItems": items})


async def _step(ledger: Ledger, account: Account, operation: str, request: Item) -> Account:
    """One write that somebody else may have done already; then the account as it is now."""
    try:
        answer = await ledger.write(operation, request)
    except (Refused, Ambiguous):
        return await _read_again(ledger, account)
    if "Attributes" in answer:
        return Account(answer["Attributes"])
    return await _read_again(ledger, account)


async def _read_again(ledger: Ledger, account: Account) -> Account:
    table, key = _where(ledger, account)
    answer = await ledger.read("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    if "Item" not in answer:
        raise AccountGone
    return Account(answer["Item"])


def _where(ledger: Ledger, account: Account) -> tuple[str, Item]:
    return ledger.table("accounts"), accounts.key(account.account_id)

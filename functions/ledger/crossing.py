"""Crossings: an account has only 20 %, 5 % or nothing left of what it had when credits last came in.

What is left counts what running requests hold, so a large hold crosses nothing. It only grows by a journal entry,
which sets `full`, what there is then, and removes `told`, the level last told of. So on one version of the journal a
crossing stays true once it is, and the transaction that puts its notice asks for that version and for no lower level
told: each level is told once between two entries that brought credits, by whoever sees it first.
"""

import logging

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import notices
from functions.ledger.account import Account
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

LEVELS = (0, 5, 20)
"""In percent of `full`, the lowest first: of several crossed at once the lowest is told."""
TRIES_MAX = 6

log = logging.getLogger("farebox.ledger")


def left(account: Account, now_s: float) -> int:
    """Microcredits that are not spent: `paid`, lots that are not over, and what is held."""
    over = sum(lot.left for lot in account.lots.values() if lot.expires <= now_s)
    return account.credited - account.spent - account.expired - over


def level(account: Account, now_s: float) -> int | None:
    """The level that was crossed and not told; None where there is none."""
    full = account.number("full")
    if not full or account.state == accounts.DELETED:
        return None
    percent = left(account, now_s) * 100
    crossed = next((level for level in LEVELS if percent <= full * level), None)
    told = account.number("told") if "told" in account.item else None
    return crossed if crossed is not None and (told is None or crossed < told) else None


def wants_top_up(account: Account, now_s: float) -> bool:
    """Whether an automatic top-up is to begin: its user wants one, less than that is left, and none is under way."""
    threshold = account.number("top_up")
    return bool(threshold) and "topping" not in account.item and left(account, now_s) < threshold


def writes(ledger: Ledger, account: Account) -> list[Item]:
    """The parts of a transaction that tell what was crossed, the account's first; none where nothing was.

    A refusal shows the account as it is.
    """
    now_s, write, parts = ledger.clock.now(), Expression(), list[Item]()
    version, account_id = account.journal_version, account.account_id
    crossed = level(account, now_s)
    if crossed is not None:
        write.sets.append(f"told = {write.number(':told', crossed)}")
        write.conditions.append("(attribute_not_exists(told) OR told > :told)")
        about = {"level": crossed, "left": left(account, now_s), "full": account.number("full")}
        parts.append(notices.part(ledger, notices.CREDITS_LOW, account_id, about))
    if wants_top_up(account, now_s):
        write.sets.append(f"topping = {write.number(':now', int(now_s))}")
        write.conditions += [
            "attribute_not_exists(topping)",
            f"top_up = {write.number(':threshold', account.number('top_up'))}",
        ]
        about = {"threshold": account.number("top_up"), "left": left(account, now_s)}
        parts.append(notices.part(ledger, notices.TOP_UP, account_id, about))
    if not parts:
        return []
    write.conditions.append(f"journal_version = {write.number(':version', version)}")
    update = write.transact(ledger.table("accounts"), accounts.key(account_id))
    update["Update"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return [update, *parts]


async def tell(ledger: Ledger, account: Account) -> None:
    """See that what was crossed will be told; nothing is written, or waited for, where nothing was.

    Never raises: what could not be put now is put by whoever reads the account next.
    """
    try:
        for attempt in range(TRIES_MAX):
            parts = writes(ledger, account)
            if not parts:
                return
            try:
                await ledger.write("TransactWriteItems", {"TransactItems": parts})
            except Refused as refused:
                if refused.item is None:
                    return
                account = Account(refused.item)
            except Ambiguous:
                await ledger.pause(attempt)
                request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account.account_id)}
                item = (await ledger.read("GetItem", request | {"ConsistentRead": True})).get("Item")
                if item is None:
                    return
                account = Account(item)
            else:
                return
    except LedgerUnavailable:
        pass
    log.warning("account %s: a crossing waits for the next reader", account.account_id)

"""Who the users are, the newest first: found by a part of their address, one of them with all there is, and totals.

Deleted ones are nobody: no list has them and no sum counts them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.accounts import email as addresses
from functions.accounts.view import account_view
from functions.errors import BadRequest, NotFound
from functions.ledger import entries, joined, members, orders, own_keys, tidy
from functions.ledger.account import OPEN, Account, AccountGone
from functions.ledger.pages import accounts_of, recent_receipts
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ledger
from functions.operators import shown
from functions.owners import asked
from functions.owners.finding import USER_ID
from functions.owners.shown import user_view
from functions.payments.purchases import SHOWN

LIMIT, LIMIT_MAX = 50, 100
WALKED_MAX = 1000
"""Accounts that one page looks at."""
STEP = 100
EVENTS = ENTRIES = 50
NOBODY = "There is no such user."


async def users(ledger: Ledger, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of users; with `email` those whose address it is, or else those of whose address it is a part.

    Where few are found among many it may be short, or empty, and has a `next` all the same.
    Raises BadRequest, LedgerUnavailable.
    """
    limit = asked.digits(query["limit"], "limit", 1, LIMIT_MAX) if "limit" in query else LIMIT
    after, part = _after(query), _part(query.get("email"))
    exact = None if after or not part else await _of_address(ledger, part)
    found, following = ([exact], "") if exact else await _walked(ledger, part, limit, after)
    keys, now_s = await joined.keys_shown(ledger, found), ledger.clock.now()
    data = [shown.row(account, now_s, keys.get(account.account_id, "")) for account in found]
    return {"object": "list", "data": data, "has_more": bool(following), "next": following or None}


async def one(ledger: Ledger, number: str) -> dict[str, Any]:
    """All that there is about a user. Raises NotFound, LedgerUnavailable."""
    account, now_s = await read(ledger, number), ledger.clock.now()
    bought, _ = await orders.newest(ledger, orders.of_account(account.account_id), SHOWN)
    view = account_view(account, now_s, bought=bought) | user_view(account, now_s)
    view = {name: value for name, value in view.items() if name not in ("packs", "methods")}
    keys = [shown.key(*each) for each in await own_keys.listed(ledger, account)]
    newest = await entries.history(ledger, account.account_id, ENTRIES)
    return view | {"keys": keys, "journal": [shown.entry(written) for written in newest]}


async def overview(ledger: Ledger, query: Mapping[str, str]) -> dict[str, Any]:
    """Totals of one page of users, and the newest receipts of these; whoever asks adds up the pages.

    Raises BadRequest, LedgerUnavailable.
    """
    listed, following = await joined.newest(ledger, STEP, _after(query))
    found = _open(listed)
    by_id = {account.account_id: account for account in found}
    events = [shown.event(receipt, by_id[receipt.account_id]) for receipt in _newest_receipts(found)]
    return shown.totals(found, ledger.clock.now()) | {"events": events, "next": following or None}


async def read(ledger: Ledger, number: str, *, deleted: bool = False) -> Account:
    """A user's account, tidied; of one that was `deleted`, too, where that is asked for. Raises NotFound."""
    found = tidy.kept if deleted else tidy.read
    if not USER_ID.fullmatch(number):
        raise NotFound(NOBODY, param="user_id")
    try:
        return await found(ledger, f"{members.DEFAULT}/{number}")
    except AccountGone:
        raise NotFound(NOBODY, param="user_id") from None


async def _walked(ledger: Ledger, part: str, limit: int, after: str) -> tuple[list[Account], str]:
    """The next users whose address has this part, and where to go on, "" at the end."""
    found: list[Account] = []
    walked = 0
    while walked < WALKED_MAX:
        step = STEP if part else min(STEP, limit - len(found))
        listed, after = await joined.newest(ledger, step, after)
        walked += len(listed)
        fitting = [account for account in _open(listed) if part in account.email]
        room = limit - len(found)
        found += fitting[:room]
        if len(fitting) > room:
            return found, joined.place_of(found[-1])
        if not after or len(found) == limit:
            break
    return found, after


async def _of_address(ledger: Ledger, part: str) -> Account | None:
    """The account of a whole address; None where it is none, or nobody's."""
    try:
        account_id = await joined.by_address(ledger, addresses.normal(part))
        return await tidy.read(ledger, account_id) if account_id else None
    except (BadRequest, AccountGone):
        return None


def _newest_receipts(found: Sequence[Account]) -> list[Receipt]:
    """The newest EVENTS receipts of some accounts. One whose last is older than all of these is not asked."""
    newest: list[Receipt] = []
    for account in sorted(found, key=lambda account: account.newest_settled, reverse=True):
        last = newest[-1].receipt_id if len(newest) == EVENTS else ""
        if account.newest_settled <= last:
            break
        newest += recent_receipts(account.account_id, EVENTS)
        newest = sorted(newest, key=lambda receipt: receipt.receipt_id, reverse=True)[:EVENTS]
    return newest


def _open(account_ids: Sequence[str]) -> list[Account]:
    return [account for account in accounts_of(account_ids) if account.state == OPEN]


def _after(query: Mapping[str, str]) -> str:
    after = query.get("after", "")
    if after and not joined.PLACE.fullmatch(after):
        raise BadRequest("after must be the next of the page before.", param="after")
    return after


def _part(given: str | None) -> str:
    """A part of an address, whatever its case. Raises BadRequest."""
    part = (given or "").strip().lower()
    if len(part) > addresses.LENGTH_MAX or asked.CONTROL.search(part):
        raise BadRequest(f"email must be one line of at most {addresses.LENGTH_MAX} characters.", param="email")
    return part

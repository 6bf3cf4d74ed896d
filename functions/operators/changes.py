"""What the operator does about a user of the built-in project. Each change is checked first, then noted, then made.

Nothing is made of a request that is wrong. Who, when and why stand in the notes, and of credits in the journal too.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from functions import money
from functions.accounts import email as addresses
from functions.errors import BadRequest, Forbidden, NotFound
from functions.ledger import abuse, deletion, ids, joined, journal, members
from functions.ledger.account import Account, AccountGone
from functions.ledger.actions import OPERATOR
from functions.ledger.store import Ledger
from functions.ledger.windows import DAY_S
from functions.operators import finding, shown
from functions.owners import asked
from functions.owners.finding import USER_ID
from functions.owners.noted import noted
from functions.owners.shown import time_text, user_id
from functions.owners.users import BLOCK_S_MAX, GRANT_DAYS_MAX, LOT_DIGITS, REFERENCE_LENGTH_MAX

Given = dict[str, Any]
Change = Callable[[Ledger, Given], Coroutine[Any, Any, dict[str, Any]]]

WHO = ("email", "user_id")
TAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "adjust": (("delta",), (*WHO, "reference", "why")),
    "grant": (("tokens", "days"), (*WHO, "reference", "why")),
    "delete": ((), (*WHO, "why")),
    "block": ((), (*WHO, "seconds", "why")),
    "unblock": ((), (*WHO, "why")),
}
"""Of each change, the fields that it needs, and those that it may have."""
WHOLE = re.compile("[0-9]{1,10}", re.ASCII)
HIDDEN = "…"


async def adjust(ledger: Ledger, given: Given) -> dict[str, Any]:
    """Give or take paid credits, once for a reference; what is taken stops at zero. Raises BadRequest, NotFound."""
    amount, why = _amount(given["delta"], "delta"), asked.why(given["why"])
    reference, account = _reference(ledger, given), await _who(ledger, given)
    entry = journal.Entry(amount, "adjustment", reference, by=OPERATOR, why=why)
    done = await _noted(ledger, "adjust", account, _enter(ledger, account, entry), why=why)
    return _entered(ledger, done, reference)


async def grant(ledger: Ledger, given: Given) -> dict[str, Any]:
    """Give credits that expire, once for a reference. Raises BadRequest, NotFound; Forbidden where there are too many.

    Sent again with other days, the reference changes nothing.
    """
    amount, why = _amount(given["tokens"], "tokens"), asked.why(given["why"])
    if amount < 0:
        raise BadRequest("tokens must be more than 0: what is granted is not taken.", param="tokens")
    days = _whole(given["days"], "days", 1, GRANT_DAYS_MAX)
    reference, account = _reference(ledger, given), await _who(ledger, given)
    lot = f"grant-{hashlib.sha256(reference.encode()).hexdigest()[:LOT_DIGITS]}"
    entry = journal.Entry(
        amount, "grant", reference, (lot, int(ledger.clock.now()) + days * DAY_S), by=OPERATOR, why=why
    )
    done = await _noted(ledger, "grant", account, _enter(ledger, account, entry), why=why)
    left = done.account.lots.get(lot)
    return _entered(ledger, done, reference) | {"expires": time_text(left.expires) if left else None}


async def delete(ledger: Ledger, given: Given) -> dict[str, Any]:
    """End a user's account; by their number again, it finishes what is left. Raises BadRequest, NotFound.

    Where requests of theirs run, it is not `finished`: the nightly maintenance finishes it.
    """
    why, account = asked.why(given["why"]), await _who(ledger, given, deleted=True)
    for name in (account.email, account.shown):
        why = re.sub(re.escape(name), HIDDEN, why, flags=re.IGNORECASE) if name else why
    gone = await _noted(ledger, "delete", account, deletion.delete(ledger, account.account_id, OPERATOR, why), why=why)
    forfeited = money.credits(gone.forfeited)
    number = user_id(account.account_id)
    return {"user_id": number, "deleted": True, "finished": gone.finished, "forfeited": forfeited}


async def block(ledger: Ledger, given: Given) -> dict[str, Any]:
    """Refuse a user's requests for so many seconds; without any, for good. Raises BadRequest, NotFound."""
    why, seconds = asked.why(given["why"]), given["seconds"]
    lasts_s = None if seconds is None else _whole(seconds, "seconds", 1, BLOCK_S_MAX)
    account = await _who(ledger, given)
    until = None if lasts_s is None else int(ledger.clock.now()) + lasts_s
    blocked = abuse.block(ledger, account.account_id, until)
    more = "" if lasts_s is None else f", {lasts_s} s"
    return shown.balances(await _noted(ledger, "block", account, blocked, more, why=why), ledger.clock.now())


async def unblock(ledger: Ledger, given: Given) -> dict[str, Any]:
    """Let a user in again, and forget what was counted against them. Raises BadRequest, NotFound."""
    why, account = asked.why(given["why"]), await _who(ledger, given)
    let_in = abuse.unblock(ledger, account.account_id)
    return shown.balances(await _noted(ledger, "unblock", account, let_in, why=why), ledger.clock.now())


CHANGES: dict[str, Change] = {"adjust": adjust, "grant": grant, "delete": delete, "block": block, "unblock": unblock}


async def _noted(
    ledger: Ledger, what: str, account: Account, change: Awaitable[Any], more: str = "", *, why: str
) -> Any:
    """Nobody's address is in the note: it stays when they are gone."""
    about = f"user {user_id(account.account_id)}{more}"
    return await noted(ledger, members.DEFAULT, _of_somebody(change), by=OPERATOR, what=what, about=about, why=why)


async def _of_somebody(change: Awaitable[Any]) -> Any:
    """Whoever was deleted in between is not there any more."""
    try:
        return await change
    except AccountGone:
        raise NotFound(finding.NOBODY) from None


async def _enter(ledger: Ledger, account: Account, entry: journal.Entry) -> journal.Entered:
    try:
        return await journal.enter(ledger, account.account_id, entry)
    except journal.ReferenceTaken:
        raise BadRequest("This reference was entered for another user or amount.", param="reference") from None
    except (journal.LotsFull, journal.LotTaken):
        most = f"A user has at most {journal.LOTS_MAX} gifts of credits that expire; wait until one is used up or over."
        raise Forbidden(most, code="too_many_grants") from None


def _entered(ledger: Ledger, done: journal.Entered, reference: str) -> dict[str, Any]:
    """The user after it, what came or went, and whether the reference had been entered before."""
    told = {"credits": shown.signed(done.amount), "again": done.again, "reference": reference}
    return shown.balances(done.account, ledger.clock.now()) | told


async def _who(ledger: Ledger, given: Given, *, deleted: bool = False) -> Account:
    """Whom a change is about; where both are given, address and number must be the same user's.

    One that is `deleted` is found by the number. Raises BadRequest, NotFound.
    """
    email, number = given["email"], given["user_id"]
    if email is None and number is None:
        raise BadRequest("email or user_id is required.", param="user_id")
    number = None if number is None else _number(number)
    if email is not None:
        account_id = await joined.by_address(ledger, addresses.normal(email))
        if account_id is None:
            raise NotFound(finding.NOBODY, param="email")
        found = account_id.rpartition("/")[2]
        if number not in (None, found):
            raise BadRequest("user_id is not that of the user with this address.", param="user_id")
        number = found
    return await finding.read(ledger, str(number), deleted=deleted)


def _number(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not USER_ID.fullmatch(text.strip()):
        raise BadRequest("user_id must be a user's number.", param="user_id")
    return text.strip()


def _amount(value: object, name: str) -> int:
    """Tokens, which are credits, in microcredits: a whole number or a text such as "5.5" or "-3". Raises BadRequest."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    written = text.strip() if isinstance(text, str) else ""
    try:
        amount = money.amount(money.parse_credits(written.removeprefix("-")))
    except money.AmountError:
        raise BadRequest(f'{name} must be a whole number or a text such as "5.5", and not 0.', param=name) from None
    return -amount if written.startswith("-") else amount


def _whole(value: object, name: str, least: int, most: int) -> int:
    """A whole number, which a form writes as text. Raises BadRequest."""
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        value = int(value)
    return asked.whole(value, name, least, most)


def _reference(ledger: Ledger, given: Given) -> str:
    """What a change is known by: it is made once. Without one, each is another. Raises BadRequest."""
    reference = ids.time_ordered(ledger) if given["reference"] is None else given["reference"]
    is_text = isinstance(reference, str) and 0 < len(reference) <= REFERENCE_LENGTH_MAX
    if not is_text or asked.CONTROL.search(reference):
        raise BadRequest(f"reference must be one line of 1 to {REFERENCE_LENGTH_MAX} characters.", param="reference")
    return str(reference)

"""The users of a project, as its owner sees them and what an owner does about one.

An account is named by its project and its number, and the project is always the one that was found for this owner: so
whatever number is given, it is never somebody else's user.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from functions import money
from functions.accounts.view import account_view
from functions.errors import BadRequest, NotFound
from functions.ledger import abuse, credentials, grants, journal, orders, tidy
from functions.ledger.account import Account, AccountGone
from functions.ledger.pages import accounts_of, members
from functions.owners import asked
from functions.owners.keys import KEY_ID
from functions.owners.mine import Mine
from functions.owners.shown import key_view, user_id, user_view
from functions.payments.purchases import SHOWN
from functions.projects.project import KEY

USER_ID = re.compile("[0-9]{1,15}", re.ASCII)
LIMIT, LIMIT_MAX = 50, 100
SHOWN_LENGTH_MAX = 64
REFERENCE_LENGTH_MAX = 200
BLOCK_S_MAX = 10 * 366 * 86400


def listed(mine: Mine, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of users, in the order of their numbers. With `blocked` it may hold fewer, and have a `next` all the same.

    Raises BadRequest, LedgerUnavailable.
    """
    limit = asked.digits(query["limit"], "limit", 1, LIMIT_MAX) if "limit" in query else LIMIT
    after, blocked = query.get("after", ""), query.get("blocked", "")
    if after and not USER_ID.fullmatch(after):
        raise BadRequest("after must be the next of the page before.", param="after")
    if blocked not in ("", "true", "false"):
        raise BadRequest("blocked must be true or false.", param="blocked")
    found = members(mine.project_id, after, limit + 1)
    page, now_s = found[:limit], mine.ledger.clock.now()
    views = [user_view(account, now_s) for account in accounts_of([f"{mine.project_id}/{number}" for number in page])]
    data = [view for view in views if not blocked or view["blocked"] == (blocked == "true")]
    following = page[-1] if len(found) > limit else None
    return {"object": "list", "data": data, "has_more": following is not None, "next": following}


async def account(mine: Mine, number: str) -> Account:
    """A user's account, tidied. Raises NotFound."""
    try:
        return await tidy.read(mine.ledger, _account_id(mine, number))
    except AccountGone:
        raise NotFound("There is no such user.") from None


async def shown(mine: Mine, number: str) -> dict[str, Any]:
    """All that there is about a user: what they see of their account, and how the owner knows them."""
    found, now_s = await account(mine, number), mine.ledger.clock.now()
    bought, _ = await orders.newest(mine.ledger, orders.of_account(found.account_id), SHOWN)
    view = account_view(found, now_s, bought=bought)
    view = {name: value for name, value in view.items() if name not in ("packs", "methods")}
    made = await credentials.keys_of(mine.ledger, found.account_id)
    return view | user_view(found, now_s) | {"keys": [key_view(key) for key in made]}


async def add(mine: Mine, reference: object) -> dict[str, Any]:
    """A user whom the owner knows by a reference of their own, and a key for them. Raises BadRequest.

    The same reference is the same user; each time there is another key.
    """
    name = _reference(reference)
    method = mine.project().methods.get(KEY)
    if method is None:
        raise BadRequest("This project knows nobody by key: its document does not turn on auth.key.", param="auth.key")
    gain = grants.Trial(method.rules.signup.amount, method.rules.signup.lasts_s)
    digest = hashlib.sha256(name.encode()).hexdigest()
    subject = grants.Subject(mine.project_id, "user", digest, name[:SHOWN_LENGTH_MAX])
    account_id = await grants.first_sight(mine.ledger, subject, gain)
    return {"user_id": user_id(account_id)} | await _new_key(mine, account_id)


async def add_key(mine: Mine, number: str) -> dict[str, Any]:
    """Another key for a user. Raises NotFound, BadRequest."""
    if KEY not in mine.project().methods:
        raise BadRequest("This project knows nobody by key: its document does not turn on auth.key.", param="auth.key")
    found = await account(mine, number)
    return {"user_id": user_id(found.account_id)} | await _new_key(mine, found.account_id)


async def revoke_key(mine: Mine, number: str, key_id: str) -> dict[str, Any]:
    """The end of a user's key, in the next request. Raises NotFound."""
    found = await account(mine, number)
    if not KEY_ID.fullmatch(key_id) or not await credentials.revoke(mine.ledger, found.account_id, key_id):
        raise NotFound("This user has no such key.")
    return {"id": key_id, "deleted": True}


async def block(mine: Mine, number: str, seconds: object) -> dict[str, Any]:
    """Refuse a user's requests from now on, for so many seconds; None: for good. Raises BadRequest, NotFound."""
    lasts_s = None if seconds is None else asked.whole(seconds, "seconds", 1, BLOCK_S_MAX)
    found = await account(mine, number)
    until = None if lasts_s is None else int(mine.ledger.clock.now()) + lasts_s
    return user_view(await abuse.block(mine.ledger, found.account_id, until), mine.ledger.clock.now())


async def unblock(mine: Mine, number: str) -> dict[str, Any]:
    """Let a user in again, and forget what was counted against them. Raises NotFound."""
    found = await account(mine, number)
    return user_view(await abuse.unblock(mine.ledger, found.account_id), mine.ledger.clock.now())


async def credit(mine: Mine, number: str, credits: object, reference: object) -> dict[str, Any]:
    """Give or take credits, once for a reference; what is taken stops at zero. Raises BadRequest, NotFound.

    `credits` of the answer are those that came or went; `again` says that the reference had been entered before.
    """
    amount, name = _amount(credits), _reference(reference)
    found = await account(mine, number)
    try:
        done = await journal.enter(mine.ledger, found.account_id, journal.Entry(amount, "adjustment", name))
    except journal.ReferenceTaken:
        raise BadRequest("This reference was entered for another user or amount.", param="reference") from None
    view = user_view(done.account, mine.ledger.clock.now())
    return view | {"credits": _signed(done.amount), "again": done.again}


async def _new_key(mine: Mine, account_id: str) -> dict[str, Any]:
    key = await credentials.add_key(mine.ledger, account_id)
    return {"key_id": credentials.credential_id(key), "key": key}


def _account_id(mine: Mine, number: str) -> str:
    if not USER_ID.fullmatch(number):
        raise NotFound("There is no such user.")
    return f"{mine.project_id}/{number}"


def _reference(value: object) -> str:
    """What an owner calls a user or a payment: text that is stored as it is."""
    if not isinstance(value, str) or not 0 < len(value) <= REFERENCE_LENGTH_MAX or asked.CONTROL.search(value):
        raise BadRequest(f"reference must be one line of 1 to {REFERENCE_LENGTH_MAX} characters.", param="reference")
    return value


def _amount(value: object) -> int:
    """Credits as people write them, such as 5, "5.5" or -3, in microcredits. Raises BadRequest; 0 is none."""
    written = str(value) if isinstance(value, int) else value
    negative = isinstance(written, str) and written.startswith("-")
    try:
        amount = money.amount(money.parse_credits(written[1:] if isinstance(written, str) and negative else written))
    except money.AmountError:
        raise BadRequest(
            'credits must be a whole number or a text such as "5.5", with a minus where they are taken; not 0.',
            param="credits",
        ) from None
    return -amount if negative else amount


def _signed(microcredits: int) -> float:
    return -money.credits(-microcredits) if microcredits < 0 else money.credits(microcredits)

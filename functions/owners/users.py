"""The users of a project, as its owner sees them and what an owner does about one.

An account is named by its project and its number, and the project is always the one that was found for this owner: so
whatever number is given, it is never somebody else's user.
"""

import hashlib
import re
from typing import Any

from functions import money
from functions.accounts.view import account_view
from functions.errors import BadRequest, Forbidden, NotFound
from functions.ledger import abuse, credentials, deletion, grants, journal, orders, tidy
from functions.ledger.account import Account, AccountGone
from functions.owners import asked
from functions.owners.finding import USER_ID
from functions.owners.keys import KEY_ID
from functions.owners.mine import Mine
from functions.owners.shown import key_view, time_text, user_id, user_view
from functions.payments.purchases import SHOWN
from functions.projects.project import KEY

SHOWN_LENGTH_MAX = 64
REFERENCE_LENGTH_MAX = 200
BLOCK_S_MAX = 10 * 366 * 86400
DAY_S = 86400
GRANT_DAYS_MAX = 3660
LOT_DIGITS = 16


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


async def add_key(mine: Mine, number: str, label: object) -> dict[str, Any]:
    """Another key for a user. Raises NotFound, BadRequest."""
    name = asked.label(label)
    if KEY not in mine.project().methods:
        raise BadRequest("This project knows nobody by key: its document does not turn on auth.key.", param="auth.key")
    found = await account(mine, number)
    return {"user_id": user_id(found.account_id)} | await _new_key(mine, found.account_id, name)


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


async def credit(mine: Mine, number: str, credits: object, *, reference: object, why: object) -> dict[str, Any]:
    """Give or take credits, once for a reference; what is taken stops at zero. Raises BadRequest, NotFound.

    `credits` of the answer are those that came or went; `again` says that the reference had been entered before.
    """
    entry = journal.Entry(amount(credits), "adjustment", _reference(reference), None, mine.email, asked.why(why))
    return _given(mine, await _enter(mine, number, entry))


async def grant(
    mine: Mine, number: str, credits: object, *, days: object, reference: object, why: object
) -> dict[str, Any]:
    """Give credits that expire, once for a reference. Raises BadRequest, NotFound, Forbidden where there are too many.

    Sent again with other days, the reference changes nothing; `expires` is null where they are over or used up.
    """
    given, name = amount(credits), _reference(reference)
    if given < 0:
        raise BadRequest("credits must be more than 0: what is granted is not taken.", param="credits")
    expires = int(mine.ledger.clock.now()) + asked.whole(days, "days", 1, GRANT_DAYS_MAX) * DAY_S
    lot = f"grant-{hashlib.sha256(name.encode()).hexdigest()[:LOT_DIGITS]}"
    entry = journal.Entry(given, "grant", name, (lot, expires), mine.email, asked.why(why))
    done = await _enter(mine, number, entry)
    left = done.account.lots.get(lot)
    return _given(mine, done) | {"expires": time_text(left.expires) if left else None}


async def without_name(mine: Mine, number: str, why: object) -> str:
    """Why a user is deleted, without what they were known by: it is kept when they are gone. Raises NotFound."""
    said, found = asked.why(why), await account(mine, number)
    for name in (found.email, found.shown):
        said = re.sub(re.escape(name), "…", said, flags=re.IGNORECASE) if name else said
    return said


async def delete(mine: Mine, number: str, why: str) -> dict[str, Any]:
    """End a user's account: their keys, receipts and credits. Raises NotFound.

    Where requests of theirs run, it is not `finished`, and the nightly maintenance finishes it.
    """
    found = await account(mine, number)
    gone = await deletion.delete(mine.ledger, found.account_id, mine.email, why)
    forfeited = money.credits(gone.forfeited)
    return {"user_id": int(number), "deleted": True, "finished": gone.finished, "forfeited": forfeited}


async def _enter(mine: Mine, number: str, entry: journal.Entry) -> journal.Entered:
    found = await account(mine, number)
    try:
        return await journal.enter(mine.ledger, found.account_id, entry)
    except journal.ReferenceTaken:
        raise BadRequest("This reference was entered for another user or amount.", param="reference") from None
    except (journal.LotsFull, journal.LotTaken):
        most = f"A user has at most {journal.LOTS_MAX} gifts of credits that expire; wait until one is used up or over."
        raise Forbidden(most, code="too_many_grants") from None


def _given(mine: Mine, done: journal.Entered) -> dict[str, Any]:
    view = user_view(done.account, mine.ledger.clock.now())
    return view | {"credits": _signed(done.amount), "again": done.again}


async def _new_key(mine: Mine, account_id: str, label: str = "") -> dict[str, Any]:
    key = await credentials.add_key(mine.ledger, account_id, label)
    return {"key_id": credentials.credential_id(key), "key": key, "label": label}


def _account_id(mine: Mine, number: str) -> str:
    if not USER_ID.fullmatch(number):
        raise NotFound("There is no such user.")
    return f"{mine.project_id}/{number}"


def _reference(value: object) -> str:
    """What an owner calls a user or a payment: text that is stored as it is."""
    if not isinstance(value, str) or not 0 < len(value) <= REFERENCE_LENGTH_MAX or asked.CONTROL.search(value):
        raise BadRequest(f"reference must be one line of 1 to {REFERENCE_LENGTH_MAX} characters.", param="reference")
    return value


def amount(value: object) -> int:
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

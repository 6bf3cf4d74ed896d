"""The users of a project, found: all of them, or those that a search, a block or offences pick out.

Users stand in the order of their numbers and are picked while they are walked: a page may hold fewer than were asked
for, even none, and have a `next` all the same. So each page takes a bounded time, however many users there are.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from functions.errors import BadRequest
from functions.ledger import abuse
from functions.ledger.account import OPEN, Account
from functions.ledger.pages import accounts_of, members
from functions.owners import asked
from functions.owners.mine import Mine
from functions.owners.shown import user_id, user_view

USER_ID = re.compile("[0-9]{1,15}", re.ASCII)
WHOLE_NUMBER = re.compile("[0-9]{12}", re.ASCII)
"""Of functions/ledger/ids.py: nothing is a part of another."""
LIMIT, LIMIT_MAX = 50, 100
WALKED_MAX = 1000
"""Users that one page looks at."""
STEP = 100
SEARCHED_LENGTH_MAX = 100

Keep = Callable[[Account], bool]


def listed(mine: Mine, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of users: of all, those `blocked` or not, or those of whom `q` is a part. Raises BadRequest."""
    blocked, searched = query.get("blocked", ""), _searched(query.get("q", ""))
    if blocked not in ("", "true", "false"):
        raise BadRequest("blocked must be true or false.", param="blocked")
    now_s = mine.ledger.clock.now()

    def keep(account: Account) -> bool:
        return (not blocked or (account.blocked > now_s) == (blocked == "true")) and _is_found(account, searched)

    if WHOLE_NUMBER.fullmatch(searched):
        _page(query)
        data = [user_view(one, now_s) for one in _open([f"{mine.project_id}/{searched}"]) if keep(one)]
        return {"object": "list", "data": data, "has_more": False, "next": None}
    return _walked(mine, query, keep)


def abusing(mine: Mine, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of the users that are blocked, or have offences counted against them. Raises BadRequest."""
    now_s = mine.ledger.clock.now()
    return _walked(mine, query, lambda account: account.blocked > now_s or abuse.offences(account, now_s) > 0)


def _walked(mine: Mine, query: Mapping[str, str], keep: Keep) -> dict[str, Any]:
    limit, after = _page(query)
    found: list[Account] = []
    walked, ended = 0, False
    while len(found) < limit and walked < WALKED_MAX and not ended:
        step = min(STEP, limit - len(found) if walked == 0 else STEP)
        numbers = members(mine.project_id, after, step + 1)
        ended, numbers = len(numbers) <= step, numbers[:step]
        for account in _open([f"{mine.project_id}/{number}" for number in numbers]):
            if keep(account):
                found.append(account)
            if len(found) == limit:
                ended = ended and user_id(account.account_id) == int(numbers[-1])
                after = str(user_id(account.account_id))
                break
        else:
            after = numbers[-1] if numbers else after
        walked += len(numbers)
    views = [user_view(account, mine.ledger.clock.now()) for account in found]
    return {"object": "list", "data": views, "has_more": not ended, "next": None if ended else after}


def _open(account_ids: list[str]) -> list[Account]:
    """Those that are there: of one that was deleted there is nobody to list."""
    return [account for account in accounts_of(account_ids) if account.state == OPEN]


def _is_found(account: Account, searched: str) -> bool:
    number = account.account_id.rpartition("/")[2]
    return any(searched in text for text in (account.shown.casefold(), account.email.casefold(), number))


def _searched(given: str) -> str:
    """A part of what a user is known by, whatever its case. Raises BadRequest."""
    if len(given) > SEARCHED_LENGTH_MAX or asked.CONTROL.search(given):
        raise BadRequest(f"q must be one line of at most {SEARCHED_LENGTH_MAX} characters.", param="q")
    return given.casefold()


def _page(query: Mapping[str, str]) -> tuple[int, str]:
    limit = asked.digits(query["limit"], "limit", 1, LIMIT_MAX) if "limit" in query else LIMIT
    after = query.get("after", "")
    if after and not USER_ID.fullmatch(after):
        raise BadRequest("after must be the next of the page before.", param="after")
    return limit, after

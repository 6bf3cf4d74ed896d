"""The receipts of one user, for the owner: the same pages and CSV as the user has, and what is the owner's to know."""

from collections.abc import Mapping
from typing import Any

from functions.accounts import receipts_page
from functions.errors import BadRequest
from functions.ledger.pages import receipts_between
from functions.owners import users
from functions.owners.mine import Mine
from functions.owners.shown import owners_receipt


async def answer(mine: Mine, query: Mapping[str, list[str]] | None, accept: str) -> tuple[Any, dict[str, str]]:
    """Body and headers. `user` is the user's number; the rest is docs/receipts.md. Raises BadRequest, NotFound."""
    given = dict(query or {})
    numbers = given.pop("user", [])
    if len(numbers) != 1:
        raise BadRequest("user is required, once.", param="user")
    asked = receipts_page.parse(given, accept)
    account_id = (await users.account(mine, numbers[0])).account_id
    if asked.is_csv:
        return receipts_page.answer(account_id, asked, mine.ledger.clock.now())
    found = receipts_between(account_id, asked.first, asked.end, asked.limit + 1)
    shown = found[: asked.limit]
    following = shown[-1].receipt_id if len(found) > len(shown) else None
    data = [owners_receipt(receipt) for receipt in shown]
    return {"object": "list", "data": data, "has_more": following is not None, "next": following}, {}

"""Members: what belongs to what, to be listed: a project's users, an owner's projects, a user's keys.

A member is put and dropped in the transaction that makes it true, so a list is never behind what it lists.
"""

from functions.ledger import ids
from functions.ledger.store import Item, Ledger

DEFAULT = "default"
"""The built-in project: the operator lists its users, by when they came."""
LISTED_MAX = 1000


def users(project_id: str) -> str:
    """The scope of a project's users, by their numbers."""
    return f"project/{project_id}"


def projects(email: str) -> str:
    """The scope of an owner's projects, by their ids."""
    return f"owner/{email}"


def keys(account_id: str) -> str:
    """The scope of the keys that an owner made for a user, by their ids."""
    return f"keys/{account_id}"


def joined(created: int, number: str) -> tuple[str, str]:
    """The scope of the built-in project's users by when they came, and one's name in it."""
    return f"joined/{DEFAULT}", f"{ids.first_at(created)}{number}"


def places(project_id: str, number: str, created: int) -> list[tuple[str, str]]:
    """Scope and name of a user in each list of users that may have them."""
    if project_id == DEFAULT:
        return [joined(created, number)]
    return [(users(project_id), number)]


def put(ledger: Ledger, scope: str, member: str, more: Item | None = None) -> Item:
    """A part of a transaction: somebody belongs there; `more` is what a list shows of them."""
    created: Item = {"created": {"N": str(int(ledger.clock.now()))}}
    return {"Put": {"TableName": ledger.table("members"), "Item": _key(scope, member) | created | (more or {})}}


def drop(ledger: Ledger, scope: str, member: str) -> Item:
    """A part of a transaction: nobody of this name belongs there any more."""
    return {"Delete": {"TableName": ledger.table("members"), "Key": _key(scope, member)}}


async def listed(ledger: Ledger, scope: str) -> list[Item]:
    """The items of a scope, by their names; LISTED_MAX of them at most. Raises LedgerUnavailable."""
    request: Item = {
        "TableName": ledger.table("members"),
        "KeyConditionExpression": "#scope = :scope",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": {"S": scope}},
        "ConsistentRead": True,
    }
    found: list[Item] = []
    while len(found) < LISTED_MAX:
        page = await ledger.read("Query", request | {"Limit": LISTED_MAX - len(found)})
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        request |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return found


async def newest(ledger: Ledger, scope: str, limit: int, before: str = "") -> tuple[list[Item], str]:
    """The last of a scope by their names, backwards from `before`; and the name to go on before, "" at the end."""
    names, values = {"#scope": "scope"}, {":scope": {"S": scope}}
    if before:
        names |= {"#member": "member"}
        values |= {":before": {"S": before}}
    request: Item = {
        "TableName": ledger.table("members"),
        "KeyConditionExpression": "#scope = :scope" + (" AND #member < :before" if before else ""),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": limit,
    }
    page = await ledger.read("Query", request)
    found: list[Item] = page["Items"]
    return found, str(found[-1]["member"]["S"]) if found and "LastEvaluatedKey" in page else ""


def _key(scope: str, member: str) -> Item:
    return {"scope": {"S": scope}, "member": {"S": member}}

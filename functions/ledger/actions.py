"""Actions: what owners and the operator change, noted for those who ask later who did what, when, and why.

A note is written before its change is made, so that nothing is changed of which there is no note; how it ended is
written after. A note without an end: nobody knows whether its change was made.
"""

import logging
from dataclasses import dataclass

from functions.errors import LedgerUnavailable
from functions.ledger import ids, members
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused, StoreError

DONE = "done"
OPERATOR = "operator"
"""Whoever has the admin key: nobody knows them by name."""
TEXT_LENGTH_MAX = 300
TRIES_MAX = 5

log = logging.getLogger("farebox.actions")


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody did. `at` in seconds since 1970; `outcome` is "done", an error's code, or "" where unknown."""

    id: str
    at: int
    by: str
    what: str
    about: str
    why: str
    outcome: str


def of_project(project_id: str) -> str:
    """The scope of what is done about a project; of `default`, what the operator does."""
    return f"actions/{project_id}"


async def note(ledger: Ledger, scope: str, *, by: str, what: str, about: str, why: str = "") -> str:
    """Note what is about to be done; gives the note's id. Never a secret, a key or a prompt: people read it.

    Raises LedgerUnavailable: then it is not to be done.
    """
    action_id = ids.time_ordered(ledger)
    put = members.put(ledger, scope, action_id, _texts(by=by, what=what, about=about, why=why))["Put"]
    put["ConditionExpression"] = "attribute_not_exists(#member)"  # one that comes late takes no outcome away
    put["ExpressionAttributeNames"] = {"#member": "member"}
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("PutItem", put)
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused:
            return action_id  # an earlier attempt, whose answer was lost, was applied
        else:
            return action_id
    raise LedgerUnavailable("The ledger did not answer in time; nothing was changed. Send this again.")


async def ended(ledger: Ledger, scope: str, action_id: str, outcome: str) -> None:
    """Note how it ended. Raises nothing: what was done is done, and its note stays without an end."""
    write = Expression()
    write.sets.append(f"{write.name('#outcome', 'outcome')} = :outcome")
    write.values[":outcome"] = {"S": outcome[:TEXT_LENGTH_MAX] or "?"}
    write.conditions.append(f"attribute_exists({write.name('#member', 'member')})")
    request = write.request(ledger.table("members"), {"scope": {"S": scope}, "member": {"S": action_id}})
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("UpdateItem", request)
        except Ambiguous:
            await ledger.pause(attempt)
        except (StoreError, LedgerUnavailable):
            break
        else:
            return
    log.warning("how an action ended could not be noted: %s %s", scope, action_id)


async def listed(ledger: Ledger, scope: str, limit: int, before: str = "") -> tuple[list[Action], str]:
    """The newest actions first, those before `before`; and the id to go on before, "" at the end.

    Raises LedgerUnavailable.
    """
    found, following = await members.newest(ledger, scope, limit, before)
    return [_from_item(item) for item in found], following


def _texts(**texts: str) -> Item:
    return {name: {"S": text[:TEXT_LENGTH_MAX]} for name, text in texts.items() if text}


def _from_item(item: Item) -> Action:
    by, what, about, why, outcome = (
        str(item[name]["S"]) if name in item else "" for name in ("by", "what", "about", "why", "outcome")
    )
    action_id = str(item["member"]["S"])
    return Action(action_id, ids.made_at(action_id), by, what, about, why, outcome)

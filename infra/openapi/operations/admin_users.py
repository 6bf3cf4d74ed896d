"""The operator's users: who they are, what they have, and what is changed about them."""

from typing import Any

from functions.accounts import email
from functions.ledger import grants, journal
from functions.operators import finding
from functions.operators.changes import TAKES, WHO
from functions.owners.asked import WHY_LENGTH_MAX
from functions.owners.users import BLOCK_S_MAX, GRANT_DAYS_MAX, REFERENCE_LENGTH_MAX
from infra.openapi import problems, shared
from infra.openapi.parts import FORM, JSON, Answer, Body, Operation, Parameter, Problem
from infra.openapi.project_document import CREDITS_MAX
from infra.openapi.schemas import (
    Schema,
    any_of,
    boolean,
    described,
    list_of,
    nullable,
    obj,
    one_of,
    ref,
    text,
    time,
    whole,
)

TAG = "Operator: users"
READING = (problems.FORBIDDEN, problems.ORIGIN_NOT_ALLOWED, problems.WRONG, problems.LEDGER_UNAVAILABLE)
CHANGING = (*READING, problems.NOT_FOUND, problems.TOO_LARGE, problems.NOT_CONFIGURED)
NUMBER = {"user_id": whole(1, description="The user's number.")}
AMOUNT = any_of(whole(-CREDITS_MAX, CREDITS_MAX), text(pattern=r"^\s*-?[0-9]{1,30}(\.[0-9]{1,6})?\s*$"))
GIFT = any_of(whole(1, CREDITS_MAX), text(pattern=r"^\s*[0-9]{1,30}(\.[0-9]{1,6})?\s*$"))
FIELDS: dict[str, Schema] = {
    "key": text(description="The admin key, where it does not come as a header."),
    "email": text(maxLength=email.LENGTH_MAX, description="Whose account it is about; or `user_id`, or both."),
    "user_id": any_of(whole(1), text(pattern=r"^\s*[0-9]+\s*$"), description="The user's number."),
    "delta": described(
        AMOUNT, 'Paid credits to give, or with a minus to take: not 0, whole, or as text such as `"-2.5"`.'
    ),
    "tokens": described(GIFT, 'Credits to give that expire: whole, or as text such as `"2.5"`; more than 0.'),
    "days": described(any_of(whole(1, GRANT_DAYS_MAX), text(pattern="^ *[0-9]{1,10} *$")), "Days until they expire."),
    "seconds": described(
        any_of(whole(1, BLOCK_S_MAX), text(pattern="^ *[0-9]{1,10} *$")), "How long; without it, until unblocked."
    ),
    "reference": text(minLength=1, maxLength=REFERENCE_LENGTH_MAX, description="A change with it is made once."),
    "why": text(maxLength=WHY_LENGTH_MAX, description="What it is for: it stays in the notes, so name nobody."),
}
EXAMPLES: dict[str, Any] = {
    "adjust": {"user_id": 42, "delta": 1_000_000, "reference": "ticket-4711", "why": "Ticket 4711"},
    "grant": {"user_id": 42, "tokens": 100_000, "days": 7},
    "delete": {"user_id": 42, "why": "asked for by mail"},
    "block": {"user_id": 42, "seconds": 3600},
    "unblock": {"user_id": 42},
}
ROW: dict[str, Schema] = shared.USER | shared.BALANCE
ENTERED = {
    "credits": shared.SIGNED_CREDITS,
    "again": boolean(description="The reference had been entered before."),
    "reference": text(),
}
"""What came or went."""
SCHEMAS: dict[str, Schema] = {
    "OperatorsUser": obj(ROW),
    "OperatorsUserRow": obj(
        ROW
        | {
            "key_shown": text(description="How the mailed key begins; empty where there is none."),
            "use": obj(shared.COUNTED, description="Of the last 30 days."),
        }
    ),
    "OperatorsUserWhole": obj(
        shared.USER
        | {
            "project": text(),
            "balance": ref("Balance"),
            "use": list_of(ref("DayUse")),
            "receipts": list_of(ref("Receipt")),
            "orders": list_of(ref("Order")),
            "method": one_of("", *sorted(grants.KINDS), description="Empty: by an address, as everybody here."),
            "shown": text(description="Empty here."),
            "offences": whole(0, description="Refusals that count now."),
            **{name: shared.BALANCE[name] for name in ("available", "held", "spent", "debt")},
            "keys": list_of(ref("UsersKey")),
            "journal": list_of(ref("JournalEntry"), maxItems=finding.ENTRIES),
        }
    ),
    "Overview": obj(
        {
            "users": whole(0),
            "active_trials": whole(0),
            **dict.fromkeys(("trial", "paid", "held", "debt", "spent"), shared.CREDITS),
            "events": list_of(obj(shared.RECEIPT | {"user_id": whole(1), "email": text()}), maxItems=finding.EVENTS),
            "next": described(nullable(text()), "The `after` of the next page of users; null on the last one."),
        }
    ),
    "Adjusted": obj(ROW | ENTERED),
    "Granted": obj(ROW | ENTERED | {"expires": nullable(time())}),
    "UserDeleted": obj(
        {
            "user_id": whole(1),
            "deleted": boolean(const=True),
            "finished": boolean(description="false while requests of theirs still run: the night finishes it."),
            "forfeited": described(shared.CREDITS, "Credits that were left."),
        }
    ),
}


def _or_null(field: Schema) -> Schema:
    """A field that may be null as well as left out; its words stay in front."""
    return described(
        nullable({name: value for name, value in field.items() if name != "description"}), field["description"]
    )


def _change(name: str, summary: str, schema: str, description: str, *more: Problem) -> Operation:
    needed, optional = TAKES[name]
    body = obj(
        {each: FIELDS[each] for each in needed},
        {each: _or_null(FIELDS[each]) for each in optional} | {"key": FIELDS["key"]},
        anyOf=[{"required": [each]} for each in WHO],
    )
    return Operation(
        "POST",
        f"/admin/{name}",
        f"{name}_user",
        TAG,
        summary,
        "operator",
        {
            200: Answer("The user, after it.", ref(schema)),
            303: Answer("A browser is led on to the page.", headers=("location",)),
        },
        (*CHANGING, *more),
        description=description,
        body=Body(body, content_types=(JSON, FORM), examples={f"{name} one user": EXAMPLES[name]}),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/admin/users",
        "list_users_of_the_operator",
        TAG,
        "List the users, the newest first",
        "operator",
        {
            200: Answer(
                "A page of users; it may be short, or empty, and have a `next`.", obj(shared.walked("OperatorsUserRow"))
            )
        },
        READING,
        parameters=(
            Parameter("email", text(maxLength=email.LENGTH_MAX), "A whole address, or a part of one."),
            *shared.paging(finding.LIMIT_MAX, finding.LIMIT),
        ),
    ),
    Operation(
        "GET",
        "/admin/users/{user_id}",
        "show_user_to_the_operator",
        TAG,
        "Show all there is about a user",
        "operator",
        {
            200: Answer(
                "What they see themselves, their keys, and the newest journal entries.", ref("OperatorsUserWhole")
            )
        },
        (*READING, problems.NOT_FOUND),
        path_values=NUMBER,
    ),
    Operation(
        "GET",
        "/admin/overview",
        "show_overview",
        TAG,
        "Sum up one page of users",
        "operator",
        {200: Answer("Sums over these users, and their newest requests; add up the pages.", ref("Overview"))},
        READING,
        parameters=(shared.paging(1, 1)[1],),
    ),
    _change("adjust", "Give or take paid credits", "Adjusted", "What is taken stops at zero. Once for a `reference`."),
    _change(
        "grant",
        "Give credits that expire",
        "Granted",
        f"A user has at most {journal.LOTS_MAX} such gifts. Once for a `reference`.",
        problems.TOO_MANY_GRANTS,
    ),
    _change(
        "delete", "Delete a user", "UserDeleted", "Keys, receipts, use and address go, and the credits that are left."
    ),
    _change("block", "Refuse a user's requests", "OperatorsUser", "For so many seconds, or until unblocked."),
    _change("unblock", "Let a user in again", "OperatorsUser", "What was counted against them is forgotten."),
)

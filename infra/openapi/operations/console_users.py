"""The console: a project's users, and what an owner does about one."""

from functions.ledger import grants
from functions.owners import finding
from functions.owners.asked import LABEL_LENGTH_MAX, WHY_LENGTH_MAX
from functions.owners.users import BLOCK_S_MAX, GRANT_DAYS_MAX, REFERENCE_LENGTH_MAX
from functions.payments.purchases import SHOWN
from infra.openapi import problems, shared
from infra.openapi.operations.console_keys import DELETED
from infra.openapi.operations.console_money import CHANGING, PROJECT, PROJECT_ID, READING
from infra.openapi.parts import Answer, Body, Operation, Parameter
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

TAG = "Console: users"
USER = PROJECT + "/users/{user_id}"
USER_ID = PROJECT_ID | {"user_id": whole(1, description="The user's number.")}
KEY_ID = USER_ID | {"key_id": text(description="The key's id.")}
WHY = nullable(text(maxLength=WHY_LENGTH_MAX, description="What it is for: it stays in the notes."))
REFERENCE = text(minLength=1, maxLength=REFERENCE_LENGTH_MAX, description="A change with it is made once.")
AMOUNT = any_of(whole(-CREDITS_MAX, CREDITS_MAX), text(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,6})?$"))
GIFT = any_of(whole(1, CREDITS_MAX), text(pattern=r"^[0-9]{1,30}(\.[0-9]{1,6})?$"))
VIEW: dict[str, Schema] = {
    "user_id": whole(1),
    "method": one_of(*sorted(grants.KINDS), description="How they are known: `user` is by a key of theirs."),
    "shown": text(description="What the owner knows them by: a token's subject, or the owner's own reference."),
    "email": text(),
    "created": time(),
    "blocked": boolean(),
    "blocked_until": described(nullable(time()), "null where the block has no end, or there is none."),
    "offences": whole(0, description="Refusals that count now."),
    **{name: shared.BALANCE[name] for name in ("available", "held", "spent", "debt")},
}
GIVEN = {"credits": shared.SIGNED_CREDITS, "again": boolean(description="The reference had been entered before.")}
KEY_MADE: dict[str, Schema] = {
    "user_id": whole(1),
    "key_id": text(),
    "key": text(pattern="^sk-", description="It is shown now, and never again."),
    "label": text(),
}
SCHEMAS: dict[str, Schema] = {
    "ProjectUser": obj(VIEW),
    "ProjectUserWhole": obj(
        VIEW
        | {
            "project": text(),
            "balance": ref("Balance"),
            "use": list_of(ref("DayUse")),
            "receipts": list_of(ref("Receipt")),
            "orders": list_of(ref("Order"), maxItems=SHOWN),
            "keys": list_of(obj({"id": text(), "shown": text(), "label": text(), "created": time()})),
        }
    ),
    "ProjectUserKey": obj(KEY_MADE),
}
PAGING = shared.paging(finding.LIMIT_MAX, finding.LIMIT)
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        PROJECT + "/users",
        "list_users",
        TAG,
        "List a project's users",
        "owner",
        {
            200: Answer(
                "In the order of their numbers; a page may be short and have a `next`.",
                obj(shared.walked("ProjectUser")),
            )
        },
        READING,
        parameters=(
            Parameter("q", text(maxLength=finding.SEARCHED_LENGTH_MAX), "A part of what a user is known by."),
            Parameter("blocked", one_of("true", "false"), "Those that are blocked, or those that are not."),
            *PAGING,
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "POST",
        PROJECT + "/users",
        "add_user",
        TAG,
        "Make a user, and a key for them",
        "owner",
        {200: Answer("The user's number, and the key.", ref("ProjectUserKey"))},
        (*CHANGING, problems.TOO_MANY_KEYS),
        description="The same reference is the same user; each time it gives another key. For `auth.key`.",
        body=Body(
            obj({"reference": REFERENCE | {"description": "What the owner calls the user."}}),
            examples={"a customer": {"reference": "customer-42"}},
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        USER,
        "show_user",
        TAG,
        "Show all there is about a user",
        "owner",
        {200: Answer("What they see themselves, and how the owner knows them.", ref("ProjectUserWhole"))},
        READING,
        path_values=USER_ID,
    ),
    Operation(
        "DELETE",
        USER,
        "delete_user_of_a_project",
        TAG,
        "Delete a user",
        "owner",
        {200: Answer("Keys, receipts and credits are gone.", ref("UserDeleted"))},
        CHANGING,
        body=Body(obj({}, {"why": WHY}), required=False, examples={"asked for": {"why": "asked for by mail"}}),
        path_values=USER_ID,
    ),
    Operation(
        "POST",
        USER + "/keys",
        "add_user_key",
        TAG,
        "Make another key for a user",
        "owner",
        {200: Answer("The key.", ref("ProjectUserKey"))},
        (*CHANGING, problems.TOO_MANY_KEYS),
        body=Body(
            obj({}, {"label": nullable(text(maxLength=LABEL_LENGTH_MAX, description="A line by which it is known."))}),
            required=False,
            examples={"for a phone": {"label": "phone"}},
        ),
        path_values=USER_ID,
    ),
    Operation(
        "DELETE",
        USER + "/keys/{key_id}",
        "revoke_user_key",
        TAG,
        "End a user's key",
        "owner",
        {200: Answer("It is dead in the very next request.", DELETED)},
        CHANGING,
        path_values=KEY_ID,
    ),
    Operation(
        "POST",
        USER + "/block",
        "block_user_of_a_project",
        TAG,
        "Refuse a user's requests",
        "owner",
        {200: Answer("The user, after it.", ref("ProjectUser"))},
        CHANGING,
        body=Body(
            obj({"seconds": nullable(whole(1, BLOCK_S_MAX, description="How long; null: for good."))}, {"why": WHY}),
            examples={"for a day": {"seconds": 86_400}},
        ),
        path_values=USER_ID,
    ),
    Operation(
        "POST",
        USER + "/unblock",
        "unblock_user_of_a_project",
        TAG,
        "Let a user in again",
        "owner",
        {200: Answer("The user, after it; what was counted against them is forgotten.", ref("ProjectUser"))},
        CHANGING,
        body=Body(obj({}, {"why": WHY}), required=False, examples={"by mistake": {"why": "a mistake"}}),
        path_values=USER_ID,
    ),
    Operation(
        "POST",
        USER + "/credits",
        "credit_user",
        TAG,
        "Give a user credits, or take some",
        "owner",
        {200: Answer("The user, and what came or went.", obj(VIEW | GIVEN))},
        CHANGING,
        description="What is taken stops at zero.",
        body=Body(
            obj(
                {
                    "credits": described(AMOUNT, 'Whole, or as text such as `"5.5"`, and not 0; with a minus to take.'),
                    "reference": REFERENCE,
                },
                {"why": WHY},
            ),
            examples={"a present": {"credits": 1000, "reference": "present-1"}},
        ),
        path_values=USER_ID,
    ),
    Operation(
        "POST",
        USER + "/grants",
        "grant_to_user",
        TAG,
        "Give a user credits that expire",
        "owner",
        {200: Answer("The user, and what came.", obj(VIEW | GIVEN | {"expires": nullable(time())}))},
        (*CHANGING, problems.TOO_MANY_GRANTS),
        body=Body(
            obj(
                {
                    "credits": described(GIFT, 'Whole, or as text such as `"5.5"`; more than 0.'),
                    "days": whole(1, GRANT_DAYS_MAX, description="Until they expire."),
                    "reference": REFERENCE,
                },
                {"why": WHY},
            ),
            examples={"a week": {"credits": 1000, "days": 7, "reference": "trial-2"}},
        ),
        path_values=USER_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/abuse",
        "list_abuse",
        TAG,
        "List users that are blocked or near to it",
        "owner",
        {200: Answer("A page of them; it may be short and have a `next`.", obj(shared.walked("ProjectUser")))},
        READING,
        parameters=PAGING,
        path_values=PROJECT_ID,
    ),
)

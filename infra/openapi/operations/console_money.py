"""The console: what a project sells and by whom, its orders, receipts and use, and what its owner is told."""

from functions.accounts import receipts_page
from functions.notices.webhooks import TYPES
from functions.owners import bought, connections, noted, told
from functions.owners.asked import SECRET_LENGTH_MAX
from functions.payments import provider
from functions.payments.provider import PROVIDERS
from functions.payments.synchronize import ABOUT_LENGTH_MAX
from functions.webhook_secret import SECRET_BYTES_MAX, SECRET_BYTES_MIN
from infra.openapi import problems, shared
from infra.openapi.parts import CSV, Answer, Body, Operation, Parameter, Problem
from infra.openapi.schemas import Schema, boolean, list_of, nullable, obj, one_of, ref, text, time, whole

TAG = "Console: money and use"
PROJECT = "/console/projects/{project_id}"
PAYMENTS = PROJECT + "/payments"
PROJECT_ID = {"project_id": text(description="The project's id.")}
CONNECTION = PROJECT_ID | {"name": one_of(*PROVIDERS, description="The payment provider.")}
READING = (
    problems.WRONG,
    problems.NO_KEY,
    problems.ORIGIN_NOT_ALLOWED,
    problems.NOT_FOUND,
    problems.RATE_LIMITED,
    problems.LEDGER_UNAVAILABLE,
)
CHANGING = (*READING, problems.TOO_LARGE)
GIVING = (*CHANGING, problems.TOO_MANY_SECRETS, problems.NOT_CONFIGURED)
PRINTABLE = "^[!-~]+$"
SECRET = text(minLength=connections.SECRET_LENGTH_MIN, maxLength=SECRET_LENGTH_MAX, pattern=PRINTABLE)
GIVEN = nullable(
    obj(
        {
            "shown": text(description="How it ends."),
            "created": time(),
            "fits": boolean(description="Whether it was given for what the document says now."),
        }
    )
)
SCHEMAS: dict[str, Schema] = {
    "SecretKept": obj({"name": text(), "shown": text(description="How it ends."), "created": time()}),
    "SecretDropped": obj({"name": text(), "deleted": boolean(const=True)}),
    "Connection": obj(
        {
            "provider": one_of(*PROVIDERS),
            "mode": one_of(*provider.MODES),
            "ready": boolean(description="Whether all that it needs was given."),
            "key": GIVEN,
            "webhook_secret": GIVEN,
            "webhook_secret_before": nullable(
                obj({"shown": text(), "created": time(), "fits": boolean(), "counts_until": time()})
            ),
            "webhook_url": text(format="uri", description="Where the provider is to send its events."),
        }
    ),
    "OwnersReceipt": obj(
        shared.RECEIPT
        | {
            "provider": text(description="Which of the project's providers answered."),
            "attempts": list_of(text(), description="Those that failed before it, and how."),
        }
    ),
    "NoticeWaiting": obj(
        {
            "id": text(),
            "kind": one_of(*dict.fromkeys(TYPES.values())),
            "user_id": nullable(whole(1)),
            "happened": time(),
            "at": time(description="When it was tried last."),
            "next": time(description="When it is tried again."),
            "tries": whole(0),
            "reason": text(description="Why it failed the last time."),
        }
    ),
    "NoticeTold": obj(
        {
            "id": text(),
            "kind": text(),
            "user_id": nullable(whole(1)),
            "happened": time(),
            "at": time(),
            "tries": whole(0),
            "reason": text(),
        }
    ),
}


def _give(path: str, id: str, summary: str, body: Schema, values: dict[str, Schema], *more: Problem) -> Operation:
    """A secret that is kept sealed, and never shown again."""
    kept = {200: Answer("It is kept, sealed; it is never shown again.", ref("SecretKept"))}
    return Operation(
        "PUT", path, id, TAG, summary, "owner", kept, (*GIVING, *more), body=Body(body), path_values=values
    )


def _drop(path: str, id: str, summary: str, values: dict[str, Schema]) -> Operation:
    gone = {200: Answer("It is forgotten.", ref("SecretDropped"))}
    return Operation("DELETE", path, id, TAG, summary, "owner", gone, CHANGING, path_values=values)


NOTICES_SECRET = text(
    pattern="^whsec_[A-Za-z0-9+/]+={0,2}$",
    description=f"`whsec_` and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes in base64.",
)
API_KEY = text(
    minLength=connections.KEY_LENGTH_MIN,
    maxLength=SECRET_LENGTH_MAX,
    pattern=PRINTABLE,
    description="The provider's API key or access token, of the mode that the document says.",
)
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        PAYMENTS,
        "show_payments",
        TAG,
        "Show the connections to payment providers",
        "owner",
        {
            200: Answer(
                "Every connection of the document, and money that fits no order.",
                obj(
                    {
                        "object": one_of("list"),
                        "data": list_of(ref("Connection")),
                        "unmatched": list_of(ref("Unmatched")),
                    }
                ),
            )
        },
        READING,
        path_values=PROJECT_ID,
    ),
    _give(
        PAYMENTS + "/{name}/key",
        "put_payment_key",
        "Give the key of a payment provider",
        obj({"api_key": API_KEY}),
        CONNECTION,
    ),
    _drop(PAYMENTS + "/{name}/key", "drop_payment_key", "Forget the key of a payment provider", CONNECTION),
    _give(
        PAYMENTS + "/{name}/webhook-secret",
        "put_webhook_secret",
        "Give the secret that events are signed with",
        obj(
            {"secret": SECRET | {"description": "As the provider shows it. The one before counts for three days more."}}
        ),
        CONNECTION,
    ),
    _drop(
        PAYMENTS + "/{name}/webhook-secret",
        "drop_webhook_secret",
        "Forget the secret that events are signed with",
        CONNECTION,
    ),
    Operation(
        "POST",
        PAYMENTS + "/{name}/looked-at",
        "look_at_unmatched_payment",
        TAG,
        "Take money that fits no order off the list",
        "owner",
        {200: Answer("It was taken off.", obj({"about": text(), "deleted": boolean(const=True)}))},
        CHANGING,
        body=Body(
            obj({"about": text(minLength=1, maxLength=ABOUT_LENGTH_MAX, description="The `about` of the entry.")}),
            examples={"a payment of Stripe": {"about": "cs_test_a1b2c3"}},
        ),
        path_values=CONNECTION,
    ),
    Operation(
        "GET",
        PROJECT + "/orders",
        "list_orders",
        TAG,
        "List a project's orders",
        "owner",
        {200: Answer("A page of orders, the newest first.", obj(shared.walked("OwnersOrder")))},
        READING,
        parameters=shared.paging(bought.LIMIT_MAX, bought.LIMIT),
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/receipts",
        "list_receipts_of_a_user",
        TAG,
        "List a user's receipts",
        "owner",
        {
            200: Answer(
                "A page as JSON, or a range as CSV: as the user has them, and who was asked.",
                obj(shared.walked("OwnersReceipt")),
                headers=("content-disposition", "x-farebox-next"),
                more={CSV: text()},
            )
        },
        READING,
        parameters=(
            Parameter("user", whole(1), "The user's number.", required=True),
            *shared.paging(receipts_page.LIMIT_MAX, receipts_page.LIMIT),
            Parameter("from", shared.WHEN, "Receipts of requests that began then or later."),
            Parameter("to", shared.WHEN, "Receipts of requests that began before."),
            Parameter("format", one_of(*receipts_page.FORMATS), "`Accept: text/csv` asks for CSV as well."),
        ),
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/usage",
        "show_use_of_a_project",
        TAG,
        "Show what a project used",
        "owner",
        {200: Answer("By day and hour, and why requests were refused.", ref("ProjectUse"))},
        READING,
        parameters=(shared.DAYS_ASKED,),
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/actions",
        "list_actions",
        TAG,
        "List what was changed in a project",
        "owner",
        {200: Answer("What, by whom, when and why, the newest first.", obj(shared.walked("Action")))},
        READING,
        parameters=shared.paging(noted.LIMIT_MAX, noted.LIMIT),
        path_values=PROJECT_ID,
    ),
    Operation(
        "GET",
        PROJECT + "/notices",
        "list_notices",
        TAG,
        "List what the owner was told by webhooks",
        "owner",
        {
            200: Answer(
                f"The newest of each, {told.SHOWN} at most; none with its text.",
                obj(
                    {
                        "waiting": list_of(ref("NoticeWaiting"), maxItems=told.SHOWN),
                        "told": list_of(ref("NoticeTold")),
                        "failed": list_of(ref("NoticeTold")),
                    }
                ),
            )
        },
        READING,
        path_values=PROJECT_ID,
    ),
    _give(
        PROJECT + "/notices/secret",
        "put_notices_secret",
        "Give the secret that notices are signed with",
        obj({"secret": NOTICES_SECRET}),
        PROJECT_ID,
    ),
    _drop(PROJECT + "/notices/secret", "drop_notices_secret", "Forget the secret of notices", PROJECT_ID),
)

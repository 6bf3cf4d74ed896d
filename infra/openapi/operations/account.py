"""What a user sees of their account, and may do about it."""

from functions.accounts import receipts_page
from functions.accounts.export import ENTRIES_MAX, ORDERS_MAX, RECEIPTS_MAX
from functions.accounts.view import DAYS_SHOWN, RECEIPTS_SHOWN
from functions.payments.provider import PROVIDERS
from functions.payments.purchases import SHOWN
from functions.projects.project import JWT, TEST
from infra.openapi import problems, shared
from infra.openapi.parts import CSV, Answer, Body, Operation, Parameter
from infra.openapi.schemas import (
    Schema,
    any_of,
    boolean,
    by_name,
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

TAG = "Account"
READING = (
    problems.WRONG,
    problems.NO_KEY,
    problems.ORIGIN_NOT_ALLOWED,
    problems.SECRET_KEY_IN_PAGE,
    problems.WRONG_KEY,
    problems.RATE_LIMITED,
    problems.LEDGER_UNAVAILABLE,
    problems.UNAVAILABLE,
)
TOKENS = (
    Parameter("X-User-Token", text(), "A project's user: an ID token or a test token.", where="header"),
    Parameter("X-PromptProxy-Key", text(), "The same as `X-User-Token`.", where="header"),
)
KNOWN_BY = one_of(
    "email",
    "ip",
    "backend",
    "user",
    JWT,
    TEST,
    description="How the gateway knows the user; `user`: the owner made them.",
)
SCHEMAS: dict[str, Schema] = {
    "Pack": obj(
        {
            "id": text(),
            "credits": described(shared.CREDITS, "What it brings."),
            "amount": whole(1, description="In the smallest unit of `currency`."),
            "currency": text(),
        }
    ),
    "Account": obj(
        {
            "project": text(description="`default` is the built-in one."),
            "user_id": whole(1),
            "email": nullable(text()),
            "created": time(),
            "balance": ref("Balance"),
            "use": list_of(ref("DayUse"), description=f"Days with use among the last {DAYS_SHOWN}."),
            "receipts": list_of(ref("Receipt"), maxItems=RECEIPTS_SHOWN, description="The newest."),
            "packs": list_of(ref("Pack"), description="What can be bought."),
            "methods": list_of(one_of(*PROVIDERS), description="By which payment providers."),
            "orders": list_of(ref("Order"), maxItems=SHOWN, description="The newest."),
        }
    ),
    "ModelUse": obj({"model": text(), **shared.COUNTED}),
    "AccountUse": obj(
        {
            "days": list_of(obj({"day": shared.DAY, "models": by_name(obj(shared.COUNTED), description="By model.")})),
            "models": list_of(ref("ModelUse"), description="Each model's sum, the dearest first."),
            "complete": boolean(description="false where there were too many requests to sum all of them."),
        }
    ),
    "Export": obj(
        {
            "exported": time(),
            "account": obj(
                {
                    "project": text(),
                    "user_id": whole(1),
                    "email": nullable(text()),
                    "known_by": KNOWN_BY,
                    "known_as": nullable(text()),
                    "created": time(),
                    "blocked": boolean(),
                    "blocked_until": nullable(time()),
                }
            ),
            "balance": obj(
                shared.BALANCE | {"expiring": list_of(obj({"name": text(), "left": shared.CREDITS, "expires": time()}))}
            ),
            "journal": list_of(
                obj(
                    {
                        "version": whole(1),
                        "reason": one_of(*shared.REASONS),
                        "reference": nullable(text()),
                        "credits": shared.SIGNED_CREDITS,
                        "debt": shared.SIGNED_CREDITS,
                        "by": nullable(text()),
                        "why": nullable(text()),
                        "created": time(),
                    }
                ),
                maxItems=ENTRIES_MAX,
            ),
            "orders": list_of(ref("Order"), description=f"The newest, some {ORDERS_MAX} at most."),
            "top_up": ref("TopUp"),
            "keys": list_of(
                obj(
                    {
                        "id": text(),
                        "label": text(),
                        "shown": text(description="How it begins."),
                        "created": time(),
                        "ends": nullable(time()),
                        "waiting": boolean(),
                    }
                )
            ),
            "days": list_of(ref("DayUse")),
            "receipts": list_of(ref("Receipt"), maxItems=RECEIPTS_MAX),
            "receipts_next": described(
                nullable(text()), "The `after` with which `GET /account/receipts` goes on; null where these are all."
            ),
        }
    ),
}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/account",
        "show_account",
        TAG,
        "Show balance, use and what can be bought",
        "user",
        {200: Answer("The account.", ref("Account"))},
        READING,
        parameters=TOKENS,
    ),
    Operation(
        "DELETE",
        "/account",
        "delete_account",
        TAG,
        "Delete one's account",
        "user",
        {
            200: Answer(
                "It is closed, and its keys are dead.",
                obj(
                    {
                        "user_id": whole(1),
                        "deleted": boolean(const=True),
                        "finished": boolean(description="false while requests still run: the night finishes it."),
                    }
                ),
            )
        },
        (*READING, problems.SHARED_ACCOUNT, problems.TOO_LARGE),
        description="Keys, receipts, use and address go, and the credits that are left.",
        body=Body(
            obj(
                {
                    "user_id": any_of(
                        whole(1), text(pattern="^[0-9]+$"), description="One's own number, as `GET /account` tells it."
                    )
                }
            ),
            examples={"oneself": {"user_id": 42}},
        ),
        parameters=TOKENS,
    ),
    Operation(
        "GET",
        "/account/export",
        "export_account",
        TAG,
        "Take one's data along",
        "user",
        {200: Answer("All there is about the user.", ref("Export"), headers=("content-disposition",))},
        READING,
        parameters=TOKENS,
    ),
    Operation(
        "GET",
        "/account/receipts",
        "list_receipts",
        TAG,
        "List receipts, in pages or as CSV",
        "user",
        {
            200: Answer(
                "A page as JSON, the newest first; or a range as CSV.",
                obj(shared.walked("Receipt")),
                headers=("content-disposition", "x-farebox-next"),
                more={CSV: text()},
            )
        },
        READING,
        parameters=(
            Parameter(
                "limit",
                whole(1, receipts_page.LIMIT_MAX, default=receipts_page.LIMIT),
                f"How many a page has at most. A CSV has up to {receipts_page.ROWS_MAX:,} where it is left out.",
            ),
            Parameter(
                "after",
                text(pattern=f"^{receipts_page.CURSOR.pattern}$"),
                "Go on after a page: its `next`, or `x-farebox-next` of a CSV.",
            ),
            Parameter("from", shared.WHEN, "Receipts of requests that began then or later."),
            Parameter("to", shared.WHEN, "Receipts of requests that began before."),
            Parameter("format", one_of(*receipts_page.FORMATS), "`Accept: text/csv` asks for CSV as well."),
            *TOKENS,
        ),
    ),
    Operation(
        "GET",
        "/account/use",
        "show_use",
        TAG,
        "Show use by day and model",
        "user",
        {200: Answer("Days without use are there too; today is the last.", ref("AccountUse"))},
        READING,
        parameters=(shared.DAYS_ASKED, *TOKENS),
    ),
)

"""The console: how an owner signs in by a mailed link."""

from functions.accounts import email
from functions.owners.sign_in import PREFIX, TOKEN_LENGTH_MAX
from infra.openapi import problems
from infra.openapi.parts import Answer, Body, Operation
from infra.openapi.schemas import Schema, boolean, obj, text, time

TAG = "Console: sign-in"
SCHEMAS: dict[str, Schema] = {}
LEADS = "To the static page of the console."
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/console",
        "enter_console",
        TAG,
        "Go to the console's page",
        "anybody",
        {303: Answer(LEADS, headers=("location",))},
        (problems.NOT_FOUND, problems.ORIGIN_NOT_ALLOWED, problems.NOT_CONFIGURED),
        description="Of a browser (`Accept: text/html`); a program is told that there is nothing: 404.",
    ),
    Operation(
        "GET",
        "/console/enter",
        "enter_by_link",
        TAG,
        "Open the page of a mailed link",
        "anybody",
        {303: Answer(LEADS + " What stands behind the link's `#` goes along.", headers=("location",))},
        (problems.ORIGIN_NOT_ALLOWED, problems.NOT_CONFIGURED),
        description="It changes nothing: only the page's button sends the token, to `POST /console/sessions`.",
    ),
    Operation(
        "POST",
        "/console/sign-in",
        "ask_for_link",
        TAG,
        "Ask for a link by mail",
        "anybody",
        {200: Answer("The same for every address; the mail says more.", obj({"message": text()}))},
        (
            problems.WRONG,
            problems.ORIGIN_NOT_ALLOWED,
            problems.TOO_LARGE,
            problems.RATE_LIMITED,
            problems.LEDGER_UNAVAILABLE,
            problems.MAIL_UNAVAILABLE,
        ),
        body=Body(
            obj({"email": text(maxLength=email.LENGTH_MAX, format="email", description="Where the link is sent to.")}),
            examples={"an owner": {"email": "owner@example.com"}},
        ),
    ),
    Operation(
        "POST",
        "/console/sessions",
        "begin_session",
        TAG,
        "Sign in by a link's token",
        "anybody",
        {
            200: Answer(
                "A session, for the `Authorization` header.",
                obj({"session": text(pattern=f"^{PREFIX}"), "expires": time()}),
            )
        },
        (
            problems.WRONG,
            problems.ORIGIN_NOT_ALLOWED,
            problems.TOO_LARGE,
            problems.RATE_LIMITED,
            problems.LEDGER_UNAVAILABLE,
        ),
        description="A token is worth one session, once, within 30 minutes.",
        body=Body(
            obj(
                {
                    "token": text(
                        minLength=1, maxLength=TOKEN_LENGTH_MAX, description="What stands behind the link's `#`."
                    )
                }
            )
        ),
    ),
    Operation(
        "DELETE",
        "/console/sessions",
        "end_session",
        TAG,
        "Sign out",
        "owner",
        {200: Answer("The session is over.", obj({"deleted": boolean(const=True)}))},
        (
            problems.WRONG,
            problems.NO_KEY,
            problems.ORIGIN_NOT_ALLOWED,
            problems.TOO_LARGE,
            problems.RATE_LIMITED,
            problems.LEDGER_UNAVAILABLE,
        ),
    ),
)

"""The addresses that people and programs come in by: health, registration, what the gateway says of itself."""

from functions.accounts import email
from infra.openapi import problems
from infra.openapi.parts import FORM, HTML, JSON, Answer, Body, Operation, Parameter
from infra.openapi.schemas import Schema, obj, one_of, text, whole

TAG = "Begin"
NO_PAGE = (problems.NOT_CONFIGURED,)
KEY = Parameter("key", text(), "A user's key. It goes on behind `#`, which no browser sends to anybody.")
OF_OPENAPI: Schema = obj(
    {"openapi": text(), "info": obj({}, is_open=True), "paths": obj({}, is_open=True)}, is_open=True
)
SCHEMAS: dict[str, Schema] = {}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/health",
        "show_health",
        TAG,
        "Show that the gateway answers",
        "anybody",
        {200: Answer("It does.", obj({"status": one_of("ok")}))},
        (),
    ),
    Operation(
        "GET",
        "/register",
        "show_registration",
        TAG,
        "Show what an account begins with",
        "anybody",
        {
            200: Answer(
                "Where `Accept` names JSON and no page.",
                obj({"trial": obj({"credits": whole(0), "days": whole(0, description="After which they expire.")})}),
            ),
            303: Answer("To the page; for everything but JSON.", headers=("location",)),
        },
        NO_PAGE,
        is_page=True,
    ),
    Operation(
        "POST",
        "/register",
        "register",
        TAG,
        "Make an account, or get another key",
        "anybody",
        {
            200: Answer(
                "The same for every address. To a form the answer is a page.",
                obj({"email": text(), "message": text()}),
                more={HTML: text()},
            )
        },
        (
            problems.WRONG,
            problems.TOO_LARGE,
            problems.RATE_LIMITED,
            problems.LEDGER_UNAVAILABLE,
            problems.MAIL_UNAVAILABLE,
        ),
        description="The key comes by mail. Registered again, an address gets a new key; the balance stays.",
        body=Body(
            obj(
                {"email": text(maxLength=email.LENGTH_MAX, format="email", description="Where the key is sent.")},
                is_open=True,
            ),
            content_types=(JSON, FORM),
            examples={"somebody": {"email": "ada@example.com"}},
        ),
    ),
    Operation(
        "GET",
        "/dashboard",
        "enter_dashboard",
        TAG,
        "Go to the dashboard's page",
        "anybody",
        {303: Answer("To the dashboard, or with a key that is none to registration.", headers=("location",))},
        (
            problems.WRONG,
            problems.ORIGIN_NOT_ALLOWED,
            problems.SECRET_KEY_IN_PAGE,
            problems.WRONG_KEY,
            problems.RATE_LIMITED,
            problems.LEDGER_UNAVAILABLE,
            problems.UNAVAILABLE,
            *NO_PAGE,
        ),
        parameters=(KEY,),
        is_page=True,
    ),
    Operation(
        "GET",
        "/checkout/done",
        "leave_checkout",
        TAG,
        "Come back from a payment provider",
        "anybody",
        {303: Answer("To the dashboard, which tells when the payment is there.", headers=("location",))},
        NO_PAGE,
        is_page=True,
    ),
    Operation(
        "GET",
        "/openapi.json",
        "show_openapi",
        TAG,
        "Show this document",
        "anybody",
        {200: Answer("OpenAPI 3.1.", OF_OPENAPI)},
        (),
    ),
    Operation(
        "GET",
        "/AGENTS.md",
        "show_reference_for_agents",
        TAG,
        "Show a short reference for agents",
        "anybody",
        {200: Answer("Markdown, made to be given to a model.", text(), content_type="text/markdown")},
        (),
    ),
    Operation(
        "GET",
        "/llms.txt",
        "show_llms_txt",
        TAG,
        "Show where a model finds what",
        "anybody",
        {200: Answer("Markdown, as https://llmstxt.org says.", text(), content_type="text/plain")},
        (),
    ),
)

"""Buying credits: a checkout, and an automatic top-up."""

from functions.ledger import top_ups
from functions.outbound import URL_LENGTH_MAX
from functions.payments import provider
from functions.payments.agreements import PER_DAY_MAX
from functions.payments.packs import ALIASES, BUILT_IN
from functions.payments.provider import PROVIDERS, STRIPE
from infra.openapi import problems, shared
from infra.openapi.operations.account import READING, TOKENS
from infra.openapi.parts import Answer, Body, Operation, Parameter
from infra.openapi.schemas import Schema, described, nullable, obj, one_of, ref, text, whole

TAG = "Buying"
BUYING = (
    *READING,
    problems.SIGN_IN_TO_BUY,
    problems.TEST_MODE_ONLY,
    problems.PAYMENT_PROVIDER_FAILED,
    problems.NOT_CONFIGURED,
)
PACK = text(description=f"Of the built-in project: {', '.join((*BUILT_IN, *ALIASES))}. `GET /account` lists them.")
METHOD = one_of(*PROVIDERS, description="The payment provider.")
RETURN_URL = text(
    maxLength=URL_LENGTH_MAX, format="uri", description="Where the buyer comes back to: on an origin of the project."
)
PAY_AT = text(format="uri", description="The page to pay at, once.")
TOP_UP: dict[str, Schema] = {
    "state": one_of(top_ups.NONE, top_ups.WAITING, top_ups.ON, top_ups.OFF),
    "pack": nullable(text()),
    "below": described(nullable(shared.CREDITS), "Where less is left, the pack is bought."),
    "per_day": nullable(whole(1, PER_DAY_MAX)),
    "amount": nullable(whole(0)),
    "currency": nullable(text()),
    "mode": nullable(one_of(*provider.MODES)),
    "today": whole(0, description="How often it was made use of today."),
    "why": described(nullable(text()), "Why it was ended."),
    "last": described(nullable(ref("Order")), "The newest order of it."),
}
SCHEMAS: dict[str, Schema] = {
    "Checkout": obj(shared.ORDER | {"url": PAY_AT}),
    "TopUp": obj(TOP_UP),
    "TopUpAgreed": obj(TOP_UP | {"url": text(format="uri", description="The page to save a card at.")}),
}
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/checkout",
        "begin_checkout",
        TAG,
        "Begin to buy a pack",
        "user",
        {200: Answer("The order, and the page to pay at.", ref("Checkout"))},
        (*BUYING, problems.TOO_LARGE),
        body=Body(
            obj({"pack": PACK}, {"method": nullable(METHOD), "return_url": nullable(RETURN_URL)}),
            examples={"by the first provider": {"pack": "starter"}, "by Stripe": {"pack": "pro", "method": "stripe"}},
        ),
        parameters=TOKENS,
    ),
    Operation(
        "GET",
        "/checkout",
        "go_to_checkout",
        TAG,
        "Go to the page to pay at",
        "user",
        {303: Answer("To the payment provider, which never sees the key.", headers=("location",))},
        BUYING,
        description="As a link: the key may stand in the address.",
        parameters=(
            Parameter("pack", PACK, "What is bought.", required=True),
            Parameter("method", METHOD | {"default": STRIPE}, "The payment provider."),
            Parameter("key", text(), "A key, where none comes as a header."),
            *TOKENS,
        ),
        is_page=True,
    ),
    Operation(
        "GET",
        "/account/top-up",
        "show_top_up",
        TAG,
        "Show the automatic top-up",
        "user",
        {200: Answer("What was agreed, and what came of it.", ref("TopUp"))},
        READING,
        parameters=TOKENS,
    ),
    Operation(
        "PUT",
        "/account/top-up",
        "agree_to_top_up",
        TAG,
        "Agree to an automatic top-up",
        "user",
        {200: Answer("What was agreed; nothing is charged before a card is saved.", ref("TopUpAgreed"))},
        (*BUYING, problems.USER_BLOCKED, problems.TOO_LARGE),
        description="A saved card buys a pack when less than `below` is left, at most `per_day` times a day (UTC).",
        body=Body(
            obj(
                {
                    "pack": PACK,
                    "below": whole(1, description="Credits; at most what the pack brings."),
                    "per_day": whole(1, PER_DAY_MAX, description="How often a day at most."),
                },
                {"return_url": nullable(RETURN_URL)},
            ),
            examples={"twice a day": {"pack": "starter", "below": 100_000, "per_day": 2}},
        ),
        parameters=TOKENS,
    ),
    Operation(
        "DELETE",
        "/account/top-up",
        "end_top_up",
        TAG,
        "End the automatic top-up",
        "user",
        {200: Answer("Nothing is agreed any more.", ref("TopUp"))},
        (*READING, problems.TOO_LARGE),
        parameters=TOKENS,
    ),
)

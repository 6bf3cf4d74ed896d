"""What a request would hold and whether it would be admitted, without taking anything: POST /v1/estimate."""

from typing import Any

from functions import money
from functions.admit.estimate import affordable_output, ask
from functions.admit.rules import Rules
from functions.errors import BadRequest, FareboxError
from functions.forward.llama import ENDPOINTS, Prepared
from functions.ledger import ids
from functions.ledger.account import Account
from functions.ledger.admit import plan
from functions.ledger.windows import FOREVER_S, PERIODS, Limit, closed

NEVER_SENT = ids.first_at(0)
"""An id for a hold that is only planned."""


def endpoint_of(body: dict[str, Any]) -> str:
    """Which endpoint a body is for: they differ in the field that the model is to read. Raises BadRequest."""
    content = {name: endpoint for endpoint, (_, name, _) in ENDPOINTS.items() if name in body}
    if len(content) != 1:
        raise BadRequest("Exactly one of messages, prompt and input is required.", param="messages")
    return next(iter(content.values()))


def preview(rules: Rules, model: str, prepared: Prepared, account: Account, now_s: float) -> dict[str, Any]:
    """The estimate of a checked request for an account as it is now; amounts in credits.

    `refusal` is the error that the request would get, null where it would be admitted. Limits of the address and of
    the whole project are not looked at. Raises NotPriced, InputTooLarge.
    """
    price = rules.prices.at(model, now_s)
    asked = ask(prepared, rules, price, account.credentials_version, int(now_s))
    available = account.available(now_s)
    held, output_limit, refusal = 0, 0, None
    try:
        closed(rules.account_limits, now_s)
        hold, _ = plan(account, asked, now_s, NEVER_SENT)
        held = hold.amount
        credits = available if prepared.stream else held
        output_limit = affordable_output(prepared, price, asked.output_max, credits)
    except FareboxError as error:
        refusal = error.body()["error"] | {"status": error.status}
    return {
        "object": "estimate",
        "endpoint": prepared.endpoint,
        "price": price.version,
        "input_tokens": {"estimated": prepared.input_estimate, "at_most": prepared.input_bound},
        "output_tokens": {"asked": prepared.output_limit, "at_most": output_limit},
        "credits": {
            "at_least": money.credits(asked.least),
            "at_most": money.credits(asked.upper),
            "hold": money.credits(held),
            "available": money.credits(available),
        },
        "admitted": refusal is None,
        "refusal": refusal,
        "limits": [_limit(limit, account, now_s) for limit in rules.account_limits],
    }


def _limit(limit: Limit, account: Account, now_s: float) -> dict[str, Any]:
    """One limit of the account: how much of it is used in the current window, and when that ends."""
    period = PERIODS[limit.period](now_s)
    used = account.counters.get(f"{limit.period}:{period.index}", 0)
    resets_s = None if period.end_s >= FOREVER_S else int(period.end_s - now_s) + 1
    return {"name": limit.name, "limit": limit.limit, "used": used, "resets_in_s": resets_s}

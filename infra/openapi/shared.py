"""What several routes answer with: balances, receipts, orders, use, notes of changes; and how lists are walked."""

from functions.accounts.use import DAYS, DAYS_MAX
from functions.ledger import journal, leftovers, orders, own_keys
from functions.payments import provider
from functions.projects.project import METHODS
from infra.openapi.parts import Parameter
from infra.openapi.schemas import (
    Schema,
    any_of,
    boolean,
    by_name,
    described,
    list_of,
    nullable,
    number,
    obj,
    one_of,
    ref,
    text,
    time,
    whole,
)

REASONS = ("trial", "opened", "debt", leftovers.REASON, *sorted({*journal.INCOMING, *journal.OUTGOING, *journal.NOTED}))
OUTCOMES = ("completed", "cut", "client_left", "provider_failed", "timed_out", "gateway_failed", "expired")
STATES = (provider.OPEN, provider.PROCESSING, provider.PAID, provider.FAILED, provider.EXPIRED)
SIGNED_CREDITS = number(description="Credits, with up to six decimals; below 0 what went.")
CREDITS = number(minimum=0, description="Credits, with up to six decimals.")
DAY = text(format="date", description="A day in UTC.")
COUNTED = {
    "requests": whole(0),
    "input_tokens": whole(0),
    "output_tokens": whole(0),
    "credits": CREDITS,
}
BALANCE: dict[str, Schema] = {
    "available": described(CREDITS, "What can be spent now."),
    "trial": described(CREDITS, "The part of it that expires: the trial and other gifts."),
    "trial_expires": described(nullable(time()), "When the first of that expires; null where there was none."),
    "paid": described(CREDITS, "The part of it that was bought, and does not expire."),
    "held": described(CREDITS, "Reserved by requests that still run."),
    "spent": described(CREDITS, "Spent since the account was opened."),
    "debt": described(CREDITS, "Owed, after a refund of credits that were spent: what comes in next pays it first."),
}
RECEIPT: dict[str, Schema] = {
    "id": text(description="Sorts by when the request began."),
    "created": time(description="When the request began."),
    "endpoint": text(),
    "model": text(description="What the model server calls the model that answered."),
    "outcome": one_of(*OUTCOMES),
    "input_tokens": whole(0),
    "cached_tokens": whole(0, description="The part of the input that the model server had in its cache."),
    "output_tokens": whole(0),
    "credits": described(CREDITS, "What was charged."),
    "held": described(CREDITS, "What was reserved while the request ran."),
    "shortfall": described(CREDITS, "What the use came to beyond `held`: not charged."),
    "price": text(description="The version of the price it was charged by."),
    "abort": one_of("", "stop", "drain", description="By which rule it was charged where the client left."),
    "anomalies": list_of(text(), description="What was odd about the model server's count of tokens."),
    "reasoning_tokens": whole(0, description="The part of the output that the model thought and did not say."),
    "method": one_of("", *METHODS, description="How the user was known to the project; empty in the built-in one."),
    "project_version": whole(0, description="The version of the project's document; 0 in the built-in one."),
    "blocked": text(description="What was said when it was refused, such as `content_filter`."),
}
ORDER: dict[str, Schema] = {
    "id": text(),
    "kind": one_of(orders.PACK, orders.TOP_UP, orders.SETUP),
    "pack": text(),
    "method": text(description="The payment provider."),
    "mode": one_of("", *provider.MODES),
    "state": one_of(*STATES, "disputed", "partly_refunded", "refunded"),
    "amount": whole(0, description="In the smallest unit of `currency`."),
    "currency": text(description="ISO 4217, in small letters."),
    "credits": described(CREDITS, "What it brings."),
    "refunded": whole(0, description="Of `amount`."),
    "disputed": whole(0, description="Of `amount`."),
    "credits_taken_back": CREDITS,
    "created": time(),
    "expires": time(description="When the page to pay at is over."),
}
OWNERS_ORDER: dict[str, Schema] = ORDER | {
    "user_id": whole(1),
    "user_method": one_of("", *METHODS),
    "reference": text(description="The provider's id of the checkout."),
    "disputes": list_of(obj({"id": text(), "amount": whole(0), "state": text()})),
    "history": list_of(obj({"at": time(), "what": text()})),
}
USER: dict[str, Schema] = {
    "user_id": whole(1),
    "email": text(),
    "created": time(),
    "blocked": boolean(),
    "blocked_until": described(nullable(time()), "null where the block has no end, or there is none."),
}
WHEN = any_of(
    text(format="date"),
    text(format="date-time"),
    whole(0),
    description="A date (its midnight in UTC), a time with its zone, or seconds since 1970.",
)
UNMATCHED = obj(
    {
        "provider": text(),
        "about": text(description="What it is about, as the provider names it."),
        "kind": text(),
        "why": text(),
        "seen": time(),
    }
)
SCHEMAS: dict[str, Schema] = {
    "Balance": obj(BALANCE),
    "DayUse": obj({"day": DAY, **COUNTED}),
    "Receipt": obj(RECEIPT),
    "Order": obj(ORDER),
    "OwnersOrder": obj(OWNERS_ORDER),
    "ProjectUse": obj(
        {
            "days": list_of(
                obj(
                    {
                        "day": DAY,
                        **COUNTED,
                        "refused": by_name(whole(1), description="How often requests were refused, by error code."),
                        "outcomes": by_name(whole(1), description="How requests ended, by outcome."),
                    }
                )
            ),
            "hours": list_of(obj({"hour": time(), "requests": whole(0), "credits": CREDITS})),
        }
    ),
    "Action": obj(
        {
            "id": text(),
            "at": time(),
            "by": text(description="An owner's address, or `operator`."),
            "what": text(),
            "about": text(),
            "why": text(),
            "outcome": described(nullable(text()), "`done`, or an error's code; null where nobody knows."),
        }
    ),
    "JournalEntry": obj(
        {
            "version": whole(1),
            "created": time(),
            "reason": one_of(*REASONS),
            "reference": text(),
            "amount": SIGNED_CREDITS,
            "debt": SIGNED_CREDITS,
            "by": text(),
            "why": text(),
        }
    ),
    "UsersKey": obj(
        {
            "id": text(),
            "label": text(),
            "shown": text(description="How it begins."),
            "created": time(),
            "ends": nullable(time()),
            "state": one_of(own_keys.LIVE, own_keys.PENDING),
        }
    ),
    "Unmatched": UNMATCHED,
}


def walked(name: str) -> dict[str, Schema]:
    """The fields of one page of a list that is walked: `data` of a named schema."""
    return {
        "object": one_of("list"),
        "data": list_of(ref(name)),
        "has_more": boolean(),
        "next": described(nullable(text()), "The `after` of the next page; null on the last one."),
    }


def paging(most: int, usual: int) -> tuple[Parameter, Parameter]:
    """`limit` and `after`."""
    return (
        Parameter("limit", whole(1, most, default=usual), "How many a page has at most."),
        Parameter("after", text(), "Go on after a page: the `next` of that page."),
    )


DAYS_ASKED = Parameter("days", whole(1, DAYS_MAX, default=DAYS), "How many days, today included.")

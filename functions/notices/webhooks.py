"""Webhooks to owners: what happened, as JSON, signed as https://www.standardwebhooks.com says.

A receiver knows a notice that comes again by its `webhook-id`, and checks `webhook-signature` with the secret that
its owner gave. No key of a user, and no secret, is ever in one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions import money, outbound
from functions.ledger.account import Account
from functions.ledger.notices import Notice
from functions.outbound import Networks, OutboundFailed
from functions.webhook_secret import is_secret

TYPES: Mapping[str, str] = {
    "credits_low": "credits.low",
    "purchase": "purchase.paid",
    "refund": "purchase.refunded",
    "refund_failed": "purchase.refund_failed",
    "dispute": "purchase.disputed",
    "dispute_won": "purchase.dispute_won",
    "dispute_lost": "purchase.dispute_lost",
    "unmatched": "purchase.unmatched",
    "top_up_failed": "top_up.failed",
}
"""What owners are told, by the kind of the notice."""
WAY = "webhook"
"""What this way to be told is called in a notice's `done`."""
NAMES = {
    "level": "percent",
    "left": "credits_left",
    "full": "credits_full",
    "connection": "provider",
    "method": "user_method",
}
"""What is called otherwise there."""
CREDITS = ("credits", "left", "full")
"""What is counted in microcredits here, and in credits there."""
TIMEOUT_S = 8.0
ANSWER_BYTES_MAX = 100_000


@dataclass(frozen=True, repr=False)
class Receiver:
    """Where an owner wants to be told, and the secret to sign with; no repr: it holds that secret."""

    url: str
    secret: str
    allowed: Networks | None
    """Which addresses may be called beside public ones; None, for the operator's own: all."""


def payload(notice: Notice, account: Account | None) -> dict[str, Any]:
    """The body of a webhook; `account` is None where it is about none, or about one that is gone."""
    about = {NAMES.get(name, name): _shown(name, value) for name, value in notice.about.items()}
    number = notice.account_id.rpartition("/")[2]
    who: dict[str, Any] = {"project": notice.project_id, "user_id": int(number) if number.isdigit() else None}
    who |= {"user": (account.shown or account.email or None) if account else None}
    happened = datetime.fromtimestamp(notice.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": TYPES[notice.kind], "timestamp": happened, "data": who | about}


def send(receiver: Receiver, notice: Notice, account: Account | None, now_s: float) -> None:
    """Post it, once. Raises OutboundFailed; BadRequest for a URL that may not be called."""
    from standardwebhooks import Webhook  # noqa: PLC0415  only errands send them

    if not is_secret(receiver.secret):
        raise OutboundFailed("the secret is none")
    body = json.dumps(payload(notice, account), ensure_ascii=False, separators=(",", ":"))
    at = datetime.fromtimestamp(int(now_s), UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": notice.id,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": Webhook(receiver.secret).sign(notice.id, at, body),
    }
    answer = outbound.send(
        "POST",
        receiver.url,
        receiver.allowed,
        headers=headers,
        body=body.encode(),
        timeout_s=TIMEOUT_S,
        bytes_max=ANSWER_BYTES_MAX,
    )
    if not 200 <= answer.status < 300:
        raise OutboundFailed(f"answered {answer.status}")


def _shown(name: str, value: str | int) -> Any:
    return money.credits(value) if name in CREDITS and isinstance(value, int) else value

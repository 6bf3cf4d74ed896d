"""Every header that a request may carry for the gateway, or an answer of its carries: the reference's one source."""

from dataclasses import dataclass

from infra.openapi.schemas import Schema, text, whole


@dataclass(frozen=True)
class Header:
    """Its name as written, what it says, and its form."""

    name: str
    description: str
    schema: Schema


REQUEST = (
    Header("Authorization", "`Bearer` and a key: `sk-…` of a user, `pk-…` or `ps-…` of a project.", text()),
    Header("X-Api-Key", "The same key without `Bearer`, as Anthropic's SDKs send it.", text()),
    Header("X-User-Token", "The ID token of a project's user, or a test token.", text()),
    Header("X-PromptProxy-Key", "The same as `X-User-Token`, as PromptProxy's clients send it.", text()),
    Header(
        "Idempotency-Key",
        "Any text of the client's own: a request that is sent again with it is not charged again.",
        text(maxLength=255),
    ),
    Header(
        "Origin", "Sent by browsers. A project that lists origins takes requests of pages from those alone.", text()
    ),
)
"""Of requests. `Content-Type`, `Accept` and the like mean what they always do."""

ANSWER = (
    Header("x-request-id", "Names this request in the logs; new with each try.", text()),
    Header("x-farebox-receipt", "The receipt of this request: what it is charged, once it has ended.", text()),
    Header(
        "x-farebox-credits-remaining",
        "Credits that are left while this request runs: what it may cost at most is held, and not among them.",
        text(pattern=r"^[0-9]+(\.[0-9]{1,6})?$"),
    ),
    Header(
        "x-farebox-output-limit",
        "Output tokens that the answer may have, where that is less than was asked for.",
        whole(0),
    ),
    Header("x-farebox-next", "Where a CSV goes on: the `after` of the next one.", text()),
    Header("x-ratelimit-limit-requests", "Requests in the window that is nearest to being full.", whole(0)),
    Header("x-ratelimit-remaining-requests", "Requests left in it.", whole(0)),
    Header("x-ratelimit-reset-requests", "When it has room again, such as `42s`.", text(pattern="^[0-9]+s$")),
    Header("retry-after", "Whole seconds until a new try can succeed.", whole(0)),
    Header("x-should-retry", "`false` where a client should not try again by itself.", text(const="false")),
    Header("location", "Where to go on.", text()),
    Header("content-disposition", "The name of the file that this is to be kept as.", text()),
    Header("allow", "The methods that this path answers to.", text()),
)
"""Of answers. `content-type`, `cache-control`, `vary` and those of CORS mean what they always do."""

NOTICE = (
    Header("webhook-id", "The notice: the same each time it is sent.", text()),
    Header("webhook-timestamp", "When it was sent, in seconds since 1970.", text(pattern="^[0-9]+$")),
    Header("webhook-signature", "`v1,` and the HMAC-SHA256 of id, timestamp and body, in base64.", text()),
)
"""Of notices to owners and operators, by https://www.standardwebhooks.com."""

EVERYWHERE = ("x-request-id",)
BY_STATUS = {
    409: ("x-farebox-receipt", "x-should-retry"),
    402: ("x-farebox-credits-remaining",),
    429: (
        "retry-after",
        "x-should-retry",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-farebox-credits-remaining",
    ),
    502: ("x-farebox-receipt",),
    503: ("retry-after",),
    504: ("x-farebox-receipt",),
}
"""What errors carry, where it is known."""
METERED = (
    "x-farebox-receipt",
    "x-farebox-credits-remaining",
    "x-farebox-output-limit",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
)
"""What the answers of a model carry."""

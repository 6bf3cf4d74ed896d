"""Every error a client can meet, and the only place that knows HTTP status codes.

    FareboxError
    ├── BadRequest            400  the request is wrong; `param` names the field
    │   ├── TooLarge          413  body over the limit
    │   │   └── InputTooLarge      input over the limit of the rules
    │   ├── ContentRefused         the provider, or the project, does not answer such input
    │   └── NotFound          404  no such route or object
    ├── Unauthenticated       401  no, unknown, revoked or malformed key: one answer for all
    ├── CreditsExhausted      402  the credits do not cover this request
    ├── Forbidden             403  not allowed by the project, or blocked; `code` says which
    │   └── NotPriced              the rules name no price for this model
    ├── VersionChanged        409  somebody else changed it since it was read
    ├── KeyUsed               409  this Idempotency-Key was used before
    │   ├── KeyInProgress          by a request that still runs
    │   └── KeyReused              with another body
    ├── Limited               429  something is full for now; says when to come back
    │   ├── RateLimited            a window is full
    │   ├── CreditsHeld            credits are held by requests still running
    │   └── TooManyOpen            too many requests of this account are running
    ├── ProviderFailed        502  the provider failed or cannot be reached
    │   └── ProviderTimedOut  504  the provider did not answer in time
    └── Unavailable           503  nothing was forwarded, nothing charged
        ├── LedgerUnavailable      the ledger cannot be reached
        ├── ProviderLoading        the model is still loading
        ├── MailUnavailable        the mail could not be handed over
        ├── PaymentProviderFailed  a payment provider did not do what it was asked for
        └── NotConfigured          a setting is missing that this needs

Messages are safe to show: no secret, no prompt, no answer, no address.
Shape and types are those of OpenAI's API, so that its SDKs raise their own exceptions.
"""

import math
import traceback
from typing import Any


class FareboxError(Exception):
    """Base of all. `headers` are sent with the answer."""

    status = 500
    type = "api_error"
    code: str | None = None
    param: str | None = None

    def __init__(self, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def reason(self) -> str:
        """What it is in statistics: its code, or its type where it has none; neither is anybody else's word."""
        return self.code or ("gateway_failed" if self.type == FareboxError.type else self.type)


def where(error: BaseException) -> str:
    """An unexpected exception for the log: kind and place, not its words, which may be a client's."""
    return type(error).__name__ + "\n" + "".join(traceback.format_tb(error.__traceback__))


class BadRequest(FareboxError):
    """The request is wrong; `param` is the field, as a path such as `messages[0].content`."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code or self.code


class TooLarge(BadRequest):
    status = 413
    code = "request_too_large"


class InputTooLarge(TooLarge):
    code = "input_too_large"


class ContentRefused(BadRequest):
    code = "content_filter"


class NotFound(BadRequest):
    status = 404
    code = "not_found"


class Unauthenticated(FareboxError):
    """One body for every reason, so that an answer tells nothing about a key."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("No valid API key was given. Send it as: Authorization: Bearer sk-…")


class CreditsExhausted(FareboxError):
    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"


class Forbidden(FareboxError):
    status = 403
    type = "permission_error"
    code = "forbidden"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code or self.code, param


class NotPriced(Forbidden):
    code = "model_not_priced"

    def __init__(self, model: str) -> None:
        super().__init__(f"There is no price for the model {model[:100]!r}, so it is not served.")
        self.param = "model"


class VersionChanged(FareboxError):
    status = 409
    type = "invalid_request_error"
    code = "version_changed"


class KeyUsed(FareboxError):
    """This Idempotency-Key was sent before; `receipt_id` is of the request that used it."""

    status = 409
    type = "invalid_request_error"
    param = "idempotency-key"
    code = "idempotency_key_used"

    def __init__(self, message: str, receipt_id: str = "") -> None:
        headers = {"x-farebox-receipt": receipt_id} if receipt_id else {}
        super().__init__(message, headers={"x-should-retry": "false"} | headers)


class KeyInProgress(KeyUsed):
    code = "idempotency_key_in_progress"


class KeyReused(KeyUsed):
    code = "idempotency_key_reused"


RETRIED_WITHIN_S = 60
"""OpenAI's SDKs sleep for as long as Retry-After says, hours too: what takes longer is not for them to wait for."""


class Limited(FareboxError):
    """Full for now. `retry_after_s` is how long until a new try can succeed, in whole seconds; None: it never will."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, retry_after_s: int | None, *, headers: dict[str, str] | None = None) -> None:
        when = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
        if retry_after_s is None or retry_after_s > RETRIED_WITHIN_S:
            when["x-should-retry"] = "false"
        super().__init__(message, headers=when | (headers or {}))
        self.retry_after_s = retry_after_s

    @property
    def wait_s(self) -> float:
        """`retry_after_s` as a number that compares."""
        return math.inf if self.retry_after_s is None else self.retry_after_s


class RateLimited(Limited):
    """A window is full: which one, its limit, and when it has room again."""

    def __init__(self, name: str, limit: int, retry_after_s: int | None) -> None:
        told = {"x-ratelimit-limit-requests": str(limit), "x-ratelimit-remaining-requests": "0"}
        if retry_after_s is not None:
            told["x-ratelimit-reset-requests"] = f"{retry_after_s}s"
        when = "It does not reset." if retry_after_s is None else f"Try again in {retry_after_s} s."
        super().__init__(f"Limit reached: {limit} {name}. {when}", retry_after_s, headers=told)
        self.name, self.limit = name, limit


class CreditsHeld(Limited):
    code = "credits_held"


class TooManyOpen(Limited):
    code = "too_many_open_requests"


class ProviderFailed(FareboxError):
    status = 502
    code = "provider_failed"


class ProviderTimedOut(ProviderFailed):
    status = 504
    code = "provider_timed_out"


class Unavailable(FareboxError):
    """503 always means: nothing was forwarded, nothing was charged."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, retry_after_s: int = 2) -> None:
        super().__init__(message, headers={"retry-after": str(retry_after_s)})


class LedgerUnavailable(Unavailable):
    code = "ledger_unavailable"


class ProviderLoading(Unavailable):
    code = "model_loading"


class MailUnavailable(Unavailable):
    code = "mail_unavailable"


class PaymentProviderFailed(Unavailable):
    """A payment provider did not do what it was asked for.

    `is_of_all`: it did not answer, is busy or refused the key, so whatever else it is asked for will fail, too.
    """

    code = "payment_provider_failed"

    def __init__(self, message: str, retry_after_s: int = 2, *, is_of_all: bool = False) -> None:
        super().__init__(message, retry_after_s)
        self.is_of_all = is_of_all


class NotConfigured(Unavailable):
    """`setting` is the name of the setting that is missing."""

    code = "not_configured"

    def __init__(self, setting: str) -> None:
        super().__init__(f"This is not configured: {setting} is not set.", 3600)

"""What a provider's refusals mean to a client. Knows no HTTP client: functions with different ones share it.

A BadRequest says that the request is wrong, wherever it is sent. ProviderFailed says that another provider may answer
it: so whatever a hosted provider has against our key, our account there or the model is that; its words are not passed.
Nor is anything that looks like a secret in the words that are.
"""

import json
import re
from typing import Any

from functions.errors import BadRequest, ContentRefused, FareboxError, ProviderFailed, ProviderLoading
from functions.forward.providers import LLAMA

RETRY_AFTER_S = 5

CONTENT_FILTER, REFUSAL = "content_filter", "refusal"
"""What a blocked answer is called on its receipt: by the provider's filter, or by the model itself."""

CONTENT_CODES = frozenset(
    {
        *("content_filter", "content_policy_violation", "image_content_policy_violation", "moderation_blocked"),
        *("invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation"),
    }
)
"""Codes of errors by which providers say that they do not answer such input. `invalid_prompt` is what OpenAI's models
that reason say of a prompt that was flagged."""

ACCOUNT_CODES = frozenset(
    {
        *("invalid_api_key", "account_deactivated", "billing_not_active", "billing_hard_limit_reached"),
        *("insufficient_quota", "blocked_api_access", "organization_restricted", "model_not_found"),
        *("authentication_error", "permission_error", "billing_error", "rate_limit_error", "overloaded_error"),
        *("not_found_error", "api_error", "timeout_error"),
        *("API_KEY_INVALID", "FAILED_PRECONDITION"),  # Google's reason, and status, with 400
    }
)
"""Codes and types that are about us and not about the request, though they come with a status 400."""

TOO_LITTLE_CREDIT = "credit balance is too low"
"""What Anthropic says, as an `invalid_request_error`, of an account that is not paid up."""


ABOUT_US = re.compile(r"\b(?:api[ _-]?keys?|organi[sz]ations?|projects?)\b", re.IGNORECASE)
"""Words of a 400 that is about our account: xAI's "Incorrect API key provided: …", Google's "API key not valid",
OpenAI's "Your organization must be verified to …"."""

QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*"|`[^`]*`)""")
"""What providers quote is nearly always the request's: with such words in it, a 400 stays one, without its words."""

SECRET = re.compile(
    r"(?<![\w-])(?:"
    r"(?:sk|pk|rk|gsk|xai|hf|org|proj|sess)[-_][\w*.-]+"
    r"|AIza[\w*-]+"
    r"|Bearer +\S+"
    r"|[\w-]{0,64}\*{2,}[\w*-]*"
    r"|(?=[\w-]*\d)[\w-]{32,}"
    r")"
)
"""What looks like a key, whole or masked, or like the name of an account; any long run of letters and digits may be."""

WORDS_MAX = 1000
READ_MAX = 8000
"""Characters of a provider's words: that are passed, and that are looked at."""


def unreachable() -> ProviderFailed:
    """Nobody answered at the provider's address."""
    message = "The model server cannot be reached; nothing was charged."
    return ProviderFailed(message, headers={"retry-after": str(RETRY_AFTER_S)})


def content_refused() -> ContentRefused:
    """The provider does not answer such input."""
    return ContentRefused("The provider refused the request because of its content.")


def refusal(status: int, body: bytes, kind: str = LLAMA) -> FareboxError:
    """What a provider's status other than 200 is to our client; its own words only where it judges the request."""
    if kind != LLAMA:
        return _hosted(status, body)
    if status in (400, 404, 413, 422):
        return BadRequest(_message(body) or "The provider refused the request.", code="provider_refused")
    if status == 503:
        return ProviderLoading("The model is still loading; nothing was charged.", RETRY_AFTER_S)
    return _failed(status)


def blocked_by(error: Any) -> str:
    """CONTENT_FILTER where an error object of a hosted provider says that it does not answer such input, else ""."""
    if not isinstance(error, dict):
        return ""
    told = error.get("metadata")
    if isinstance(told, dict) and ("flagged_input" in told or told.get("reasons")):  # OpenRouter's, with status 403
        return CONTENT_FILTER
    codes = {code for code in (error.get("code"), error.get("type")) if isinstance(code, str)}
    return CONTENT_FILTER if codes & CONTENT_CODES else ""


def _hosted(status: int, body: bytes) -> FareboxError:
    error = _error(body)
    if status in (400, 403, 413, 422) and blocked_by(error):
        return content_refused()
    if status not in (400, 413, 422):
        return _failed(status)
    told = error.get("message")
    message = told[:READ_MAX] if isinstance(told, str) else ""
    if _codes(error) & ACCOUNT_CODES or TOO_LITTLE_CREDIT in message or ABOUT_US.search(QUOTED.sub("", message)):
        return _failed(status)
    words = "" if ABOUT_US.search(message) else SECRET.sub("…", message)[:WORDS_MAX]
    return BadRequest(words or "The provider refused the request.", code="provider_refused")


def _codes(error: dict[str, Any]) -> set[str]:
    """What an error object says it is, in each of the places where providers say so."""
    details = error.get("details")
    listed = details if isinstance(details, list) else []
    reasons = [detail.get("reason") for detail in listed if isinstance(detail, dict)]
    told = (error.get("code"), error.get("type"), error.get("status"), *reasons)
    return {code for code in told if isinstance(code, str)}


def _failed(status: int) -> ProviderFailed:
    retry = {"retry-after": str(RETRY_AFTER_S)}
    if status == 429:
        return ProviderFailed("The provider is busy; nothing was charged.", headers=retry)
    return ProviderFailed("The provider failed; nothing was charged.", headers=retry)


def _error(body: bytes) -> dict[str, Any]:
    """The error object in a refusal's body.

    Some providers send no object around it; xAI a text in its place, with the code beside it; Google a list of one.
    """
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    error = told.get("error", told) if isinstance(told, dict) else None
    if isinstance(error, str):
        return {"code": told.get("code"), "message": error}
    return error if isinstance(error, dict) else {}


def _message(body: bytes) -> str:
    try:
        error: Any = json.loads(body)["error"]
        return str(error["message"])[:WORDS_MAX]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

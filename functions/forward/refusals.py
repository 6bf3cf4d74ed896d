"""What a provider's refusals mean to a client. Knows no HTTP client: functions with different ones share it."""

import json
from typing import Any

from functions.errors import BadRequest, FareboxError, ProviderFailed, ProviderLoading

RETRY_AFTER_S = 5


def unreachable() -> ProviderFailed:
    """Nobody answered at the provider's address."""
    message = "The model server cannot be reached; nothing was charged."
    return ProviderFailed(message, headers={"retry-after": str(RETRY_AFTER_S)})


def refusal(status: int, body: bytes) -> FareboxError:
    """What a provider's status other than 200 is to our client; its own words only where it judges the request."""
    if status in (400, 404, 413, 422):
        return BadRequest(_message(body) or "The provider refused the request.", code="provider_refused")
    if status == 503:
        return ProviderLoading("The model is still loading; nothing was charged.", RETRY_AFTER_S)
    retry = {"retry-after": str(RETRY_AFTER_S)}
    if status == 429:
        return ProviderFailed("The provider is busy; nothing was charged.", headers=retry)
    return ProviderFailed("The provider failed; nothing was charged.", headers=retry)


def _message(body: bytes) -> str:
    try:
        error: Any = json.loads(body)["error"]
        return str(error["message"])[:1000]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

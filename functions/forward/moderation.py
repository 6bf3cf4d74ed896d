"""Asking a moderation model whether it flags what a user wrote, before it is forwarded."""

import asyncio
from collections.abc import Sequence
from typing import Any

from functions.errors import BadRequest, ContentRefused, ProviderFailed, ProviderTimedOut, Unavailable
from functions.forward import body as json_body
from functions.forward.answers import parsed
from functions.forward.endpoints import MODERATIONS
from functions.forward.upstream import Reach, Upstream, read_all

MODERATION_WITHIN_S = 10.0
"""It answers in less than a second; what it looks at is not forwarded before."""


async def flagged(upstream: Upstream, model: str, texts: Sequence[str], limit_s: float) -> bool:
    """Whether any of the texts is flagged. Raises ProviderFailed where nobody says so in `limit_s` seconds.

    It never has more than MODERATION_WITHIN_S.
    """
    written = [text for text in texts if text.strip()]
    if not written:
        return False
    body = json_body.encode({"model": model, "input": written})
    within_s = min(limit_s, MODERATION_WITHIN_S)
    try:
        async with asyncio.timeout(within_s), upstream.post(MODERATIONS, body, Reach(), stream=False) as response:
            raw = await read_all(response)
    except TimeoutError:
        raise ProviderTimedOut("The moderation took too long; nothing was charged.") from None
    except ContentRefused:
        return True
    except (BadRequest, Unavailable) as error:  # what is wrong with it is not the client's
        raise ProviderFailed("The moderation failed; nothing was charged.") from error
    return _any_flagged(await parsed(raw, numbers=False), len(written))


def _any_flagged(answer: dict[str, Any] | None, asked: int) -> bool:
    """An answer that does not say of each text whether it is flagged is none."""
    results = (answer or {}).get("results")
    if not isinstance(results, list):
        results = []
    verdicts = [result.get("flagged") for result in results if isinstance(result, dict)]
    if True in verdicts:
        return True
    if len(verdicts) < asked or not all(verdict is False for verdict in verdicts):
        raise ProviderFailed("The moderation's answer cannot be read; nothing was charged.")
    return False

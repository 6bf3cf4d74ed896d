"""Documents fetched by the streaming function from URLs that an owner can set, such as an issuer's keys."""

import aiohttp

from functions.outbound import OutboundFailed

HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "farebox"}


async def fetch(session: aiohttp.ClientSession, url: str, *, timeout_s: float, bytes_max: int) -> bytes:
    """The body of a GET that answers 200, in all within `timeout_s`. No redirects, nothing sent but the URL.

    `session` has a guarded connector (sockets.connector with `allowed`); the URL has passed outbound.check_url.
    Raises OutboundFailed.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.get(url, headers=HEADERS, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                raise OutboundFailed(f"answered {response.status}")
            body = b""
            async for part in response.content.iter_any():
                body += part
                if len(body) > bytes_max:
                    raise OutboundFailed("answered too much")
            return body
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise OutboundFailed(type(error).__name__) from None

"""What a browser is told about pages of other origins (CORS): the one source for every entry and every gateway.

Any origin may call and read `/v1`, `/account` and `/register`: who asks is said by a key in a header, which no browser
sends by itself; there are no cookies, and credentials are never allowed. A project that lists origins judges each
request by them; a preflight carries no key, so it cannot be judged, and allows. What is about one account names the
origin that asked, never all. Entries of the operator and of payment providers say nothing here, so pages cannot read
them. https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re

MAX_AGE_S = 7200
"""How long a preflight is remembered; Chromium keeps none for longer."""
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""All that API Gateway passes on. Which of them a path takes is judged on the request itself."""

EXPOSED = (
    "content-disposition",
    "retry-after",
    "x-farebox-credits-remaining",
    "x-farebox-next",
    "x-farebox-output-limit",
    "x-farebox-receipt",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-request-id",
    "x-should-retry",
)
"""Headers of answers that a page may read."""

HEADERS = {"access-control-allow-origin": "*", "access-control-expose-headers": ", ".join(EXPOSED)}
"""On every answer and every error."""
OF_AN_ACCOUNT = ("/account", "/checkout", "/dashboard")
"""Paths, and all below them, whose answers are for the origin that asked."""

REQUESTED_LENGTH_MAX = 4096
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A header's name (RFC 9110, section 5.6.2)."""


def told(path: str, origin: str) -> dict[str, str]:
    """What an answer at `path` tells a page of `origin`, "" where no page asked."""
    if not path.startswith(OF_AN_ACCOUNT):
        return HEADERS
    named = {"access-control-allow-origin": origin} if origin else {}
    return named | {"access-control-expose-headers": HEADERS["access-control-expose-headers"], "vary": "origin"}


def preflight(requested: str) -> dict[str, str]:
    """The headers of the answer to a preflight that asks for the headers `requested`, as the browser sent them.

    Names that are none are left out, and all of them where there are too many: what is echoed is only ever names.
    """
    names = [name.strip(" \t") for name in requested.split(",")] if len(requested) <= REQUESTED_LENGTH_MAX else []
    told = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-max-age": str(MAX_AGE_S),
        "cache-control": f"max-age={MAX_AGE_S}",
        "vary": "access-control-request-headers",
    }
    allowed = [name for name in names if NAME.fullmatch(name)]
    return told | {"access-control-allow-headers": ", ".join(allowed)} if allowed else told

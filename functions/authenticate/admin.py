"""Whether a request is the operator's: from an allowed network, with the admin key. Standard library only."""

import hashlib
import hmac
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from functions.authenticate.address import client_address
from functions.authenticate.keys import bearer
from functions.errors import Unauthenticated
from functions.events import Event, headers, source_address
from functions.settings import Settings

PAGE = "/admin"
"""Whose GET may bring the key in its address."""
TOLD_IN_BODY = tuple(f"/admin/{change}" for change in ("adjust", "block", "delete", "grant", "unblock"))
"""Whose POST may bring the key in its body, as scripts do that know nothing of headers."""
MAY_LACK_HEADER = frozenset({("GET", PAGE), ("HEAD", PAGE), *(("POST", path) for path in TOLD_IN_BODY)})


def is_operator(settings: Settings, event: Event) -> bool:
    """Whether an API Gateway event, of a request or for an authorizer, is the operator's by its Authorization header.

    Outside ADMIN_ALLOWED_CIDRS it never is, whatever the key; without an ADMIN_KEY nobody is the operator.
    """
    return is_inside(settings, event) and _has_header(settings, headers(event, "authorization"))


def may_go_on(settings: Settings, event: Event, method: str, path: str) -> bool:
    """Whether a request may go on to the function: the operator's, or one that may bring its key where no authorizer
    sees it, from an allowed network and without any Authorization header. The function judges that one."""
    if headers(event, "authorization"):
        return is_operator(settings, event)
    return (method, path) in MAY_LACK_HEADER and is_inside(settings, event)


def is_signed(settings: Settings, event: Event) -> bool:
    """Whether API Gateway let a request from an allowed network pass by IAM, where that guards the endpoints.

    It names the caller's ARN in the event only where it has checked the signature itself. The caller is of the account
    that has the API: what a policy of it might allow somebody else's account is not for the operator.
    """
    context = event["requestContext"]
    identity = context.get("identity", {})
    ours = bool(identity.get("accountId")) and identity.get("accountId") == context.get("accountId")
    return settings.on_lambda and bool(identity.get("userArn")) and ours and is_inside(settings, event)


def is_inside(settings: Settings, event: Event) -> bool:
    """Whether a request is from an allowed network; an IPv4 address written as IPv6 counts as itself."""
    forwarded = ",".join(headers(event, "x-forwarded-for"))
    address = client_address(source_address(event), forwarded, settings.trusted_hops)
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in settings.admin_allowed_cidrs)


def has_key(settings: Settings, key: object) -> bool:
    """Whether a key is the operator's; it takes as long for every key."""
    # Of equal length, so that the time tells nothing of the key's either.
    texts = (key if isinstance(key, str) else "", settings.admin_key)
    given, right = (hashlib.sha256(text.encode(errors="surrogatepass")).digest() for text in texts)
    return hmac.compare_digest(given, right) and bool(settings.admin_key)


def _has_header(settings: Settings, authorization: Sequence[str]) -> bool:
    try:
        key = bearer(authorization)
    except Unauthenticated:
        return False
    return has_key(settings, key)

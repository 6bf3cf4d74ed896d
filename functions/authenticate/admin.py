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


def is_operator(settings: Settings, event: Event) -> bool:
    """Whether an API Gateway event, of a request or for an authorizer, is the operator's.

    Outside ADMIN_ALLOWED_CIDRS it never is, whatever the key; without an ADMIN_KEY nobody is the operator.
    """
    return _is_inside(settings, event) and _has_key(settings, headers(event, "authorization"))


def is_signed(settings: Settings, event: Event) -> bool:
    """Whether API Gateway let a request from an allowed network pass by IAM, where that guards the endpoints.

    It names the caller's ARN in the event only where it has checked the signature itself. The caller is of the account
    that has the API: what a policy of it might allow somebody else's account is not for the operator.
    """
    context = event["requestContext"]
    identity = context.get("identity", {})
    ours = bool(identity.get("accountId")) and identity.get("accountId") == context.get("accountId")
    return settings.on_lambda and bool(identity.get("userArn")) and ours and _is_inside(settings, event)


def _is_inside(settings: Settings, event: Event) -> bool:
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


def _has_key(settings: Settings, authorization: Sequence[str]) -> bool:
    try:
        key = bearer(authorization)
    except Unauthenticated:
        return False
    # Of equal length, so that the time tells nothing of the key's either.
    given, right = (hashlib.sha256(text.encode()).digest() for text in (key, settings.admin_key))
    return hmac.compare_digest(given, right) and bool(settings.admin_key)

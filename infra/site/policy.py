"""What browsers are told about every page of the site: CloudFront and one machine send the same."""

from collections.abc import Sequence

RULES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""https://www.w3.org/TR/CSP3/"""
REFERRER = "no-referrer"


def content_security_policy(apis: Sequence[str]) -> str:
    """Pages run the site's own scripts, and call the site and the API's origins."""
    rules = RULES | {"connect-src": " ".join(dict.fromkeys([RULES["connect-src"], *apis]))}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def headers(apis: Sequence[str]) -> dict[str, str]:
    """Of one machine, which has no TLS: all but Strict-Transport-Security."""
    return {
        "content-security-policy": content_security_policy(apis),
        "referrer-policy": REFERRER,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }

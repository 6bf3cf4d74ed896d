"""How a document says with whom its project takes payments. Keys and webhook secrets are given apart from it.

{"stripe": {"mode": "live"}, "polar": {"mode": "test", "product": "5d6b3a2e-…"}, "mollie": {"mode": "live"},
 "btcpay": {"mode": "live", "url": "https://pay.example", "store": "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776"}}
"""

import re
from collections.abc import Mapping
from typing import Any

from functions.projects.fields import choice, fields, line, refused
from functions.projects.project import PaymentTerms
from functions.projects.providers import URL_LENGTH_MAX, CheckUrl

MODES = ("live", "test")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("mode",),
    "polar": ("mode", "product"),
    "mollie": ("mode",),
    "btcpay": ("mode", "url", "store"),
}
"""By provider, what its connection must say."""
_PRODUCT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STORE = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)


def payments(path: str, value: Any, check_url: CheckUrl) -> Mapping[str, PaymentTerms]:
    """A document's connections by provider. Raises BadRequest that names the field."""
    named = fields(path, value, tuple(FIELDS))
    return {provider: _terms(f"{path}.{provider}", provider, about, check_url) for provider, about in named.items()}


def _terms(path: str, provider: str, value: Any, check_url: CheckUrl) -> PaymentTerms:
    about = fields(path, value, FIELDS[provider], FIELDS[provider])
    url = store = product = ""
    if "url" in about:
        url = check_url(f"{path}.url", line(f"{path}.url", about["url"], URL_LENGTH_MAX)).rstrip("/")
    if "store" in about:
        store = _matching(f"{path}.store", about["store"], _STORE, "the id of a store of BTCPay Server")
    if "product" in about:
        product = _matching(f"{path}.product", about["product"], _PRODUCT, "the id of a product of Polar, a UUID")
    return PaymentTerms(choice(f"{path}.mode", about["mode"], MODES), url, store, product)


def _matching(path: str, value: Any, form: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise refused(path, f"must be {what}")
    return value

"""How the text of a setting becomes its value: numbers, lists, networks, and secrets that are none."""

import dataclasses
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

PLACEHOLDERS = ("changeme", "change-me", "placeholder", "your-", "your_", "xxx", "...", "…", "<")

WITHIN = tuple(
    ip_network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10", "fd00:ec2::/32", "::ffff:0:0/96")
)
"""Loopback, link-local, and IMDS by IPv6."""


class SettingsError(ValueError):
    """A setting is missing or malformed. The message names it and never repeats a secret."""


def unquoted(text: str) -> str:
    """A value as `.env` files have it: between quotes, or up to a `#` that has a space before it."""
    text = text.strip()
    if text.startswith(("'", '"')):
        inside, closing, _ = text[1:].partition(text[0])
        if closing:
            return inside
    return re.split(r"(?:^|\s)#", text)[0].strip()


def parsed(setting: "dataclasses.Field[Any]", text: str) -> Any:
    """The value of a setting, of the type of its default. Raises SettingsError that names it."""
    name = setting.name.upper()
    if setting.metadata.get("secret"):
        _check_secret(name, text, setting.metadata.get("length_min", 1))
        return _check_prefix(name, text, tuple(setting.metadata.get("prefixes", ())))
    if (choices := setting.metadata.get("choices")) and text not in choices:
        raise SettingsError(f"{name} must be one of: {', '.join(choices)}")
    default = setting.default
    if isinstance(default, bool):
        if text.lower() not in ("true", "false", "1", "0"):
            raise SettingsError(f"{name} must be true or false")
        return text.lower() in ("true", "1")
    if isinstance(default, int | float):
        return _number(name, text, type(default))
    if setting.name.endswith("_cidrs"):
        return networks(text, name)
    if isinstance(default, tuple):
        parts = (part.strip() for part in text.split(","))
        return tuple(part if setting.name == "secrets" else part.lower() for part in parts if part)
    return text


def _check_secret(name: str, text: str, length_min: int) -> None:
    if len(text) < length_min:
        short = f" or shorter than {length_min} characters" if length_min > 1 else ""
        raise SettingsError(f"{name} is empty{short}; unset it if it is not used")
    if text.lower().removeprefix("whsec_").startswith(PLACEHOLDERS):
        raise SettingsError(f"{name} still holds a placeholder")


def _check_prefix(name: str, text: str, prefixes: tuple[str, ...]) -> str:
    """The secret, which begins as its provider's do; what follows is a secret of its own."""
    if prefixes:
        prefix = next((prefix for prefix in prefixes if text.startswith(prefix)), None)
        if prefix is None:
            raise SettingsError(f"{name} must begin with one of: {', '.join(prefixes)}")
        _check_secret(name, text.removeprefix(prefix), 1)
    return text


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        number = kind(text)
    except ValueError:
        raise SettingsError(f"{name} must be a number") from None
    if not 0 <= number < 10**12:
        raise SettingsError(f"{name} must be between 0 and 10^12")
    return number


def is_within(network: IPv4Network | IPv6Network) -> bool:
    """Whether a network has addresses of the machine itself, or of what AWS answers to it alone, such as its role."""
    return any(network.version == own.version and network.overlaps(own) for own in WITHIN)


def networks(text: str, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks, separated by commas. Raises SettingsError."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(f"{name} must be a list of networks such as 10.0.0.0/8, separated by commas") from None

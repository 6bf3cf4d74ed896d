"""The operator's own providers: `llama` of the settings, and those of OPERATOR_PROVIDERS.

    {"openai": {"preset": "openai", "api_key": "sk-…"},
     "mine": {"kind": "openai", "base_url": "http://10.0.0.5:8000/v1", "api_key": "…"}}

A project uses one by its name, where the operator granted it. Its address and its key are no part of any project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from functions.errors import BadRequest
from functions.forward import body as json_body
from functions.forward.providers import LLAMA, Provider
from functions.projects.providers import NAME, own
from functions.settings import Settings, SettingsError

API_KEY_LENGTH_MAX = 1000


@dataclass(frozen=True, slots=True)
class OperatorProvider:
    """A provider as the operator configured it, with its key ("" where it needs none)."""

    provider: Provider
    api_key: str

    def __repr__(self) -> str:
        return f"OperatorProvider({self.provider.name}, …)"


def operators(settings: Settings) -> Mapping[str, OperatorProvider]:
    """The operator's providers by name. Raises SettingsError that names the field, and never repeats a key."""
    found = {LLAMA: OperatorProvider(llama(settings), settings.llama_api_key)}
    try:
        document = json_body.parse(settings.operator_providers.encode()) if settings.operator_providers else {}
        for name, value in document.items():
            found[name] = _provider(name, value)
    except (BadRequest, UnicodeEncodeError) as error:
        why = error.message if isinstance(error, BadRequest) else "must be text"
        raise SettingsError(f"OPERATOR_PROVIDERS: {why}") from None
    return found


def llama(settings: Settings) -> Provider:
    """The llama-server of the settings."""
    return Provider(
        name=LLAMA,
        kind=LLAMA,
        base_url=settings.llama_base_url.rstrip("/").removesuffix("/v1") + "/v1",
        output_tokens=settings.llama_max_output_tokens,
        connect_s=settings.upstream_connect_timeout_s,
        first_byte_s=settings.upstream_idle_timeout_s,
        idle_s=settings.upstream_idle_timeout_s,
        client_left=settings.llama_client_left,
    )


def _provider(name: str, value: Any) -> OperatorProvider:
    if not NAME.fullmatch(name) or name == LLAMA:
        raise BadRequest(f"{name[:40]!r} must be a name of small letters, digits, - and _, and not {LLAMA}.")
    if not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object.")
    fields = dict(value)
    api_key = fields.pop("api_key", "")
    if not isinstance(api_key, str) or len(api_key) > API_KEY_LENGTH_MAX or not api_key.isascii():
        raise BadRequest(f"{name}.api_key must be a text of ASCII characters.")
    return OperatorProvider(own(name, name, fields, _any_url), api_key)


def _any_url(path: str, url: str, *, query: bool = False) -> str:  # noqa: ARG001  a CheckUrl
    """The operator may name any address: inside their network, without TLS."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or "@" in url or "?" in url or "#" in url or not url.isascii() or not url.isprintable() or " " in url:
        raise BadRequest(f"{path} must be an address such as http://10.0.0.5:8000/v1.")
    return url

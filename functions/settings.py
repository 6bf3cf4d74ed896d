"""Every setting, read once from the environment (and, on one machine, from `.env`).

Nothing else in `functions/` reads the environment. `docs/settings.md` lists the same settings; a test
compares the two. The names and defaults of the seed gateway are kept.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

SECRET_LENGTH_MIN = 16
PLACEHOLDERS = ("changeme", "change-me", "placeholder", "your-", "xxx", "<")


class SettingsError(ValueError):
    """A setting is missing or malformed. The message names it and never repeats a secret."""


def _secret(**more: Any) -> Any:
    return field(default="", metadata={"secret": True, **more})


@dataclass(frozen=True)
class Settings:
    """Typed settings. Empty text means "not configured"."""

    # where things are
    base_url: str = "http://127.0.0.1:8503"
    aws_region: str = "us-east-1"
    dynamodb_endpoint_url: str = ""
    table_prefix: str = "farebox-"

    # the llama-server
    llama_base_url: str = "http://127.0.0.1:8502"
    llama_api_key: str = _secret()
    llama_max_output_tokens: int = 2048
    llama_template_tokens: int = 256
    llama_model: str = "default"
    llama_client_left: str = field(default="stop", metadata={"choices": ("stop", "drain")})

    # who may come in
    hash_secret: str = _secret(length_min=SECRET_LENGTH_MIN)
    admin_key: str = _secret(length_min=SECRET_LENGTH_MIN)
    admin_allowed_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    trusted_hops: int = 0
    key_reissue: str = field(default="immediate", metadata={"choices": ("immediate", "on_first_use")})

    # what an account gets, and what it costs
    trial_tokens: int = 100_000
    trial_expiry_days: int = 7
    trial_per_mailbox: bool = True
    refused_email_domains: tuple[str, ...] = ()
    credits_per_1m_input_tokens: int = 1_000_000
    credits_per_1m_output_tokens: int = 1_000_000
    credits_per_1m_cached_tokens: int = 1_000_000
    rules: str = ""

    # limits
    registration_rate_limit: int = 10
    registration_address_limit: int = 3
    inference_ip_rate_limit: int = 120
    inference_user_rate_limit: int = 60
    open_requests_per_user: int = 16
    max_body_bytes: int = 4_500_000

    # time
    hold_expiry_s: int = 900
    upstream_connect_timeout_s: float = 5.0
    upstream_idle_timeout_s: float = 120.0
    ledger_timeout_s: float = 3.0

    # mail
    mail_outbox: str = ""
    ses_endpoint_url: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = _secret()
    smtp_from: str = "Farebox <no-reply@farebox.invalid>"

    # payment providers
    stripe_secret_key: str = _secret()
    stripe_webhook_secret: str = _secret()
    btcpay_url: str = ""
    btcpay_api_key: str = _secret()
    btcpay_store_id: str = ""
    btcpay_webhook_secret: str = _secret()

    # set by AWS
    aws_access_key_id: str = _secret()
    aws_secret_access_key: str = _secret()
    aws_session_token: str = _secret()
    aws_lambda_function_name: str = ""

    @property
    def on_lambda(self) -> bool:
        """True inside AWS Lambda, where headers named `x-amzn-*` come from the adapter and can be believed."""
        return bool(self.aws_lambda_function_name)

    def need(self, name: str) -> None:
        """Raise SettingsError where a setting is not configured that what follows cannot do without."""
        if not getattr(self, name):
            raise SettingsError(f"{name.upper()} must be set")

    def __repr__(self) -> str:
        return "Settings(…)"


def names() -> list[str]:
    """The environment's name of every setting, in order."""
    return [f.name.upper() for f in dataclasses.fields(Settings)]


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment's variables; raises SettingsError for the first that is wrong."""
    values = {}
    for setting in dataclasses.fields(Settings):
        text = environ.get(setting.name.upper())
        if text is not None:
            values[setting.name] = _parse(setting, text.strip())
    settings = Settings(**values)
    if "admin_allowed_cidrs" not in values and not settings.on_lambda:
        local = _networks("100.64.0.0/10,127.0.0.1/32,::1/128,172.16.0.0/12", "ADMIN_ALLOWED_CIDRS")
        settings = dataclasses.replace(settings, admin_allowed_cidrs=local)
    if settings.hold_expiry_s < 2:
        raise SettingsError("HOLD_EXPIRY_S must be at least 2")
    return settings


def _parse(setting: "dataclasses.Field[Any]", text: str) -> Any:
    name = setting.name.upper()
    if setting.metadata.get("secret"):
        return _check_secret(name, text, setting.metadata.get("length_min", 1))
    if (choices := setting.metadata.get("choices")) and text not in choices:
        raise SettingsError(f"{name} must be one of: {', '.join(choices)}")
    default = setting.default
    if isinstance(default, bool):
        if text.lower() not in ("true", "false", "1", "0"):
            raise SettingsError(f"{name} must be true or false")
        return text.lower() in ("true", "1")
    if isinstance(default, int | float):
        return _number(name, text, type(default))
    if setting.name == "admin_allowed_cidrs":
        return _networks(text, name)
    if isinstance(default, tuple):
        return tuple(part.strip().lower() for part in text.split(",") if part.strip())
    return text


def _check_secret(name: str, text: str, length_min: int) -> str:
    if len(text) < length_min:
        raise SettingsError(f"{name} is empty or shorter than {length_min} characters; unset it if it is not used")
    if text.lower().startswith(PLACEHOLDERS):
        raise SettingsError(f"{name} still holds a placeholder")
    return text


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        number = kind(text)
    except ValueError:
        raise SettingsError(f"{name} must be a number") from None
    if not 0 <= number < 10**12:
        raise SettingsError(f"{name} must be between 0 and 10^12")
    return number


def _networks(text: str, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(f"{name} must be a list of networks such as 10.0.0.0/8, separated by commas") from None


def dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines of a `.env` file; quotes around a value are dropped. No file: nothing."""
    values: dict[str, str] = {}
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return values
    for line in lines:
        name, separator, value = line.partition("=")
        name = name.removeprefix("export ").strip()
        if separator and name and not name.startswith("#"):
            values[name] = value.strip().strip("\"'")
    return values


@cache
def get() -> Settings:
    """The process's settings, read at the first call. The environment wins over `.env`."""
    return read(dotenv(Path(".env")) | dict(os.environ))

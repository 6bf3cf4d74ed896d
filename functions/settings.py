"""Every setting, read from the environment, on one machine also from `.env`, on AWS also from secrets.

Nothing else in `functions/` reads the environment. `docs/settings.md` lists the same settings; a test
compares the two. The names and defaults of the seed gateway are kept.
"""

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from functions import secrets_manager, values
from functions.signature import Keys
from functions.values import is_within, networks, parsed, unquoted
from functions.webhook_secret import is_secret

SECRET_LENGTH_MIN = 16
PROJECTS_SECRET_LENGTH_MIN = 32
RENEW_AGAIN_S = 30
"""How long secrets that could not be read again are used as they are, before the next try."""
RENEW_WITHIN_S = 2.0
"""How long a request may have to wait for that."""
STRIPE_KEYS = {"sk_live_": "live", "rk_live_": "live", "sk_test_": "test", "rk_test_": "test"}
MOLLIE_KEYS = {"live_": "live", "test_": "test"}
"""What the keys of two payment providers begin with, and the mode of each."""
SettingsError = values.SettingsError

log = logging.getLogger("farebox.settings")


def _secret(**more: Any) -> Any:
    return field(default="", metadata={"secret": True, **more})


@dataclass(frozen=True)
class Settings:
    """Typed settings. Empty text means "not configured"."""

    # where things are
    stage: str = ""
    base_url: str = "http://127.0.0.1:8503"
    site_url: str = ""
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

    # projects
    projects_secret: str = _secret(length_min=PROJECTS_SECRET_LENGTH_MIN)
    projects_secret_before: str = _secret(length_min=PROJECTS_SECRET_LENGTH_MIN)
    operator_providers: str = _secret()
    owner_emails: tuple[str, ...] = ()
    projects_per_owner: int = 20
    project_max_age_s: float = 3.0
    outbound_allowed_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    site_origins: tuple[str, ...] = ()

    # payment providers
    stripe_secret_key: str = _secret(prefixes=STRIPE_KEYS)
    stripe_webhook_secret: str = _secret(length_min=SECRET_LENGTH_MIN)
    stripe_webhook_secret_before: str = _secret(length_min=SECRET_LENGTH_MIN)
    stripe_url: str = "https://api.stripe.com"
    polar_access_token: str = _secret()
    polar_webhook_secret: str = _secret(length_min=SECRET_LENGTH_MIN)
    polar_webhook_secret_before: str = _secret(length_min=SECRET_LENGTH_MIN)
    polar_product_id: str = ""
    polar_mode: str = field(default="live", metadata={"choices": ("live", "test")})
    polar_url: str = "https://api.polar.sh"
    polar_sandbox_url: str = "https://sandbox-api.polar.sh"
    mollie_api_key: str = _secret(prefixes=MOLLIE_KEYS)
    mollie_url: str = "https://api.mollie.com"
    btcpay_url: str = ""
    btcpay_api_key: str = _secret()
    btcpay_store_id: str = ""
    btcpay_webhook_secret: str = _secret(length_min=SECRET_LENGTH_MIN)
    btcpay_webhook_secret_before: str = _secret(length_min=SECRET_LENGTH_MIN)
    btcpay_mode: str = field(default="live", metadata={"choices": ("live", "test")})
    checkout_rate_limit: int = 20

    # what the operator is told
    notices_url: str = ""
    notices_secret: str = _secret(length_min=SECRET_LENGTH_MIN)

    # secrets of AWS Secrets Manager, and what is said about them
    secrets: tuple[str, ...] = ()
    secrets_max_age_s: int = 300
    secrets_endpoint_url: str = ""

    # logs
    log_level: str = field(default="INFO", metadata={"choices": ("DEBUG", "INFO", "WARNING", "ERROR")})

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


def projects_secrets(settings: Settings) -> list[str]:
    """The secrets that open what belongs to projects, the newest first; none where projects are not configured."""
    return [secret for secret in (settings.projects_secret, settings.projects_secret_before) if secret]


def names() -> list[str]:
    """The environment's name of every setting, in order."""
    return [f.name.upper() for f in dataclasses.fields(Settings)]


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment's variables; raises SettingsError for the first that is wrong."""
    values = {}
    for setting in dataclasses.fields(Settings):
        text = environ.get(setting.name.upper())
        if text is not None:
            values[setting.name] = parsed(setting, text.strip())
    settings = Settings(**values)
    if "base_url" not in values and settings.on_lambda:
        settings = dataclasses.replace(settings, base_url="")  # each event tells it
    if "admin_allowed_cidrs" not in values and not settings.on_lambda:
        local = networks("100.64.0.0/10,127.0.0.1/32,::1/128,172.16.0.0/12", "ADMIN_ALLOWED_CIDRS")
        settings = dataclasses.replace(settings, admin_allowed_cidrs=local)
    if settings.on_lambda and any(map(is_within, settings.outbound_allowed_cidrs)):
        raise SettingsError("OUTBOUND_ALLOWED_CIDRS must not reach into the function itself: loopback or link-local")
    if settings.hold_expiry_s < 2:
        raise SettingsError("HOLD_EXPIRY_S must be at least 2")
    if settings.notices_secret and not is_secret(settings.notices_secret):
        raise SettingsError("NOTICES_SECRET must be whsec_ and 24 to 64 random bytes in base64")
    return settings


def dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines of a `.env` file, without quotes around a value or a comment behind it. No file: nothing."""
    values: dict[str, str] = {}
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return values
    for line in lines:
        name, separator, value = line.partition("=")
        name = name.removeprefix("export ").strip()
        if separator and name and not name.startswith("#"):
            values[name] = unquoted(value)
    return values


class Source:
    """Where this process's settings come from. Secrets older than SECRETS_MAX_AGE_S are read again."""

    def __init__(
        self,
        environ: Mapping[str, str],
        fetch: Callable[..., dict[str, str]] = secrets_manager.fetch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises SettingsError, SecretsUnavailable: without its secrets a process does not start."""
        self._environ, self._fetch, self._clock = environ, fetch, clock
        self._plain = read(environ)
        self.settings = self._read()
        self._due_s = clock() + self.settings.secrets_max_age_s

    def is_due(self) -> bool:
        """Whether `renew` would ask for the secrets."""
        return bool(self._plain.secrets) and self._clock() >= self._due_s

    def renew(self) -> Settings:
        """The settings, with secrets that are not too old: the same object while nothing changed.

        Secrets that cannot be read, or are wrong, change nothing: it is logged, and tried again soon.
        """
        if self.is_due():
            self._due_s = self._clock() + RENEW_AGAIN_S  # whatever happens now, it is tried again then
            try:
                settings = self._read_within(RENEW_WITHIN_S)
                if self.settings.hash_secret:
                    settings.need("hash_secret")
            except (SettingsError, secrets_manager.SecretsUnavailable) as error:
                log.error("the secrets stay as they are: %s", error)
            else:
                self._due_s = self._clock() + settings.secrets_max_age_s
                if settings != self.settings:
                    log.info("the secrets have changed")
                    self.settings = settings
        return self.settings

    def _read_within(self, limit_s: float) -> Settings:
        """`_read`, given up after so long: names are looked up, and addresses tried, without a limit of their own."""
        reading: Future[Settings] = Future()

        def read_into() -> None:
            try:
                reading.set_result(self._read())
            except BaseException as error:  # noqa: BLE001  raised again by `result`
                reading.set_exception(error)

        threading.Thread(target=read_into, name="secrets", daemon=True).start()
        try:
            return reading.result(limit_s)
        except TimeoutError:
            raise secrets_manager.SecretsUnavailable(f"no answer within {limit_s:g} s") from None

    def _read(self) -> Settings:
        plain = self._plain
        if not plain.secrets:
            return plain
        if not plain.aws_access_key_id:
            raise SettingsError("SECRETS can be read only with AWS_ACCESS_KEY_ID set, as on Lambda")
        keys = Keys(plain.aws_access_key_id, plain.aws_secret_access_key, plain.aws_session_token)
        found = self._fetch(plain.secrets, plain.secrets_endpoint_url, plain.aws_region, keys)
        known = {f.name.upper() for f in dataclasses.fields(Settings) if f.metadata.get("secret")}
        if unknown := sorted(name for name in found if name not in known or name.startswith("AWS_")):
            raise SettingsError(f"{unknown[0][:100]} stands in the secrets and is none of them")
        return read({**self._environ, **found})


@cache
def source() -> Source:
    """The process's source of settings. The environment wins over `.env`, secrets over both."""
    return Source(dotenv(Path(".env")) | dict(os.environ))


def get() -> Settings:
    """The process's settings as they are now."""
    return source().settings

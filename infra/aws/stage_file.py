"""Reads a stage from `infra/aws/stages/<name>.toml`.

Nothing secret is in such a file: secrets live in Secrets Manager. A key that nobody knows, a value of the wrong type
and a malformed setting are refused here, so that packaging fails and not the deployment.
"""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from functions.admit import rules
from functions.settings import Settings, SettingsError, names
from functions.settings import read as read_settings
from infra.aws.stage import Stage

FOLDER = Path(__file__).parent / "stages"
NAME = "[a-z][a-z0-9]{0,15}"
"""No hyphen: `farebox-<stage>-data` must not be another stage's. A bucket's name, with all that it holds, has 63."""
NAMES_TAKEN = ("github",)
SETTINGS_OF_ELSEWHERE = {
    "STAGE": "it is the name of the file",
    "TABLE_PREFIX": "it follows from the name of the stage",
    "AWS_REGION": "it is `region` of the stage",
    "AWS_LAMBDA_FUNCTION_NAME": "Lambda sets it",
    "ADMIN_ALLOWED_CIDRS": "it is `allowed_cidrs` of [admin]",
    "SECRETS": "each function is told its own",
    "MAIL_OUTBOX": "it is for one machine",
}
ON_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "packaged"}
"""Some values are for one machine only: they are refused as a function would refuse them."""
KINDS = {str: "a text", int: "a whole number", bool: "true or false"}


class StageError(ValueError):
    """A stage's file is missing, malformed or contradicts itself. The message names the key."""


def read(name: str, folder: Path = FOLDER) -> Stage:
    """The stage of this name. Raises StageError, which names file and key."""
    if not re.fullmatch(NAME, name) or name in NAMES_TAKEN:
        raise StageError(f"{name!r} cannot be a stage: a name is up to 16 lower-case letters and digits, not 'github'")
    path = folder / f"{name}.toml"
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        there = ", ".join(sorted(other.stem for other in folder.glob("*.toml")))
        raise StageError(f"there is no {path.name} in {folder}; stages are: {there or 'none'}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StageError(f"{path.name}: {error}") from None
    try:
        return made(name, document)
    except StageError as error:
        raise StageError(f"{path.name}: {error}") from None


def made(name: str, document: Mapping[str, Any]) -> Stage:
    """A stage from what its file says. Raises StageError, which names the key."""
    stage = Stage(name=name, **_section(Stage, "", document))
    _check_together(stage)
    return stage


def doubts(stage: Stage) -> list[str]:
    """What may be meant, but leaves something that does not work; packaging tells it."""
    found = []
    url = stage.settings.get("LLAMA_BASE_URL", "")
    if not url:
        found.append("settings.LLAMA_BASE_URL is not set: no model will answer")
    elif not stage.in_vpc and _is_private(urlsplit(url).hostname or ""):
        found.append(f"settings.LLAMA_BASE_URL is {url}, a private address, and [network] joins no VPC")
    if not stage.mail.identity and "SMTP_HOST" not in stage.settings:
        found.append("neither mail.identity nor settings.SMTP_HOST is set: no registration mail can be sent")
    if not stage.admin.allowed_cidrs:
        found.append("admin.allowed_cidrs is empty: nobody reaches /admin")
    return found


def _section(kind: type[Any], path: str, table: object) -> dict[str, Any]:
    """What a table gives to the fields of `kind`."""
    if not isinstance(table, Mapping):
        raise StageError(f"{path.rstrip('.')} must be a table")
    known = {each.name: each for each in dataclasses.fields(kind) if each.default is not dataclasses.MISSING}
    known |= {each.name: each for each in dataclasses.fields(kind) if each.default_factory is not dataclasses.MISSING}
    if unknown := [key for key in table if key not in known]:
        raise StageError(f"{path}{unknown[0]} is no key of a stage; here there are: {', '.join(known)}")
    return {key: _value(f"{path}{key}", value, known[key]) for key, value in table.items()}


def _value(path: str, value: object, known: "dataclasses.Field[Any]") -> Any:
    if dataclasses.is_dataclass(known.default):
        kind: type[Any] = type(known.default)
        return kind(**_section(kind, f"{path}.", value))
    if known.name == "settings":
        return MappingProxyType(_settings(path, value))
    if functions := known.metadata.get("functions"):
        if not isinstance(value, dict) or not set(value) <= set(functions):
            raise StageError(f"{path} must be a table with an entry for any of: {', '.join(functions)}")
        for name, each in value.items():
            _check(f"{path}.{name}", each, int, known.metadata)
        return MappingProxyType(functions | value)
    if isinstance(known.default, tuple):
        if not isinstance(value, list):
            raise StageError(f"{path} must be a list of texts")
        for each in value:
            _check(path, each, str, known.metadata)
        return tuple(value)
    _check(path, value, type(known.default), known.metadata)
    return value


def _check(path: str, value: Any, kind: type[Any], rule: Mapping[str, Any]) -> None:
    """Raise StageError where `value` is not of this type, or breaks its field's rule. Empty text: not configured."""
    if type(value) is not kind:
        raise StageError(f"{path} must be {KINDS[kind]}")
    if (choices := rule.get("choices")) and value not in choices:
        raise StageError(f"{path} must be one of: {', '.join(map(str, choices))}")
    if (bounds := rule.get("range")) and not bounds[0] <= value <= bounds[1]:
        raise StageError(f"{path} must be between {bounds[0]} and {bounds[1]}")
    if value and (pattern := rule.get("pattern")) and not re.fullmatch(pattern, value):
        raise StageError(f"{path}: {value!r} does not look like {pattern}")
    for name, parse in (("network", ip_network), ("address", ip_address)):
        try:
            if value and rule.get(name):
                parse(value)
        except ValueError as error:
            raise StageError(f"{path}: {error}") from None


def _settings(path: str, table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise StageError(f"{path} must be a table")
    secrets = {each.name.upper() for each in dataclasses.fields(Settings) if each.metadata.get("secret")}
    texts = {}
    for name, value in table.items():
        if name in secrets:
            raise StageError(f"{path}.{name} is a secret: it belongs into Secrets Manager, not into a file")
        if reason := SETTINGS_OF_ELSEWHERE.get(name):
            raise StageError(f"{path}.{name} cannot be set here: {reason}")
        if name not in names():
            raise StageError(f"{path}.{name} is no setting; docs/settings.md lists them")
        if not isinstance(value, str | int | float):
            raise StageError(f"{path}.{name} must be a text, a number, true or false")
        texts[name] = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        rules.of(read_settings(texts | ON_LAMBDA))
    except SettingsError as error:
        raise StageError(f"{path}.{error}") from None
    return texts


def _check_together(stage: Stage) -> None:
    network = stage.network
    needed = {
        "site-to-site": ("customer_gateway_ip", "remote_cidrs"),
        "wireguard": ("wireguard_peer_key", "remote_cidrs"),
    }
    for key in needed.get(network.vpn, ()):
        if not getattr(network, key):
            raise StageError(f"network.{key} must be set where network.vpn is {network.vpn}")
    if stage.makes_network and (network.subnet_ids or network.security_group_ids):
        raise StageError("network.subnet_ids and security_group_ids are for a VPC of your own: with network.vpn = none")
    if bool(network.subnet_ids) != bool(network.security_group_ids):
        raise StageError("network.subnet_ids and network.security_group_ids need each other")
    if network.outbound != "none" and not stage.makes_network:
        raise StageError("network.outbound is of the VPC that network.vpn makes, which is none")
    sender = parseaddr(stage.settings.get("SMTP_FROM", ""))[1]
    identity = stage.mail.identity
    if identity and sender != identity and not sender.endswith((f"@{identity}", f".{identity}")):
        raise StageError(f"settings.SMTP_FROM must be an address of mail.identity, {identity}")


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost"

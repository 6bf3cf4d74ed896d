"""A project as it is stored: its document, whose it is, and its keys, of which only hashes and seals are there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.errors import BadRequest
from functions.ledger.store import Item

DOCUMENT_BYTES_MAX = 100_000
OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """A live key of a project: `kind` is `publishable` or `secret`, `shown` how it begins; `created` since 1970."""

    kind: str
    shown: str
    label: str
    created: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A provider's key or an issuer's secret, sealed (functions/projects/vault.py), and how it ends."""

    text: str
    shown: str
    created: int


@dataclass(frozen=True, slots=True)
class TestToken:
    """A test token that counts until `expires`, in seconds since 1970, and the account of its user, where known."""

    label: str
    created: int
    expires: int
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A project. `version` is its document's; `revision` counts every change, so that whoever keeps one notices.

    `state` is `open` or `closed`; `grants` are the operator's providers it may use; times are seconds since 1970.
    """

    project_id: str
    version: int
    document: dict[str, Any]
    owners: tuple[str, ...]
    state: str
    grants: tuple[str, ...]
    keys: Mapping[str, ProjectKey]
    """By credential id."""
    sealed: Mapping[str, Sealed]
    """By the names of providers and of issuers' secrets."""
    test_tokens: Mapping[str, TestToken]
    """By token id."""
    created: int
    changed: int
    revision: int = 1


def to_item(stored: Stored) -> Item:
    """The item of a project. Raises BadRequest for a document that is too large, or that is no JSON."""
    item: Item = {"project_id": {"S": stored.project_id}, "state": {"S": stored.state}}
    item["document"] = {"S": document_text(stored.document)}
    for name in ("version", "created", "changed", "revision"):
        item[name] = {"N": str(getattr(stored, name))}
    for name in ("owners", "grants"):
        item[name] = {"L": [{"S": text} for text in getattr(stored, name)]}
    item["keys"] = _map({key: (key_.kind, key_.shown, key_.label, key_.created) for key, key_ in stored.keys.items()})
    item["sealed"] = _map({name: (one.text, one.shown, one.created) for name, one in stored.sealed.items()})
    tokens = stored.test_tokens.items()
    item["test_tokens"] = _map({name: (one.label, one.created, one.expires, one.account_id) for name, one in tokens})
    return item


def from_item(item: Item) -> Stored:
    """The project of an item."""
    return Stored(
        project_id=item["project_id"]["S"],
        version=int(item["version"]["N"]),
        document=json.loads(item["document"]["S"]),
        owners=tuple(one["S"] for one in item["owners"]["L"]),
        state=item["state"]["S"],
        grants=tuple(one["S"] for one in item["grants"]["L"]),
        keys={name: ProjectKey(*fields) for name, fields in _fields(item["keys"])},
        sealed={name: Sealed(*fields) for name, fields in _fields(item["sealed"])},
        test_tokens={name: TestToken(*fields) for name, fields in _fields(item["test_tokens"])},
        created=int(item["created"]["N"]),
        changed=int(item["changed"]["N"]),
        revision=int(item["revision"]["N"]),
    )


def document_text(document: dict[str, Any]) -> str:
    """A document as it is stored. Raises BadRequest."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError):  # among them what is no text: a lone surrogate
        raise BadRequest("document must be JSON.", param="document") from None
    if size > DOCUMENT_BYTES_MAX:
        raise BadRequest(f"document must have at most {DOCUMENT_BYTES_MAX} bytes; it has {size}.", param="document")
    return text


def _map(rows: Mapping[str, tuple[str | int, ...]]) -> Item:
    """Rows of texts and numbers, in the order of their class's fields."""
    return {"M": {name: {"L": [_wire(value) for value in row]} for name, row in rows.items()}}


def _wire(value: str | int) -> Item:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _fields(value: Item) -> list[tuple[str, list[Any]]]:
    rows = value["M"].items()
    return [(name, [int(one["N"]) if "N" in one else one["S"] for one in row["L"]]) for name, row in rows]

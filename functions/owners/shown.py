"""What owners are shown of a project, its keys and its users. No secret, and no hash that is worth one."""

import re
from datetime import UTC, datetime
from typing import Any

from functions import money
from functions.accounts.view import receipt_view
from functions.ledger import abuse, ids
from functions.ledger.account import Account
from functions.ledger.credentials import UserKey
from functions.ledger.projects import Stored
from functions.ledger.receipts import Receipt

PROJECT_ID = re.compile(f"[{ids.ALPHABET}]{{{ids.PROJECT_DIGITS}}}")
YEAR_9999_S = 253_370_764_800
"""Blocks that end later have no end."""


def project_view(stored: Stored) -> dict[str, Any]:
    """A project with all that belongs to it."""
    return {
        **project_line(stored),
        "owners": list(stored.owners),
        "grants": list(stored.grants),
        "needs_grant": _needs_grant(stored),
        "document": stored.document,
        "keys": [
            {"id": key_id, "kind": key.kind, "shown": key.shown, "label": key.label, "created": time_text(key.created)}
            for key_id, key in stored.keys.items()
        ],
        "secrets": [
            {"name": name, "shown": sealed.shown, "created": time_text(sealed.created)}
            for name, sealed in stored.sealed.items()
        ],
        "test_tokens": [
            {
                "id": token_id,
                "label": token.label,
                "user_id": user_id(token.account_id),
                "created": time_text(token.created),
                "expires": time_text(token.expires),
            }
            for token_id, token in stored.test_tokens.items()
        ],
    }


def _needs_grant(stored: Stored) -> list[str]:
    """Providers of the operator that the document names and that the operator has yet to grant: until then, 403."""
    named = {about["operator"] for about in stored.document.get("providers", {}).values() if "operator" in about}
    return sorted(named - set(stored.grants))


def project_line(stored: Stored) -> dict[str, Any]:
    """A project in a list."""
    return {
        "id": stored.project_id,
        "name": stored.document.get("name", ""),
        "mode": stored.document.get("mode", ""),
        "version": stored.version,
        "created": time_text(stored.created),
        "changed": time_text(stored.changed),
    }


def user_view(account: Account, now_s: float) -> dict[str, Any]:
    """A user in a list. `shown` is what the owner knows them by: a token's subject, or the owner's own reference."""
    blocked = account.blocked > now_s
    return {
        "user_id": user_id(account.account_id),
        "method": account.identity,
        "shown": account.shown,
        "email": account.email,
        "created": time_text(account.created),
        "blocked": blocked,
        "blocked_until": time_text(account.blocked) if blocked and account.blocked < YEAR_9999_S else None,
        "offences": abuse.offences(account, now_s),
        "available": money.credits(account.available(now_s)),
        "held": money.credits(account.held()),
        "spent": money.credits(account.spent),
        "debt": money.credits(account.debt),
    }


def key_view(key: UserKey) -> dict[str, Any]:
    """A key that an owner made for a user."""
    return {"id": key.key_id, "shown": key.shown, "label": key.label, "created": time_text(key.created)}


def owners_receipt(receipt: Receipt) -> dict[str, Any]:
    """A receipt with what is the owner's to know: who was asked."""
    return receipt_view(receipt) | {"provider": receipt.provider, "attempts": list(receipt.attempts)}


def user_id(account_id: str) -> int:
    """What people call an account: its number."""
    return int(account_id.rpartition("/")[2])


def time_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

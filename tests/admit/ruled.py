"""Gateways with rules of their own, and what tests do to the windows that they count in."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from functions.ledger import account as accounts
from functions.ledger import tables
from functions.ledger.account import Account
from functions.ledger.store import Item
from functions.ledger.windows import PERIODS, is_counter
from tests.forward.scripted_upstream import WAIT_S, Call, ScriptedUpstream, plain
from tests.forward.stage import CHAT, HELLO, account_item, ledger_of, new_key
from tests.stand import Answer, RunningGateway, wait_until

FULL = 3
"""Every limit of the tight gateways."""
LETTERS = {"minute": "m", "hour": "h", "day": "d", "week": "w", "month": "M", "total": "t"}
TIGHT = {
    "prices": [{"model": "*", "input": 1_000_000, "output": 1_000_000}],
    "limits": {
        "user": dict.fromkeys(LETTERS, FULL),
        "method": {period: FULL for period in LETTERS if period != "total"},
        "project": {period: FULL for period in LETTERS if period != "total"},
        "open_requests": 2,
    },
}
PRICED = {
    "credits": {"signup": "12.5", "signup_days": 0},
    "prices": [
        {"model": "large*", "input": 99, "output": 99},
        {"model": "m-*", "input": 1, "output": 1},
        {"model": "m-*", "from": "2020-01-01", "per_request": "0.25", "input": 2_000_000, "output": 7_000_000}
        | {"cached": 500_000},
        {"model": "m-*", "from": "2099-01-01", "input": 3, "output": 3},
        {"model": "*", "input": 88, "output": 88},
    ],
    "limits": {"user": {"hour": 1000, "total": 5000}, "open_requests": 2, "input_tokens": 60, "output_tokens": 40},
}
UNPRICED = {"prices": [{"model": "large*", "input": 1, "output": 1}, {"model": "M-*", "input": 1, "output": 1}]}
PROJECT: Item = {"scope": {"S": "project/default"}}


@dataclass
class Tight:
    """Two processes on the same tables, where every window holds FULL requests."""

    gateways: list[RunningGateway]
    upstream: ScriptedUpstream

    def key(self) -> str:
        return new_key(self.gateways[0])

    def chat(self, key: str, turn: int = 0) -> Answer:
        """A chat through either process."""
        body = {"messages": HELLO, "max_tokens": 1}
        return self.gateways[turn % 2].request("POST", CHAT, body, key=key)

    def forget(self, key: str, of_user: str = "", of_project: str = "") -> None:
        """Time passes: all windows turn but the one named, such as `h:` or `key/m:`."""
        wait_until(lambda: time.time() % 60 < 55, "a minute begins")
        user = accounts.key(account_item(self.gateways[0], key)["account_id"]["S"])
        self._forget("accounts", user, of_user)
        self._forget("windows", PROJECT, of_project)

    def project(self) -> dict[str, int]:
        """The counters of the whole project."""
        return _counters(self._item("windows", PROJECT))

    def user(self, key: str) -> dict[str, int]:
        """The counters of an account."""
        return _counters(account_item(self.gateways[0], key))

    def _item(self, table: str, key: Item) -> Item:
        ledger = ledger_of(self.gateways[0])
        request = {"TableName": ledger.table(table), "Key": key, "ConsistentRead": True}
        item: Item = tables.drive(ledger.read("GetItem", request)).get("Item", {})
        return item

    def _forget(self, table: str, key: Item, kept: str) -> None:
        item = self._item(table, key)
        gone = [name for name in item if is_counter(name) and not (kept and name.startswith(kept))]
        if gone:
            change(self.gateways[0], table, key, "REMOVE " + ", ".join(f"#{n}" for n in range(len(gone))), names=gone)


def _counters(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if is_counter(name)}


def change(
    gateway: RunningGateway, table: str, key: Item, expression: str, *, names: list[str], **values: Item
) -> None:
    """Change an item behind the gateway's back; `#0`, `#1` … are the names, `:x` the value named x."""
    ledger = ledger_of(gateway)
    request: Item = {"TableName": ledger.table(table), "Key": key, "UpdateExpression": expression}
    request["ExpressionAttributeNames"] = {f"#{number}": name for number, name in enumerate(names)}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    tables.drive(ledger.write("UpdateItem", request))


def change_account(gateway: RunningGateway, key: str, name: str, value: Item) -> None:
    """Set one attribute of an account."""
    where = accounts.key(account_item(gateway, key)["account_id"]["S"])
    change(gateway, "accounts", where, "SET #0 = :value", names=[name], value=value)


def fill(gateway: RunningGateway, key: str, period: str, used: int) -> None:
    """So many requests were counted for an account in its current window."""
    letter = LETTERS[period]
    change_account(gateway, key, f"{letter}:{PERIODS[letter](time.time()).index}", {"N": str(used)})


def available(gateway: RunningGateway, key: str) -> int:
    """The microcredits that are free."""
    return Account(account_item(gateway, key)).available(time.time())


@contextmanager
def running(upstream: ScriptedUpstream) -> Iterator[None]:
    """While open, no request to the provider ends; those that came meanwhile end with it."""
    done = Event()

    def script(call: Call) -> None:
        assert done.wait(WAIT_S)
        plain(call)

    upstream.play(script)
    try:
        yield
    finally:
        done.set()
        upstream.script = plain


def rules(document: Any) -> dict[str, str]:
    """The setting."""
    return {"RULES": json.dumps(document)}

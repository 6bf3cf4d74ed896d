"""Two gateways on the same tables, and an account whose requests carry an Idempotency-Key."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.ledger.store import Item
from functions.ledger.tables import drive
from functions.ledger.windows import PERIODS
from tests.forward.scripted_upstream import WAIT_S, Call, ScriptedUpstream, plain
from tests.forward.stage import CHAT, HELLO, account_item, ledger_of
from tests.stand import Answer, RunningGateway, StartGateway, wait_until

MOST = 100_000
RULES = json.dumps({"limits": {"user": {"minute": MOST, "day": MOST}, "project": {"day": MOST}}})
WHOLE: dict[str, Any] = {"messages": HELLO, "max_tokens": 20}
STREAM = WHOLE | {"stream": True}
COST = 7
CREDITS = 100_000


@dataclass
class Pair:
    """Two gateways on the same tables, and `start` for more of them."""

    one: RunningGateway
    two: RunningGateway
    start: StartGateway
    upstream: ScriptedUpstream


@dataclass
class Customer:
    """An account, and what it sends with an Idempotency-Key; by the first gateway unless told otherwise."""

    pair: Pair
    key: str
    credits: int = CREDITS
    address: str = ""
    """Where it says it comes from; the gateways believe it."""

    def post(self, name: str, body: Any = WHOLE, path: str = CHAT, gateway: RunningGateway | None = None) -> Answer:
        headers = {"Idempotency-Key": name} | ({"X-Forwarded-For": self.address} if self.address else {})
        return (gateway or self.pair.one).request("POST", path, body, key=self.key, headers=headers)

    def shown(self) -> dict[str, Any]:
        wait_until(lambda: self.pair.one.account(self.key)["balance"]["held"] == 0, "no hold is open")
        return self.pair.one.account(self.key)

    def charged(self, times: int = 1) -> None:
        """So many answers were paid for, by as many receipts; nothing is held."""
        shown = self.shown()
        done = [receipt["credits"] for receipt in shown["receipts"] if receipt["outcome"] != "expired"]
        assert done == [COST] * times
        assert (shown["balance"]["spent"], shown["balance"]["available"]) == (times * COST, self.credits - times * COST)

    def counted(self) -> tuple[dict[str, int], dict[str, int]]:
        """Every window that counts requests of this account, and of the project."""
        ledger = ledger_of(self.pair.one)
        scope = {"TableName": ledger.table("windows"), "Key": {"scope": {"S": "project/default"}}}
        item = drive(ledger.read("GetItem", scope | {"ConsistentRead": True})).get("Item", {})
        return windows(account_item(self.pair.one, self.key)), windows(item)


def windows(item: dict[str, Any]) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if name.startswith("d:") and value != {"N": "0"}}


def refused(answer: Answer, code: str) -> str:
    """It is a 409 that no SDK sends again; gives the receipt it names, "" where it names none."""
    assert (answer.status, answer.error["code"], answer.error["param"]) == (409, code, "idempotency-key")
    assert answer.headers["x-should-retry"] == "false"
    return answer.headers.get("x-farebox-receipt", "")


def held_back(upstream: ScriptedUpstream) -> threading.Event:
    """The provider answers when this is set."""
    release = threading.Event()

    def script(call: Call) -> None:
        release.wait(WAIT_S)
        plain(call)

    upstream.play(script)
    return release


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """A provider whose connections are never made: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def much_later(gateway: RunningGateway, key: str) -> None:
    """The account's holds and claims are as old as if their requests had begun 20 minutes ago."""
    ledger, item = ledger_of(gateway), account_item(gateway, key)
    for hold_id, hold in item["holds"]["M"].items():
        set_number(gateway, "accounts", item, ("holds", hold_id, "x"), int(hold["M"]["x"]["N"]) - 1200)
    for claim in drive(ledger.read("Scan", {"TableName": ledger.table("claims")}))["Items"]:
        if claim["account_id"] == item["account_id"]:
            set_number(gateway, "claims", claim, ("created",), int(claim["created"]["N"]) - 1200)


KEYS = {"accounts": "account_id", "claims": "claim_id", "windows": "scope"}


def set_number(gateway: RunningGateway, table: str, item: Item, path: tuple[str, ...], number: int) -> None:
    """Change an item behind the gateways' back."""
    ledger = ledger_of(gateway)
    names = {f"#{place}": name for place, name in enumerate(path)}
    request = {"TableName": ledger.table(table), "Key": {KEYS[table]: item[KEYS[table]]}}
    change = {"UpdateExpression": f"SET {'.'.join(names)} = :n", "ExpressionAttributeNames": names}
    drive(ledger.write("UpdateItem", request | change | {"ExpressionAttributeValues": {":n": {"N": str(number)}}}))


@contextlib.contextmanager
def full(gateway: RunningGateway, key: str, of: str) -> Iterator[None]:
    """Meanwhile a window of the account, of the project, or of every address but the peer's is full."""
    ledger = ledger_of(gateway)
    table, period = ("accounts", "d") if of == "the account" else ("windows", "m" if of == "the address" else "d")
    items = [account_item(gateway, key)]
    if table == "windows":
        found = drive(ledger.read("Scan", {"TableName": ledger.table(table), "ConsistentRead": True}))["Items"]
        items = [item for item in found if item["scope"]["S"].startswith("ip/") == (of == "the address")]
    attribute = f"{period}:{PERIODS[period](ledger.clock.now()).index}"
    before = [(item, int(item.get(attribute, {"N": "0"})["N"])) for item in items]
    for item in items:
        set_number(gateway, table, item, (attribute,), 10 * MOST)  # the next minute, too, where it turns
    yield
    for item, number in before:
        set_number(gateway, table, item, (attribute,), number)

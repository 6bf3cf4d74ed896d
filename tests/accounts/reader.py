"""An account whose receipts are put straight into its ledger, and read through the front door."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from functions.ledger import ids, tables
from functions.ledger.receipts import Receipt
from tests.forward.stage import ledger_of, new_key
from tests.stand import Answer, RunningGateway

MIDNIGHT = 1_767_225_600
"""2026-01-01T00:00:00Z"""


@dataclass
class Reader:
    """An account behind the front door, and receipts put straight into its ledger."""

    gateway: RunningGateway
    key: str
    account_id: str

    def get(self, headers: dict[str, str] | None = None, **query: object) -> Answer:
        """The answer to a query; `since` is sent as `from`, which Python keeps to itself."""
        sent = {"from" if name == "since" else name: value for name, value in query.items()}
        return self.gateway.request("GET", f"/account/receipts?{urlencode(sent)}", key=self.key, headers=headers)

    def page(self, **query: object) -> dict[str, Any]:
        answer = self.get(None, **query)
        assert answer.status == 200, answer.body
        page: dict[str, Any] = answer.json()
        return page

    def ids(self, **query: object) -> list[str]:
        return [receipt["id"] for receipt in self.page(**query)["data"]]

    def put(self, *seconds: float, **fields: Any) -> list[str]:
        """Receipts of requests that began then; gives their ids."""
        made = []
        for second in seconds:
            identifier = ids.first_at(second) + "".join(secrets.choice(ids.ALPHABET) for _ in range(9))
            base: dict[str, Any] = {"outcome": "completed", "cost": 7_000_000, "hold": 20_000_000, "model": "m.gguf"}
            values = base | fields
            made.append(Receipt(self.account_id, identifier, ids.made_at(identifier), int(second) + 1, **values))
        ledger = ledger_of(self.gateway)
        for start in range(0, len(made), 25):
            puts = [{"PutRequest": {"Item": receipt.to_item()}} for receipt in made[start : start + 25]]
            request = {"RequestItems": {ledger.table("receipts"): puts}}
            assert not tables.drive(ledger.write("BatchWriteItem", request)).get("UnprocessedItems")
        return [receipt.receipt_id for receipt in made]


def new_reader(gateway: RunningGateway) -> Reader:
    key = new_key(gateway)
    shown = gateway.account(key)
    return Reader(gateway, key, f"{shown['project']}/{shown['user_id']}")

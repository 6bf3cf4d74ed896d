"""What the ledger says came of an order, read from its tables; and what a gateway's log says of it."""

import json
from collections import Counter
from dataclasses import dataclass

from functions.ledger import tables, tidy, unmatched
from functions.ledger.account import Account
from functions.ledger.admit import admit
from functions.ledger.orders import Order
from functions.ledger.settle import settle
from functions.ledger.store import Item
from functions.ledger.unmatched import Unmatched
from functions.money import MICROCREDITS_PER_CREDIT
from tests.ledger.arrange import ask, check, paper
from tests.payments.shop import CANARIES, Market
from tests.stand import RunningGateway

TOLD = frozenset({"purchase", "refund", "refund_failed", "dispute", "dispute_won", "dispute_lost"})
"""Kinds of notices about an order's money."""


@dataclass(frozen=True)
class Proof:
    """One order in the ledger of a market."""

    market: Market
    provider: str
    reference: str
    project_id: str = "default"

    @property
    def order(self) -> Order:
        return self.market.order(self.provider, self.reference, self.project_id)

    @property
    def account(self) -> Account:
        return tables.drive(tidy.read(self.market.ledger, self.order.account_id))

    def entries(self) -> Counter[str]:
        """How many journal entries of each reason are this order's."""
        mine = f"{self.provider}/{self.reference}"
        found = self._query("journal", "account_id", self.order.account_id)
        references = [(item["reason"]["S"], item["reference"]["S"]) for item in found]
        return Counter(reason for reason, of in references if of == mine or of.startswith(f"{mine}/"))

    def notices(self) -> Counter[str]:
        """How many notices of each kind wait that are about this order."""
        number, found = self.order.number, self._query("notices", "scope", "due")
        about = [(item["kind"]["S"], json.loads(item["about"]["S"])) for item in found]
        return Counter(kind for kind, of in about if of.get("order") == number and kind in TOLD)

    def history(self) -> list[str]:
        return [what for _, what in self.order.history]

    def spend(self, credits: int) -> None:
        """A request of this user that costs so much."""
        account, ledger = self.account, self.market.ledger
        asked = ask(credits * MICROCREDITS_PER_CREDIT, account, ledger.clock.now())
        hold = tables.drive(admit(ledger, account, asked, fresh=True)).hold
        tables.drive(settle(ledger, account, hold, paper(account, hold, hold.amount)))

    def holds(self, *steps: str) -> None:
        """It went through these steps, each once in history, journal and notices, and the account's audit is clean."""
        order, account = self.order, self.account
        assert tuple(self.history()) == steps
        assert order.version == 1 + len(steps)
        money = Counter("purchase" if step == "paid" else step for step in steps if step in {*TOLD, "paid"})
        assert self.notices() == money
        assert self.entries().total() <= money.total()
        assert self.entries()["purchase"] == money["purchase"] <= 1
        check(account)
        finding = self.market.audit(account.account_id)
        assert (finding.drift, finding.mismatches) == (0, ())

    def nothing_happened(self) -> None:
        """It is as it was made."""
        order = self.order
        assert (order.state, order.version, order.history, self.entries(), self.notices()) == ("open", 1, (), {}, {})

    def _query(self, table: str, key: str, value: str) -> list[Item]:
        ledger, found, start = self.market.ledger, list[Item](), Item()
        request: Item = {
            "TableName": ledger.table(table),
            "KeyConditionExpression": "#key = :key",
            "ExpressionAttributeNames": {"#key": key},
            "ExpressionAttributeValues": {":key": {"S": value}},
            "ConsistentRead": True,
        }
        while True:
            page = tables.drive(ledger.read("Query", request | start))
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def kept(market: Market, about: str, project_id: str = "default") -> Unmatched | None:
    """What is kept for people to look at about a reference."""
    found = tables.drive(unmatched.listed(market.ledger, project_id))
    return next((one for one in found if one.about == about), None)


class Log:
    """What a gateway's log says from now on."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.path = gateway.log
        self.begin = self.path.stat().st_size

    def text(self) -> str:
        with self.path.open("rb") as file:
            file.seek(self.begin)
            return file.read().decode()

    def lines(self, *words: str) -> list[str]:
        """The lines that have all of these words."""
        return [line for line in self.text().splitlines() if all(word in line for word in words)]

    def has_nothing_of(self, *texts: str | bytes) -> None:
        """It has no secret, and none of these texts."""
        log = self.text()
        assert "Traceback" not in log
        for text in (*CANARIES, *texts):
            assert (text.decode() if isinstance(text, bytes) else text) not in log

"""Somebody with everything an account can have, on tables in memory; and what must be true once it was deleted."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from functions.ledger import (
    audit,
    credentials,
    deletion,
    grants,
    journal,
    leftovers,
    notices,
    orders,
    settle,
    tidy,
    top_ups,
)
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.deletion import Deleted
from functions.ledger.orders import Order
from functions.ledger.store import Item, Ledger, Store
from functions.ledger.tables import drive
from functions.ledger.top_ups import Terms
from functions.ledger.windows import DAY_S
from functions.payments.synchronize import synchronize
from tests.ledger.arrange import ask, paper
from tests.ledger.faults import FakeClock, FaultyStore, When, never
from tests.payments.counter import CONNECTION, REFERENCE, Truth
from tests.simulation.table import FakeDynamoDB, schemas

PREFIX, SECRET = "p-", "a secret for tests, long enough"
NAME = "leaver.ada"
EMAIL = f"{NAME}+news@farebox.test"
ADDRESS = grants.Address("default", EMAIL, f"{NAME}@farebox.test")
TRIAL = grants.Trial(5_000, 30 * DAY_S)
GIVEN, PACK, AMOUNT = 70_000, 900_000, 50
WHY = f"{NAME} asked, see her mail"
CARD = "cus_canary/pm_canary"
LEFT = TRIAL.amount + GIVEN - 1_234 - 77
"""Of what came in, after what was used."""
NOTHING_OF = ("receipts", "days", "credentials", "notices")


class Leaver:
    """An account with keys, a trial, gifts, a purchase, receipts, days, a top-up, a request that runs."""

    def __init__(self, *, agrees: bool = True) -> None:
        self.table = FakeDynamoDB(schemas(PREFIX))
        self.clock = FakeClock()
        self.ledger = Ledger(self.table, self.clock, random.Random(7).randbytes, PREFIX, secret=SECRET)
        self.key = drive(grants.register(self.ledger, ADDRESS, TRIAL))
        self.account_id = self.read_by(self.key).account_id
        again = drive(grants.register(self.ledger, ADDRESS, TRIAL))
        drive(grants.activate(self.ledger, ADDRESS, credentials.credential_id(again)))
        waits = drive(grants.register(self.ledger, ADDRESS, TRIAL))
        added = drive(credentials.add_key(self.ledger, self.account_id))
        self.keys = (self.key, again, waits, added)
        self.key = again
        entry = journal.Entry(GIVEN, "adjustment", f"goodwill for {EMAIL}", None, "operator", WHY)
        drive(journal.enter(self.ledger, self.account_id, entry))
        self.truth = Truth()
        self.placed = self.order(orders.PACK, REFERENCE)
        drive(orders.put(self.ledger, self.placed))
        self.use(1_234)
        self.clock.time_s += 2 * DAY_S
        self.use(77)
        if agrees:
            self._agree()
        self.running: Admission | None = None

    def order(self, kind: str, reference: str) -> Order:
        now = int(self.clock.now())
        number = orders.new_number(self.ledger, "default")
        amounts: dict[str, Any] = (
            {"credits": PACK, "amount": AMOUNT} if kind == orders.PACK else {"credits": 0, "amount": 0}
        )
        whose: dict[str, Any] = {"project_id": "default", "connection": "stripe", "account_id": self.account_id}
        what: dict[str, Any] = {"kind": kind, "pack": "starter", "currency": "usd", "mode": "test"}
        when: dict[str, Any] = {"created": now, "changed": now, "expires": now + 3600}
        return Order(reference=reference, number=number, **whose, **what, **amounts, **when)

    def _agree(self) -> None:
        """A top-up is agreed to, and its card saved."""
        before = drive(top_ups.read(self.ledger, self.account_id))
        self.setup = self.order(orders.SETUP, "cs_setup")
        drive(top_ups.begin(self.ledger, before, self.terms, self.setup))
        kept = top_ups.finished(self.ledger, self.setup, CARD)
        drive(self.ledger.write("TransactWriteItems", {"TransactItems": kept}))

    terms = Terms("starter", PACK, AMOUNT, "usd", 1_000, 2, "test", "key")

    def process(self, when: When = never) -> tuple[Ledger, FaultyStore]:
        """Another process's ledger on the same tables, and its store, which fails as told."""
        store = FaultyStore(self.table, when)
        return replace(self.ledger, store=store), store

    def read_by(self, key: str) -> Account:
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        return found[1]

    @property
    def account(self) -> Account:
        return drive(tidy.kept(self.ledger, self.account_id))

    def use(self, cost: int, ledger: Ledger | None = None) -> None:
        """A request from its beginning to its end."""
        admission = self.begin(cost, ledger)
        self.end(admission, cost, ledger)

    def begin(self, amount: int, ledger: Ledger | None = None) -> Admission:
        account = self.account
        return drive(admit(ledger or self.ledger, account, ask(amount, account, self.clock.now()), fresh=False))

    def end(self, admission: Admission, cost: int, ledger: Ledger | None = None) -> None:
        receipt = paper(admission.account, admission.hold, cost, input=3, output=4)
        drive(settle.settle(ledger or self.ledger, admission.account, admission.hold, receipt))

    def delete(self, ledger: Ledger | None = None) -> Deleted:
        return drive(deletion.delete(ledger or self.ledger, self.account_id, EMAIL, f"{EMAIL.upper()} wants to leave"))

    def items(self, table: str) -> list[Item]:
        return list(self.table.items(PREFIX + table).values())

    def mine(self, table: str) -> list[Item]:
        return [item for item in self.items(table) if item.get("account_id", {}).get("S") == self.account_id]

    def forfeited(self) -> int:
        """By the journal."""
        return -sum(int(item["amount"]["N"]) for item in self.mine("journal") if item["reason"]["S"] == "deleted")

    def judge(self, *, erased: bool = True) -> None:
        """Closed, audited, forfeited once; and where it is all over, nothing is left of anybody."""
        account = self.account
        assert account.state == "deleted"
        assert account.number("forfeited") == self.forfeited()
        for full in (False, True):
            finding = drive(audit.audit_account(self.ledger, self.account_id, full=full))
            assert finding.mismatches == ()
        for key in self.keys:
            found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
            assert found is None or "email" not in drive_item(self, key)
        if not erased:
            return
        assert account.item.keys() <= leftovers.KEPT, account.item.keys() - leftovers.KEPT
        assert not account.holds
        for table in NOTHING_OF:
            left = [item for item in self.mine(table) if item.get("state", {}).get("S") != "revoked"]
            assert [item for item in left if item.get("kind", {}).get("S") != notices.TOP_UP] == [], table
        for item in self.items("members"):
            assert item["scope"]["S"].startswith("orders/"), item
        self.nobody()

    def nobody(self) -> None:
        """No table tells the address, what was said of its user, or the card."""
        for table in schemas(PREFIX):
            said = json.dumps(list(self.table.items(table).values())).casefold()
            for text in (NAME, WHY, CARD, "canary"):
                assert text.casefold() not in said, (table, text)


def drive_item(leaver: Leaver, key: str) -> Item:
    """A key's item as it is stored."""
    items = leaver.table.items(PREFIX + "credentials").values()
    return next(item for item in items if item["credential_id"]["S"] == credentials.credential_id(key))


@dataclass
class Meanwhile:
    """A store in which something else happens before the call of a given number."""

    store: Store
    number: int
    what: Callable[[], object]
    calls: int = 0
    happened: bool = False

    async def call(self, operation: str, request: Item) -> Item:
        if self.calls == self.number:
            self.happened = True
            self.what()
        self.calls += 1
        return await self.store.call(operation, request)


def hear(leaver: Leaver, ledger: Ledger | None = None) -> None:
    """The provider's event about the order comes."""
    drive(
        synchronize(
            ledger or leaver.ledger, CONNECTION, REFERENCE, fetch=lambda *_: leaver.truth.payment(leaver.placed)
        )
    )


def again(leaver: Leaver, address: grants.Address = ADDRESS) -> Account:
    """Somebody registers, and is an account."""
    key = drive(grants.register(leaver.ledger, address, TRIAL))
    drive(grants.activate(leaver.ledger, address, credentials.credential_id(key)))
    return leaver.read_by(key)


def subject(shown: str = "ada") -> grants.Subject:
    return grants.Subject("abcdefghjkmn", "jwt", "d" * 64, shown)

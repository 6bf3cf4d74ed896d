"""One order on tables in memory, a provider whose truth a test sets, and what must be true of both in the end."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from functions.ledger import credentials, grants, journal, orders, tidy
from functions.ledger.account import Account
from functions.ledger.admit import admit
from functions.ledger.audit import audit_account
from functions.ledger.orders import Order
from functions.ledger.settle import settle
from functions.ledger.store import Item, Ledger
from functions.ledger.tables import drive
from functions.payments.provider import Connection, Dispute, Payment
from functions.payments.synchronize import Synchronized, synchronize
from tests.ledger.arrange import ask, check, paper
from tests.ledger.faults import FakeClock, FaultyStore, When, never
from tests.simulation.table import FakeDynamoDB, schemas

PREFIX = "p-"
REFERENCE = "cs_test_1"
AMOUNT = 50
CREDITS = 5_000_001
"""Microcredits of the pack: few parts of them are whole numbers."""
OTHERS = 1_000
"""Microcredits that were there before."""
CONNECTION = Connection("default", "stripe", "test", "sk_test_1", ("whsec_1",), "http://127.0.0.1:9")
TOLD = frozenset({"purchase", "refund", "refund_failed", "dispute", "dispute_won", "dispute_lost"})
"""Kinds of notices about an order's money."""


@dataclass(frozen=True)
class Truth:
    """What a provider says of the checkout at one time. Of each dispute: its id, its amount, its state."""

    state: str = "paid"
    refunded: int = 0
    disputes: tuple[tuple[str, int, str], ...] = ()

    def payment(self, order: Order) -> Payment:
        """The same in the words that an adapter uses."""
        disputes = tuple(Dispute(*dispute) for dispute in self.disputes)
        return Payment(order.reference, order.number, "test", self.state, AMOUNT, "usd", self.refunded, disputes)

    @property
    def kept(self) -> int:
        """Of CREDITS, what the buyer keeps: what is taken back is rounded down."""
        if self.state != "paid":
            return 0
        gone = self.refunded + sum(amount for _, amount, state in self.disputes if state != "won")
        return CREDITS - CREDITS * min(gone, AMOUNT) // AMOUNT


class Till:
    """A deployment's tables with one account and one open order, and the processes that see them."""

    def __init__(self) -> None:
        self.table = FakeDynamoDB(schemas(PREFIX))
        self.clock = FakeClock()
        self.ledger = Ledger(self.table, self.clock, random.Random(6).randbytes, PREFIX)
        self.truth = Truth("open")
        address = grants.Address("default", "buyer@farebox.test")
        key = drive(grants.register(self.ledger, address, grants.NO_TRIAL))
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        self.account_id = found[1].account_id
        drive(journal.enter(self.ledger, self.account_id, journal.Entry(OTHERS, "adjustment", "before")))
        self.placed = self._order()
        drive(orders.put(self.ledger, self.placed))

    def _order(self) -> Order:
        now = int(self.clock.now())
        return Order(
            project_id="default",
            connection="stripe",
            reference=REFERENCE,
            number=orders.new_number(self.ledger, "default"),
            account_id=self.account_id,
            kind=orders.PACK,
            pack="starter",
            credits=CREDITS,
            amount=AMOUNT,
            currency="usd",
            mode="test",
            created=now,
            changed=now,
            expires=now + 3600,
        )

    def process(self, when: When = never) -> tuple[Ledger, FaultyStore]:
        """Another process's ledger on the same tables, and its store, which fails as told."""
        store = FaultyStore(self.table, when)
        return replace(self.ledger, store=store), store

    def fetch(self, connection: Connection, reference: str) -> Payment | None:
        """What the provider says just now."""
        return self.truth.payment(self.placed) if reference == REFERENCE else None

    def hear(self, ledger: Ledger | None = None) -> Synchronized:
        """An event comes, and points at the order."""
        return drive(synchronize(ledger or self.ledger, CONNECTION, REFERENCE, fetch=self.fetch))

    def spend(self, most: int) -> None:
        """A request that costs so many microcredits, or all that there are; none where it would not be admitted."""
        account = self.account
        amount = min(most, account.available(self.clock.now()))
        if amount > 0 and not account.debt:
            admitted = drive(admit(self.ledger, account, ask(amount, account, self.clock.now()), fresh=True))
            drive(settle(self.ledger, account, admitted.hold, paper(account, admitted.hold, amount)))

    @property
    def order(self) -> Order:
        found = drive(orders.read(self.ledger, "default", "stripe", REFERENCE))
        assert found
        return found

    @property
    def account(self) -> Account:
        """The account, tidied."""
        return drive(tidy.read(self.ledger, self.account_id))

    def _items(self, table: str, fits: Callable[[Item], bool] = lambda item: True) -> list[Item]:
        return [item for item in self.table.items(PREFIX + table).values() if fits(item)]

    def told(self) -> Counter[str]:
        """How many notices of each kind were put about the order."""
        return Counter(kind for item in self._items("notices") if (kind := item["kind"]["S"]) in TOLD)

    def entered(self) -> Counter[str]:
        """How many journal entries of each reason are the order's."""
        mine = self._items("journal", lambda item: item["reference"]["S"].startswith(f"stripe/{REFERENCE}"))
        return Counter(item["reason"]["S"] for item in mine)

    def history(self) -> list[str]:
        return [what for _, what in self.order.history]

    def judge(self) -> None:
        """Order, journal, account and notices say what the provider says, and each of them once."""
        order, account = self.order, self.account
        assert order.state == self.truth.state
        if order.state == "paid":
            assert order.refunded == self.truth.refunded
            assert order.disputes == {name: (amount, state) for name, amount, state in self.truth.disputes}
            assert order.credits - order.reversed == self.truth.kept
        assert account.credited - account.debt == OTHERS + self.truth.kept
        check(account)
        steps = self.history()
        assert order.version == 1 + len(steps)
        assert self.told() == Counter(
            "purchase" if what == "paid" else what for what in steps if what in {*TOLD, "paid"}
        )
        assert self.entered()["purchase"] == steps.count("paid") <= 1
        finding = drive(audit_account(self.ledger, self.account_id, full=True))
        assert (finding.drift, finding.mismatches) == (0, ())

"""The ledger's own requests: what registration, admission, settling and tidying send, recorded as they run."""

import random
from dataclasses import dataclass, field

from functions.ledger import admit, credentials, grants, journal, notices, settle, tidy
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.store import Item, Ledger, Store
from functions.ledger.tables import drive
from functions.ledger.windows import Limit
from tests.ledger.faults import FakeClock
from tests.simulation.cases import Case
from tests.simulation.table import FakeDynamoDB, schemas

PREFIX = "conform-ledger-"
NAMED = "the ledger's call"
LIMITS = (Limit("m", 40, "requests a minute"), Limit("d", 10_000, "requests a day"))
DAY_S = 86_400


@dataclass
class Recorder:
    """Passes calls on, and keeps them."""

    store: Store
    cases: list[Case] = field(default_factory=list)

    async def call(self, operation: str, request: Item) -> Item:
        self.cases.append(Case(f"{NAMED} {len(self.cases)}", operation, request))
        return await self.store.call(operation, request)


def recorded(seed: int, requests: int) -> list[Case]:
    """What the ledger sends for an account and so many requests, in order; each call builds on those before."""
    recorder = Recorder(FakeDynamoDB(schemas(PREFIX)))
    clock = FakeClock()
    ledger = Ledger(recorder, clock, random.Random(seed).randbytes, PREFIX)
    drive(_life(ledger, clock, random.Random(seed), requests))
    return recorder.cases


async def _life(ledger: Ledger, clock: FakeClock, chance: random.Random, requests: int) -> None:
    address = grants.Address("default", "a@farebox.test", "a@farebox.test")
    key = await grants.register(ledger, address, grants.Trial(10_000_000, 2 * DAY_S))
    for _ in range(7):
        again = await grants.register(ledger, address, grants.NO_TRIAL)
    await grants.activate(ledger, address, credentials.credential_id(again))
    found = await credentials.find(ledger, credentials.credential_id(key))
    if found is None:
        raise AssertionError("a new key is not found")
    account = found[1]
    for number in range(requests):
        clock.time_s += chance.choice((1, 30, 90, 4000, DAY_S // 8))
        account = await _request(ledger, clock, chance, account, number)
        if number % 10 == 0:
            await journal.enter(ledger, account.account_id, journal.Entry(5_000, "purchase", f"event-{number}"))
            await _tell(ledger, failed=number % 20 == 0)


async def _tell(ledger: Ledger, *, failed: bool) -> None:
    """Notices that are due are leased, and told or tried again later."""
    for notice in await notices.due(ledger, 5):
        leased = await notices.lease(ledger, notice)
        if leased and failed:
            await notices.later(ledger, leased, 60, failed=True, done=("mail",))
        elif leased:
            await notices.done(ledger, leased)


async def _request(ledger: Ledger, clock: FakeClock, chance: random.Random, account: Account, number: int) -> Account:
    """One request: settled, voided, or left to expire."""
    expires = int(clock.now()) + 120
    account = await tidy.read(ledger, account.account_id)
    if account.available(clock.now()) < 1000:
        return account
    ask = admit.Ask(10, 500, 1000, LIMITS, 50, account.credentials_version, expires)
    admission = await admit.admit(ledger, account, ask, fresh=False)
    hold, end = admission.hold, number % 4
    if end == 0:
        return await settle.void(ledger, admission.account, hold, admission.counts)
    if end == 1:
        return admission.account
    cost = chance.randint(0, hold.amount)
    receipt = Receipt(
        account.account_id, hold.hold_id, expires - 120, expires, "completed", cost, hold.amount, input=3, output=cost
    )
    return await settle.settle(ledger, admission.account, hold, receipt)

"""Case 7 in any order: processes that die, sleep, fail and come back, faults, late writes and time, on one key."""

import random
from contextlib import suppress

import pytest

from functions.admit.gate import Ticket
from functions.errors import KeyInProgress, KeyUsed, LedgerUnavailable
from functions.ledger.idempotency import KEPT_S
from functions.ledger.store import StoreError
from tests.ledger.arrange import Books, check
from tests.ledger.claims import COST, OVER_S, TRIAL, Process, Shop, shop
from tests.ledger.faults import WRITES, Call, Fault

KEY = "order-4711"
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT]
STEPS = 18
ACTS = ("ask", "ask", "ask", "charge", "charge", "fail", "deliver", "again", "time", "time")


class History:
    """What happened so far to one key: the processes, and the requests that were admitted and have not ended."""

    def __init__(self, till: Shop, seed: int) -> None:
        self.till, self.chance = till, random.Random(seed)
        self.began_s = till.books.clock.now()
        self.processes: list[Process] = []
        self.open: list[tuple[Process, Ticket]] = []

    def when(self, index: int, call: Call) -> Fault | None:
        """One write in four meets a fault."""
        strikes = call.operation in WRITES | {"DeleteItem"} and self.chance.random() < 0.25
        return self.chance.choice(FAULTS) if strikes else None

    async def ask(self) -> None:
        process = await self.till.process(self.when)
        self.processes.append(process)
        before = await self.till.receipts()
        used: KeyUsed | None = None
        try:
            self.open.append((process, await process.admit(KEY)))
        except LedgerUnavailable:
            return
        except KeyUsed as error:
            used = error
        if used is None:
            assert not before, "a key that was charged for was given to somebody else"
        elif before:
            assert (used.code, used.headers["x-farebox-receipt"]) == (KeyUsed.code, before[0].receipt_id)
        else:
            assert used.code == KeyInProgress.code

    async def end(self, *, charged: bool) -> None:
        """One that is open ends, however long it slept; it may be the one that everybody thought dead."""
        if self.open:
            process, ticket = self.open.pop(self.chance.randrange(len(self.open)))
            if charged:
                await process.charge(ticket)
            else:
                await process.gate.give_back(ticket)

    async def step(self) -> None:
        act = self.chance.choice(ACTS)
        if act == "ask":
            await self.ask()
        elif act in ("charge", "fail"):
            await self.end(charged=act == "charge")
        elif act == "time":
            self.till.books.clock.time_s += self.chance.choice([1, 30, OVER_S, OVER_S])
        elif self.processes:
            process = self.chance.choice(self.processes)
            with suppress(StoreError):
                await (process.store.deliver() if act == "deliver" else process.again())

    async def judge(self) -> None:
        """Never more than one charge; every credit is somewhere."""
        assert len(await self.till.receipts()) <= 1
        check(await self.till.books.item(self.till.account))


@pytest.mark.parametrize("seeds", [range(5), range(5, 10)], ids=str)
async def test_case_07_in_any_history_a_key_is_charged_at_most_once(books: Books, seeds: range) -> None:
    """Whoever dies, sleeps, fails or comes late: one charge a key in 24 hours, and in the end the key is good again."""
    charges = 0
    for seed in seeds:
        history = History(await shop(books), seed)
        for _ in range(STEPS):
            await history.step()
            await history.judge()
        for process in history.processes:
            await process.store.deliver()
        while history.open:
            await history.end(charged=True)
            await history.judge()
        receipts = await history.till.receipts()
        charges += len(receipts)
        after = await books.healed(history.till.account)
        assert after.spent == COST * len(receipts)
        assert after.available(books.clock.now()) == TRIAL - after.spent
        assert books.clock.now() - history.began_s < KEPT_S
        books.clock.time_s += KEPT_S
        await (await history.till.process()).serve(KEY)
        assert len(await history.till.receipts()) == len(receipts) + 1
    assert charges > len(seeds) / 3, "most of these histories charge nothing: they prove little"

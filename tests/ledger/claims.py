"""Requests that carry an Idempotency-Key, as gateway processes make them: through the gate, to the charge."""

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.gate import Gate, Repeat, Ticket
from functions.authenticate.callers import Caller, Callers
from functions.errors import KeyUsed
from functions.forward.llama import prepare
from functions.ledger.account import Account
from functions.ledger.idempotency import CLOCKS_DIFFER_S
from functions.ledger.receipts import Receipt
from functions.ledger.store import Item, Ledger, StoreError
from functions.settle.charge import charge
from tests.ledger.arrange import HOLD_S, Books, check, paper
from tests.ledger.faults import WRITES, FaultyStore, When, never

TOKEN = 1_000_000
TRIAL = 1_000_000 * TOKEN
COST = 7 * TOKEN
CHAT = "/v1/chat/completions"
BODY = b'{"messages":[{"role":"user","content":"Hi"}],"max_tokens":20}'
OTHER_BODY = BODY.replace(b"Hi", b"Ho")
LIMITS = {"limits": {"user": {"minute": 1000, "day": 5000}, "project": {"day": 1000}, "open_requests": 100}}
RULES = rules.of(settings_module.read({"RULES": json.dumps(LIMITS)}))
OVER_S = HOLD_S + CLOCKS_DIFFER_S + 1
"""After so long a request that was admitted now is over for certain."""


@dataclass
class Process:
    """One gateway process, and the calls it makes."""

    key: str
    ledger: Ledger
    store: FaultyStore
    gate: Gate
    caller: Caller

    async def admit(self, key: str, body: bytes = BODY) -> Ticket:
        prepared = prepare(CHAT, body, 2048, 256)
        return await self.gate.admit(
            self.caller, self.key, "default", prepared, Repeat(key, CHAT.encode() + b"\n" + body)
        )

    async def charge(self, ticket: Ticket) -> None:
        """The answer is complete."""
        assert ticket.claim
        account = ticket.admission.account
        receipt = replace(paper(account, ticket.admission.hold, COST), claim=ticket.claim.claim_id)
        await charge(self.ledger, ticket.admission, receipt)

    async def serve(self, key: str, body: bytes = BODY) -> None:
        await self.charge(await self.admit(key, body))

    async def refusal(self, key: str, body: bytes = BODY) -> KeyUsed:
        """The 409 that a request gets. Raises AssertionError where it gets none."""
        try:
            ticket = await self.admit(key, body)
        except KeyUsed as used:
            return used
        raise AssertionError(f"the key was free: {ticket}")

    async def again(self) -> None:
        """Every write that was ever sent arrives once more, releases included."""
        for call in list(self.store.calls):
            if call.operation in WRITES | {"DeleteItem"}:
                with suppress(StoreError):
                    await self.store.store.call(call.operation, call.request)


@dataclass
class Shop:
    """An account of a project of its own, and the processes it is served by."""

    books: Books
    key: str
    account: Account
    project: str = field(default_factory=lambda: f"p{secrets.token_hex(4)}")

    async def process(self, when: When = never) -> Process:
        ledger, store = self.books.process(when)
        return await self.over(ledger, store)

    async def over(self, ledger: Ledger, store: FaultyStore) -> Process:
        """A process on this ledger; it has seen the key before."""
        callers = Callers()
        caller = await callers.look_up(self.books.ledger, self.key)
        gate = Gate(ledger, RULES, callers, hold_expiry_s=HOLD_S, project=self.project)
        return Process(self.key, ledger, store, gate, caller)

    async def together(self, count: int) -> list[Process]:
        """Processes that all have their first write ready before one of them sends it."""
        return [await self.over(ledger, FaultyStore(ledger.store, never)) for ledger in self.books.processes(count)]

    async def receipts(self) -> list[Receipt]:
        """Of requests that were charged."""
        return [paper for paper in await self.books.receipts(self.account) if paper.outcome != "expired"]

    async def counted(self) -> tuple[int, int]:
        """How many requests stand in the account's day and in the project's."""
        item = await self.books.item(self.account)
        request = {"TableName": self.books.ledger.table("windows"), "Key": {"scope": {"S": f"project/{self.project}"}}}
        answer = await self.books.ledger.store.call("GetItem", request | {"ConsistentRead": True})
        totals: Item = answer.get("Item", {})
        day = f"d:{int(self.books.clock.now()) // 86400}"
        return item.counters.get(day, 0), int(totals.get(day, {"N": "0"})["N"])

    async def charged(self, times: int = 1) -> None:
        """So many requests were charged in all; everything else was given back or is healed."""
        check(await self.books.item(self.account))
        after = await self.books.healed(self.account)
        assert [paper.cost for paper in await self.receipts()] == [COST] * times
        assert after.spent == times * COST
        assert after.available(self.books.clock.now()) == TRIAL - times * COST


async def shop(books: Books) -> Shop:
    """A new account."""
    return Shop(books, *await books.customer(TRIAL, lasts_s=30 * 86400))

"""Accounts in the state that a test begins with, and what must be true of them when it ends."""

import asyncio
import secrets
from dataclasses import dataclass, field, replace

from functions.ledger import account as accounts
from functions.ledger import credentials, grants, journal, tables, tidy
from functions.ledger.account import Account, Hold
from functions.ledger.admit import Admission, Ask, admit
from functions.ledger.pages import DayTotals, recent_days
from functions.ledger.receipts import Receipt
from functions.ledger.store import Item, Ledger
from functions.ledger.windows import DAY_S, Limit
from tests.ledger.faults import FakeClock, FaultyStore, Together, When, never
from tests.stand import TestLedger

HOLD_S = 60
TRIAL_S = 7 * DAY_S


@dataclass
class Books:
    """One ledger seen by several processes, all with one clock that the test moves.

    `ledger` is the test's own and never fails; `process(when)` gives one whose store fails as told.
    """

    test: TestLedger
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.ledger: Ledger = replace(self.test.ledger, clock=self.clock)

    def process(self, when: When = never) -> tuple[Ledger, FaultyStore]:
        """Another process's ledger on the same tables, and its store."""
        store = FaultyStore(self.test.ledger.store, when)
        return replace(self.ledger, store=store), store

    def processes(self, count: int) -> list[Ledger]:
        """So many ledgers that all read before one of them writes."""
        barrier = asyncio.Barrier(count)
        return [replace(self.ledger, store=Together(self.ledger.store, barrier)) for _ in range(count)]

    async def account(self, trial: int = 0, *, paid: int = 0, lasts_s: int = TRIAL_S) -> Account:
        """A new account with so many microcredits of each kind."""
        return (await self.customer(trial, paid=paid, lasts_s=lasts_s))[1]

    async def customer(self, trial: int = 0, *, paid: int = 0, lasts_s: int = TRIAL_S) -> tuple[str, Account]:
        """A new account, and the key to it."""
        email = f"{secrets.token_hex(6)}@farebox.test"
        gift = grants.Trial(trial, lasts_s) if trial else grants.NO_TRIAL
        key = await grants.register(self.ledger, grants.Address("default", email), gift)
        account = await self.account_of(key)
        if paid:
            await self.pay(account.account_id, paid)
            account = await self.read(account)
        return key, account

    async def account_of(self, key: str) -> Account:
        found = await credentials.find(self.ledger, credentials.credential_id(key))
        assert found, "a key that was given out is in no table"
        return found[1]

    async def pay(self, account_id: str, amount: int) -> None:
        """Credits that do not expire, as a purchase brings them."""
        await journal.enter(self.ledger, account_id, purchase(amount))

    async def change(self, account_id: str, expression: str, values: Item, **names: str) -> None:
        """Change an account behind the ledger's back."""
        request = {"TableName": self.ledger.table("accounts"), "Key": accounts.key(account_id)}
        request |= {"UpdateExpression": expression, "ExpressionAttributeValues": values}
        if names:
            request["ExpressionAttributeNames"] = {f"#{name}": attribute for name, attribute in names.items()}
        await self.ledger.store.call("UpdateItem", request)

    async def read(self, account: Account | str) -> Account:
        """The account, tidied."""
        return await tidy.read(self.ledger, account if isinstance(account, str) else account.account_id)

    async def item(self, account: Account) -> Account:
        """The account exactly as it is stored."""
        request = {"TableName": self.ledger.table("accounts"), "Key": accounts.key(account.account_id)}
        answer = await self.ledger.store.call("GetItem", request | {"ConsistentRead": True})
        return accounts.Account(answer["Item"])

    async def receipts(self, account: Account) -> list[Receipt]:
        """Every receipt of an account, oldest first."""
        request = {
            "TableName": self.ledger.table("receipts"),
            "KeyConditionExpression": "account_id = :a",
            "ExpressionAttributeValues": {":a": {"S": account.account_id}},
            "ConsistentRead": True,
        }
        answer = await self.ledger.store.call("Query", request)
        return [Receipt.from_item(item) for item in answer["Items"]]

    def days(self, account: Account, back: int = 40) -> list[DayTotals]:
        """Use by day, of the last days; PynamoDB's models are pointed at these tables first."""
        tables.bind(self.test.settings)
        today = int(self.clock.now()) // DAY_S
        return recent_days(account, today - back, today)

    async def scan(self, table: str, attribute: str, value: str) -> list[Item]:
        """Every item of a table in which an attribute has this text."""
        request = {
            "TableName": self.ledger.table(table),
            "FilterExpression": "#a = :v",
            "ExpressionAttributeNames": {"#a": attribute},
            "ExpressionAttributeValues": {":v": {"S": value}},
            "ConsistentRead": True,
        }
        found: list[Item] = []
        start: Item = {}
        while True:
            answer = await self.ledger.store.call("Scan", request | start)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def take(self, account: Account, amount: int, ledger: Ledger | None = None) -> Admission:
        """Admit one request that costs `amount` at least and at most, from a fresh view of the account."""
        ledger = ledger or self.ledger
        return await admit(ledger, account, ask(amount, account, self.clock.now()), fresh=False)

    async def expire(self) -> None:
        """Time passes until every hold that is open now has expired."""
        self.clock.time_s += HOLD_S + 1

    async def healed(self, account: Account) -> Account:
        """The account once everything has expired: whole, and unchanged by being read again."""
        await self.expire()
        after = await self.read(account)
        check(after)
        assert not after.holds
        again = await self.read(account)
        assert again.item == after.item, "healing twice changed something"
        return after


def ask(amount: int, account: Account, now_s: float, *limits: Limit, open_max: int = 1000) -> Ask:
    """A request whose least, floor and upper amounts are one."""
    return Ask(amount, amount, amount, limits, open_max, account.credentials_version, int(now_s) + HOLD_S)


def purchase(amount: int, reference: str = "") -> journal.Entry:
    """Credits bought, under a reference of their own where none is given."""
    return journal.Entry(amount, "purchase", reference or secrets.token_hex(8))


def paper(account: Account, hold: Hold, cost: int, *, input: int = 0, output: int = 0) -> Receipt:
    """The receipt of a completed request."""
    now = hold.expires - HOLD_S
    receipt = Receipt(account.account_id, hold.hold_id, now, now, "completed", cost=cost, hold=hold.amount)
    return replace(receipt, input=input, output=output)


def check(account: Account) -> None:
    """The ledger's invariant: what came in is somewhere, and nothing is negative."""
    assert account.drift() == 0
    parts = [account.paid, account.credited, account.spent, account.expired, account.debt, *account.counters.values()]
    parts += [lot.left for lot in account.lots.values()]
    parts += [part for hold in account.holds.values() for part in (hold.paid, *hold.lots.values())]
    assert min(parts) >= 0


async def issue(ledger: Ledger, address: grants.Address, trial: grants.Trial, reissue: str) -> str:
    """A key as registration issues it: with `immediate` it is live at once, and the old one dead."""
    key = await grants.register(ledger, address, trial)
    if reissue == "immediate":
        await grants.activate(ledger, address, credentials.credential_id(key))
    return key

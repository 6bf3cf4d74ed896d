"""How large an account's item gets: DynamoDB charges a write by the KB, so an item under 1 KB is one unit a write.

The item is made by the ledger's own code: an account with a trial and a purchase, every window of its limits counted on
both sides of a moment at which all periods turn at once, and requests still running that took from the trial's lot and
from paid credits. Only the clock is not real.
"""

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.processes import BenchError
from functions.admit import rules
from functions.ledger import grants, journal, tidy
from functions.ledger.account import DAY_TOTALS, Account
from functions.ledger.admit import Admission, Ask, admit
from functions.ledger.credentials import credential_id
from functions.ledger.dynamodb import DynamoDB, endpoint_of, keys_from
from functions.ledger.http import Endpoint
from functions.ledger.receipts import Receipt
from functions.ledger.settle import settle
from functions.ledger.store import Item, Ledger
from functions.settings import Settings
from functions.signature import Signer

EMAIL = "somebody.ordinary@example.com"
LIMITS = {"minute": 1000, "hour": 10_000, "day": 50_000, "week": 100_000, "month": 400_000, "total": 10_000_000}
RULES = {"limits": {"user": LIMITS}}
TURN_S = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
"""A Monday and the first of a month: minute, hour, day, week and month all begin here."""

AROUND_S = 20
REQUESTS = 123
"""On either side of the turn: so the counters have three digits."""

OPEN = 5
HOLD_S = 900
PURCHASE = 5_000_000_000_000
COST, INPUT_TOKENS, OUTPUT_TOKENS = 7_654_321, 12_345, 678
COUNTERS = 2 * len(LIMITS) - 1
"""This and the last period of each; all time has no last one."""


class MovedClock:
    """Stands where it is put."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def account_bytes(dynamodb: str) -> int:
    """The bytes of such an account's item, made in the tables at `dynamodb`, a URL. Raises BenchError."""
    settings = Settings(rules=json.dumps(RULES), dynamodb_endpoint_url=dynamodb)
    url, host = endpoint_of(dynamodb, settings.aws_region)
    endpoint = Endpoint(url, settings.ledger_timeout_s)
    store = DynamoDB(endpoint, Signer(host, settings.aws_region, keys_from("x", "x", "")))
    clock = MovedClock(TURN_S - AROUND_S)
    ledger = Ledger(store, clock, os.urandom, settings.table_prefix)
    try:
        account = await _made(ledger, clock, rules.of(settings))
    finally:
        endpoint.close()
    _check(account)
    return item_bytes(account.item)


async def _made(ledger: Ledger, clock: MovedClock, found: rules.Rules) -> Account:
    """The account, as it is when it is read after all that."""
    address = grants.Address("default", EMAIL, EMAIL)
    key = await grants.register(ledger, address, grants.Trial(found.signup.amount, found.signup.lasts_s))
    credential = {"TableName": ledger.table("credentials"), "Key": {"credential_id": {"S": credential_id(key)}}}
    account_id = (await ledger.read("GetItem", credential))["Item"]["account_id"]["S"]
    account = (await journal.enter(ledger, account_id, journal.Entry(PURCHASE, "purchase", "bench"))).account
    for now_s in (TURN_S - AROUND_S, TURN_S + AROUND_S):
        clock.now_s = now_s
        for _ in range(REQUESTS):
            account = await _settle(ledger, await _admit(ledger, account, found, COST))
    share, rest = divmod(account.lots["trial"].left, OPEN + 1)
    admissions = []
    for amount in [share] * OPEN + [share + rest]:  # between them, all of the lot
        admissions.append(await _admit(ledger, account, found, amount))
        account = admissions[-1].account
    for admission in admissions[:-1]:  # less comes back to the lot than the next one asks for: so it takes from both
        account = await _settle(ledger, admission)
        account = (await _admit(ledger, account, found, share)).account
    await _settle(ledger, admissions[-1])
    return await tidy.read(ledger, account_id)


async def _admit(ledger: Ledger, account: Account, found: rules.Rules, amount: int) -> Admission:
    """A request that holds just `amount` microcredits."""
    expires = int(ledger.clock.now()) + HOLD_S
    limits, version = found.account_limits, account.credentials_version
    return await admit(ledger, account, Ask(1, amount, amount, limits, found.open_max, version, expires), fresh=False)


async def _settle(ledger: Ledger, admission: Admission) -> Account:
    account_id, hold, now = admission.account.account_id, admission.hold, int(ledger.clock.now())
    receipt = Receipt(account_id, hold.hold_id, now, now, "completed", COST, hold.amount)
    receipt = replace(receipt, input=INPUT_TOKENS, output=OUTPUT_TOKENS)
    return await settle(ledger, admission.account, hold, receipt)


def _check(account: Account) -> None:
    """Raises BenchError unless all that makes the item large is in it."""
    holds, days = account.holds.values(), account.days.values()
    whole = {
        "open holds from both": len([hold for hold in holds if hold.paid and hold.lots.get("trial")]) == OPEN,
        "every window twice": len(account.counters) == COUNTERS,
        "two days' totals": [set(day) for day in days] == [set(DAY_TOTALS)] * 2,
        "a lot and paid credits": account.paid > 0 and account.available(TURN_S) > account.paid,
        "sums that agree": account.drift() == 0,
    }
    if not all(whole.values()):
        raise BenchError(f"the account to be measured lacks {[name for name, there in whole.items() if not there]}")


def item_bytes(item: Item) -> int:
    """The size of an item as DynamoDB counts it: its attributes' names and values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(str(content).encode())
    if kind == "N":  # one byte, and one for each pair of digits, but for pairs of zeros at the end
        digits = str(content).lstrip("0")
        return 1 + (len(digits) + 1) // 2 - (len(digits) - len(digits.rstrip("0"))) // 2
    if kind == "M":  # 3 bytes, and one more an entry
        return 3 + item_bytes(content) + len(content)
    raise BenchError(f"an account holds a value of kind {kind}")

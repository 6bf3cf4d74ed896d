"""The nightly function: it audits what its time allows, says where to go on, and names what is wrong."""

import json
import logging
import os
import secrets
import time
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from functions import maintenance
from functions import settings as settings_module
from functions.errors import LedgerUnavailable
from functions.ledger import tables
from functions.ledger.settle import settle
from functions.ledger.store import Ledger
from tests import stand
from tests.ledger.arrange import HOLD_S, Books, paper
from tests.ledger.faults import Call, FakeClock, Fault

TRIAL = 10_000
AMPLE_MS, SHORT_MS = 600_000, 5_000


class Context:
    """Lambda's context: how much time is left, each time it is asked."""

    def __init__(self, *left_ms: int) -> None:
        self.left_ms: Iterator[int] = chain(left_ms, repeat(left_ms[-1]))

    def get_remaining_time_in_millis(self) -> int:
        return next(self.left_ms)


@pytest.fixture
def own(dynamodb_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Tables of this test's own, which the process's settings name; the clock is right, and can be moved."""
    variables = stand.environment(dynamodb_url, f"m{secrets.token_hex(4)}-")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings_module.source.cache_clear()
    settings = settings_module.get()
    tables.create_tables(settings)
    ledger = Ledger(tables.Synchronous(settings), tables.SystemClock(), os.urandom, settings.table_prefix)
    yield Books(stand.TestLedger(ledger, settings), FakeClock(time.time()))
    settings_module.source.cache_clear()


async def test_every_account_is_audited(own: Books) -> None:
    """All of them, nothing wrong, nothing left to do; and again the same."""
    for _ in range(3):
        account = await own.account(TRIAL, paid=5)
        admission = await own.take(account, 7)
        await settle(own.ledger, admission.account, admission.hold, paper(account, admission.hold, 7))
    for _ in range(2):
        told = maintenance.handler({}, Context(AMPLE_MS))
        assert told == {"accounts": 3, "unread": 0, "healed": 0, "drift": 0, "deleted": 0, "findings": [], "next": None}


async def test_it_stops_when_time_is_short_and_goes_on_where_it_stopped(own: Books) -> None:
    """However short the time, each call audits one account at least; together they audit each once."""
    accounts = {(await own.account(TRIAL)).account_id for _ in range(5)}
    told = maintenance.handler({}, Context(AMPLE_MS, SHORT_MS))
    assert told["accounts"] == 2
    stops = [told["next"]]
    while stops[-1] is not None:
        told = maintenance.handler({"start": stops[-1]}, Context(SHORT_MS))
        assert told["accounts"] <= 1
        stops.append(told["next"])
    assert len(set(stops[:-1])) == len(stops) - 1 == 4
    assert set(stops[:-1]) < accounts


async def test_drift_is_told_and_logged_without_secrets(own: Books, caplog: pytest.LogCaptureFixture) -> None:
    """The account, how much and what; one error line; no address, no key."""
    whole = await own.account(TRIAL)
    key, account = await own.customer(TRIAL)
    await own.change(account.account_id, "ADD paid :n", {":n": {"N": "5"}})
    with caplog.at_level(logging.INFO):
        told = maintenance.handler({}, Context(AMPLE_MS))
    (finding,) = told["findings"]
    assert (told["accounts"], told["drift"], finding["drift"]) == (2, 5, 5)
    assert finding["account_id"] == account.account_id != whole.account_id
    assert finding["what"] == [f"credited, against where it all is, is {TRIAL}, not {TRIAL + 5}"]
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.levelno == logging.ERROR
    for text in (line.getMessage(), json.dumps(told)):
        assert account.account_id in text
        assert account.email not in text
        assert key not in text


async def test_an_account_in_pieces_does_not_end_the_night(own: Books) -> None:
    """It is a finding, and the others are audited."""
    accounts = [await own.account(TRIAL) for _ in range(3)]
    await own.change(accounts[1].account_id, "SET was = :x REMOVE holds", {":x": {"S": "x"}})
    told = maintenance.handler({}, Context(AMPLE_MS))
    assert (told["accounts"], [finding["account_id"] for finding in told["findings"]]) == (3, [accounts[1].account_id])


async def test_an_account_that_cannot_be_reached_does_not_end_the_night(own: Books) -> None:
    """It is counted as not read, which is no drift, and the others are audited."""
    lost = (await own.account(TRIAL)).account_id
    for _ in range(3):
        await own.account(TRIAL)

    def when(index: int, call: Call) -> Fault | None:
        return (
            Fault.LOST_CALL
            if call.operation == "GetItem" and call.request["Key"].get("account_id") == {"S": lost}
            else None
        )

    ledger, _ = own.process(when)
    told = await maintenance.audit(ledger, "", lambda: AMPLE_MS)
    assert told == {"accounts": 4, "unread": 1, "healed": 0, "drift": 0, "deleted": 0, "findings": [], "next": None}


async def test_what_nobody_reads_is_healed(own: Books) -> None:
    """Holds whose time is over are given back, though their user never came back."""
    own.clock.time_s -= 10 * HOLD_S
    account = await own.account(TRIAL)
    await own.take(account, 70)
    await own.take(account, 80)
    told = maintenance.handler({}, Context(AMPLE_MS))
    assert (told["healed"], told["drift"]) == (2, 0)
    assert (await own.item(account)).lots["trial"].left == TRIAL


async def test_no_ledger_no_answer(own: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tables cannot be read the call fails, so that Lambda tries again and an alarm can see it."""
    monkeypatch.setenv("TABLE_PREFIX", "nowhere-")
    settings_module.source.cache_clear()
    with pytest.raises(LedgerUnavailable):
        maintenance.handler({}, Context(AMPLE_MS))

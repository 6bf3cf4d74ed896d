"""Credits that run low, through the front door: each level is told once, whatever runs at the same time."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions import errands
from functions.ledger import journal, tidy
from functions.ledger.journal import Entry
from functions.ledger.tables import drive
from functions.money import MICROCREDITS_PER_CREDIT
from functions.notices.telling import Run
from functions.payments.till import Till
from tests.forward.scripted_upstream import Call, ScriptedUpstream, plain, scripted_upstream
from tests.ledger.front_door import CHAT_CREDITS, Customer, new_customer
from tests.notices.receiver import SECRET, Receiver
from tests.stand import RunningGateway, gateways, text_of, wait_until

AT_ONCE = 8


@dataclass
class Door:
    """A gateway, a provider, the operator's receiver, and errands on the same tables."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    receiver: Receiver

    def customer(self, credits: int, lasts_s: int = 0) -> Customer:
        """A new one with a trial, which may end soon."""
        customer = new_customer(self.gateway, self.upstream, 0 if lasts_s else credits)
        if lasts_s:
            lot = ("gift", int(time.time()) + 1 + lasts_s)
            account_id = customer.ledger_account().account_id
            gift = Entry(credits * MICROCREDITS_PER_CREDIT, "sign_up", account_id, lot)
            drive(journal.enter(customer.ledger, account_id, gift))
        return customer

    def errands(self) -> None:
        """One run, as the function does it."""
        Run(Till(self.gateway.settings), errands.KINDS).all_due(lambda: True)

    def told(self, customer: Customer) -> list[dict[str, Any]]:
        """What the operator was told of a customer, in order."""
        number = self.gateway.account(customer.key)["user_id"]
        said = [told.verified() for told in self.receiver.told]
        return [one["data"] | {"type": one["type"]} for one in said if one["data"]["user_id"] == number]

    def levels(self, customer: Customer) -> list[int]:
        self.errands()
        return [told["percent"] for told in self.told(customer) if told["type"] == "credits.low"]

    def mailed(self, customer: Customer) -> list[Path]:
        email = self.gateway.account(customer.key)["email"]
        found = self.gateway.outbox.glob("*.eml") if self.gateway.outbox.exists() else ()
        return [path for path in found if f"To: {email}" in path.read_text()]


@pytest.fixture(scope="module")
def door(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("notices")
    with scripted_upstream() as upstream, Receiver() as receiver, gateways(dynamodb_url, folder) as start:
        told = {"NOTICES_URL": receiver.url, "NOTICES_SECRET": SECRET}
        yield Door(start(LLAMA_BASE_URL=upstream.url, **told), upstream, receiver)


def costs(credits: int) -> Any:
    """A provider whose answers use so many tokens, input and output."""

    def script(call: Call) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": credits - 1, "total_tokens": credits}
        message = {"role": "assistant", "content": "hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        call.answer(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        )

    return script


def spend(customer: Customer, credits: int) -> None:
    """One request that costs exactly so much, or all that it may."""
    customer.upstream.play(costs(credits))
    answer = customer.chat(max_tokens=10_000)
    assert answer.status == 200, answer.body


def test_each_level_is_told_once_by_mail_and_by_webhook(door: Door) -> None:
    """At 20 %, at 5 % and at nothing; in between, and with every request that follows, nobody is told again."""
    customer = door.customer(1000)
    seen: list[tuple[int, list[int]]] = []
    for credits in (400, 390, 15, 100, 50, 20, 10, 5, 4, 3, 2, 1):
        available = int(door.gateway.account(customer.key)["balance"]["available"])
        if available < 30:
            break
        spend(customer, min(credits, available))
        left = int(door.gateway.account(customer.key)["balance"]["available"])
        seen.append((left, door.levels(customer)))
    expected = [[level for level in (20, 5, 0) if left <= 10 * level] for left, _ in seen]
    assert [levels for _, levels in seen] == expected
    assert [20] in expected
    mails = door.mailed(customer)
    assert len(mails) == len(expected[-1])
    assert customer.key not in "".join(map(text_of, mails))
    assert customer.key not in str([told.body for told in door.receiver.told])


def test_the_last_credit_is_told_of(door: Door) -> None:
    """An answer that uses all that is left: the levels above are not told any more, and the mail says what to do."""
    customer = door.customer(1000)
    shown = door.gateway.account(customer.key)
    while True:
        door.upstream.play(costs(100_000))
        answer = customer.chat(max_tokens=10_000)
        if answer.status != 200:
            break
        shown = door.gateway.account(customer.key)
    assert shown["balance"]["available"] == 0
    levels = door.levels(customer)
    assert levels[-1] == 0
    assert sorted(levels, reverse=True) == levels
    last = [text for text in map(text_of, door.mailed(customer)) if "no credits left" in text]
    assert len(last) == 1
    assert f"{door.gateway.url}/checkout" in last[0]


@pytest.mark.parametrize("credits", [60, 300])
def test_eight_requests_at_once_tell_each_level_once(door: Door, credits: int) -> None:
    """However they interleave: no level twice, and the lowest that was reached is told."""
    customer = door.customer(credits)
    door.upstream.play(plain)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while [answer.status for answer in pool.map(lambda _: customer.chat(), range(AT_ONCE))].count(200):
            pass
    left = customer.until_nothing_is_held()["balance"]["available"]
    levels = door.levels(customer)
    reached = [level for level in (20, 5, 0) if left * 100 <= level * credits]
    assert levels[-1:] == reached[-1:]
    assert len(set(levels)) == len(levels) == len(door.mailed(customer))
    assert sorted(levels, reverse=True) == levels


def test_a_large_hold_crosses_nothing(door: Door) -> None:
    """While a request holds most credits nobody is told, whoever reads the account; nor when it gives them back."""
    customer, going_on = door.customer(100), threading.Event()

    def slow(call: Call) -> None:
        going_on.wait(20)
        plain(call)

    door.upstream.play(slow)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(customer.chat, max_tokens=10_000)
        wait_until(lambda: door.gateway.account(customer.key)["balance"]["held"], "a hold")
        held = door.gateway.account(customer.key)["balance"]
        assert held["held"] >= 40
        small = [drive(tidy.read(customer.ledger, customer.ledger_account().account_id)) for _ in range(2)]
        assert all("told" not in account.item for account in small)
        going_on.set()
        assert answer.result().status == 200
    assert customer.settled(CHAT_CREDITS)
    assert door.levels(customer) == []


def test_new_credits_arm_the_levels_again(door: Door) -> None:
    """After a purchase the levels are those of what there is then, and each is told once more."""
    customer = door.customer(100)
    spend(customer, 45)
    spend(customer, 27)
    spend(customer, 20)
    first = door.levels(customer)
    assert first
    account = customer.ledger_account()
    drive(
        journal.enter(
            customer.ledger, account.account_id, Entry(1000 * MICROCREDITS_PER_CREDIT, "purchase", account.account_id)
        )
    )
    account = customer.ledger_account()
    assert account.number("full") == account.available(time.time())
    assert "told" not in account.item
    assert door.levels(customer) == first
    while customer.ledger_account().available(time.time()) > 200 * MICROCREDITS_PER_CREDIT:
        spend(customer, 90)
    assert door.levels(customer)[len(first) :][0] == 20


def test_a_trial_that_ends_is_told_when_somebody_looks(door: Door) -> None:
    """Nothing is left then; its user is told once, though no request crossed anything."""
    customer = door.customer(100, lasts_s=2)
    spend(customer, 10)
    assert door.levels(customer) == []
    wait_until(lambda: not door.gateway.account(customer.key)["balance"]["available"], "the end of the trial")
    assert door.levels(customer) == [0]
    assert door.levels(customer) == [0]
    assert len(door.mailed(customer)) == 1


def test_eight_errands_at_once_tell_each_notice_once(door: Door) -> None:
    """On a real table as well: whoever leases it tells it."""
    customers = [door.customer(100, lasts_s=1) for _ in range(4)]
    wait_until(lambda: not any(customer.ledger_account().lots for customer in customers), "the end of the trials")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: door.errands(), range(AT_ONCE)))
    for customer in customers:
        assert [told["percent"] for told in door.told(customer)] == [0]
        assert len(door.mailed(customer)) == 1

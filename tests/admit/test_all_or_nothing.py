"""A request that is refused anywhere gives back what it took elsewhere; a limit of 0 asks nobody."""

import json
import secrets
from typing import Any, cast

import pytest

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.gate import Gate, Repeat
from functions.asgi import HttpExchange
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.errors import CreditsExhausted, FareboxError, KeyUsed, RateLimited, TooLarge, TooManyOpen
from functions.forward.llama import Prepared, prepare
from functions.ledger.account import Account
from functions.ledger.windows import Limit
from functions.projects.asking import Door as FrontDoor
from functions.projects.live import Lane, Projects
from functions.projects.project import KEY
from functions.story import Gateway, authenticate_and_admit
from tests.admit.test_totals import stored, values
from tests.forward.stage import CHAT, HELLO
from tests.ledger.arrange import Books, check

PLENTY = 10**12
BODY = json.dumps({"messages": HELLO, "max_tokens": 5}).encode()


def prepared(body: bytes = BODY) -> Prepared:
    return prepare(CHAT, body, 10, 10)


class Door:
    """A gate in a process of its own, in front of a project of its own."""

    def __init__(self, books: Books, limits: dict[str, Any]) -> None:
        self.books = books
        self.settings = settings_module.read({"RULES": json.dumps({"limits": {"project": {"hour": 3}} | limits})})
        self.ledger, self.store = books.process()
        self.callers = Callers()
        self.gate = Gate(self.ledger, rules.of(self.settings), self.callers, hold_expiry_s=60)
        self.scope = f"project/{secrets.token_hex(8)}"
        if self.gate.totals:
            self.gate.totals.shards = [(self.scope, *shard[1:]) for shard in self.gate.totals.shards]

    async def ask(self, key: str, body: bytes = BODY, repeat: Repeat | None = None) -> Any:
        caller = self.callers.remembered(key, 0) or await self.callers.look_up(self.ledger, key)
        return await self.gate.admit(caller, key, "m", prepared(body), repeat)

    async def project(self) -> list[int]:
        """The project's counters."""
        return list(values(await stored(self.books, self.scope), ""))


def front_door(door: Door) -> FrontDoor:
    """Who finds out who is asking, with this gate before the built-in project."""
    projects = Projects(door.settings, door.ledger, door.callers)
    projects.default._lanes[KEY] = Lane(projects.default, KEY, door.gate)
    return FrontDoor(projects, door.callers, cast(Any, None))  # nobody comes with a token


async def refused(door: Door, key: str, kind: type[FareboxError], **more: Any) -> None:
    with pytest.raises(kind):
        await door.ask(key, **more)


async def check_nothing_taken(books: Books, account: Account) -> None:
    after = await books.item(account)
    check(after)
    assert after.holds == {}
    assert set(after.counters.values()) <= {0}


async def test_an_account_without_credits_gives_the_project_its_room_back(books: Books) -> None:
    """402, ten times: not one of them counts for the project."""
    door = Door(books, {})
    key, account = await books.customer()
    for _ in range(10):
        await refused(door, key, CreditsExhausted)
    assert set(await door.project()) == {0}
    await check_nothing_taken(books, account)


async def test_a_full_project_gives_the_account_its_hold_back(books: Books) -> None:
    """429 for the project: credits, hold and windows of the account are as they were."""
    door = Door(books, {})
    rich, _ = await books.customer(paid=PLENTY)
    key, account = await books.customer(paid=PLENTY)
    for _ in range(3):
        await door.ask(rich)
    for _ in range(3):
        await refused(door, key, RateLimited)
    assert await door.project() == [3]
    await check_nothing_taken(books, account)
    assert (await books.item(account)).paid == PLENTY


async def test_a_full_window_of_the_account_gives_the_project_its_room_back(books: Books) -> None:
    """The account's own 429, or too many of its requests running: the project counts only what was admitted."""
    door = Door(books, {"user": {"day": 1}, "open_requests": 1})
    key, _ = await books.customer(paid=PLENTY)
    await door.ask(key)
    for _ in range(5):
        await refused(door, key, RateLimited)
    assert await door.project() == [1]
    other = Door(books, {"open_requests": 1})
    key, _ = await books.customer(paid=PLENTY)
    await other.ask(key)
    await refused(other, key, TooManyOpen)
    assert await other.project() == [1]


async def test_a_used_idempotency_key_gives_project_and_account_back(books: Books) -> None:
    """409: the request that came again is counted and held nowhere."""
    door = Door(books, {})
    key, account = await books.customer(paid=PLENTY)
    ticket = await door.ask(key, repeat=Repeat("once", BODY))
    await refused(door, key, KeyUsed, repeat=Repeat("once", BODY))
    assert await door.project() == [1]
    assert list((await books.item(account)).holds) == [ticket.admission.hold.hold_id]


async def test_a_ticket_given_back_leaves_nothing(books: Books) -> None:
    """What the provider never answered: project, account, windows and hold, all as before."""
    door = Door(books, {})
    key, account = await books.customer(paid=PLENTY)
    for _ in range(10):
        await door.gate.give_back(await door.ask(key))
    assert await door.project() == [0]
    await check_nothing_taken(books, account)


async def test_input_above_the_limit_is_counted_nowhere(books: Books) -> None:
    """413 comes before any window and any hold."""
    door = Door(books, {"input_tokens": 5})
    key, account = await books.customer(paid=PLENTY)
    await refused(door, key, TooLarge)
    assert await stored(books, door.scope) == {}
    await check_nothing_taken(books, account)


async def test_a_full_address_gives_project_and_account_back(books: Books) -> None:
    """An address is counted while the hold is taken; where it is full, hold and counts go back."""
    door = Door(books, {"user": {"minute": 9}})
    key, account = await books.customer(paid=PLENTY)
    address = Limit("m", 1, "requests a minute from one address")
    gateway = Gateway(
        settings=door.settings,
        ledger=door.ledger,
        upstream=cast(Any, None),  # it is never asked
        callers=door.callers,
        addresses=Addresses((address,)),
        door=front_door(door),
        connect=cast(Any, None),
        tally=cast(Any, None),
    )
    await door.callers.look_up(door.ledger, key)

    def exchange() -> HttpExchange:
        headers = {b"authorization": [f"Bearer {key}"]}
        made = HttpExchange(CHAT, headers, cast(Any, None), cast(Any, None))
        made.body, made.sent.scope = BODY, f"ip/{key}"
        return made

    await door.gate.give_back((await authenticate_and_admit(gateway, exchange())).ticket)
    gateway.addresses.seen.clear()  # as a process that has not seen this address
    with pytest.raises(RateLimited, match="from one address"):
        await authenticate_and_admit(gateway, exchange())
    assert await door.project() == [0]
    await check_nothing_taken(books, account)


@pytest.mark.parametrize(
    "limits",
    [
        *({"user": {period: 0}} for period in ("minute", "hour", "day", "week", "month", "total")),
        *({whose: {period: 0}} for whose in ("method", "project") for period in ("minute", "day", "month")),
    ],
    ids=str,
)
async def test_a_limit_of_0_refuses_without_asking_the_ledger(books: Books, limits: dict[str, Any]) -> None:
    """Nothing fits, which is known: no call is made, and the limit is named."""
    door = Door(books, limits)
    key, _ = await books.customer(paid=PLENTY)
    await door.callers.look_up(door.ledger, key)
    door.store.calls.clear()
    with pytest.raises(RateLimited, match=r"^Limit reached: 0 requests ") as refusal:
        await door.ask(key)
    assert door.store.calls == []
    assert ("retry-after" in refusal.value.headers) == ("total" not in str(limits))

"""Owners' links and sessions: each works for its time, a link once, and no table tells one."""

import asyncio
import re
from collections import Counter
from dataclasses import replace
from secrets import token_hex

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import sessions
from functions.ledger.store import Item
from tests.ledger.arrange import Books
from tests.ledger.faults import Fault, at

OWNER = f"{token_hex(6)}@farebox.test"
LASTS_S = 1800


async def test_a_link_is_worth_its_address_once(books: Books) -> None:
    """The second time, and for every other text, it is worth nothing."""
    token = await sessions.new_link(books.ledger, OWNER, LASTS_S)
    assert re.fullmatch(r"[\w-]{43}", token)
    for other in ("", token[:-1], token.swapcase(), "os-" + token, "link/x", "\ud800"):
        assert await sessions.use_link(books.ledger, other) is None
    assert await sessions.session(books.ledger, token) is None
    assert await sessions.use_link(books.ledger, token) == OWNER
    assert await sessions.use_link(books.ledger, token) is None


async def test_of_eight_who_open_a_link_at_once_one_is_signed_in(books: Books) -> None:
    """The deletion is the use: it succeeds for one."""
    token = await sessions.new_link(books.ledger, OWNER, LASTS_S)
    barrier = asyncio.Barrier(8)

    class Together:
        async def call(self, operation: str, request: Item) -> Item:
            await barrier.wait()
            return await books.ledger.store.call(operation, request)

    ledger = replace(books.ledger, store=Together())
    found = await asyncio.gather(*(sessions.use_link(ledger, token) for _ in range(8)))
    assert Counter(found) == {None: 7, OWNER: 1}


async def test_links_and_sessions_end_by_themselves(books: Books) -> None:
    """Until their last second they work, and after it they do not, though DynamoDB has not taken them away yet."""
    late = await sessions.new_link(books.ledger, OWNER, LASTS_S)
    link = await sessions.new_link(books.ledger, OWNER, LASTS_S)
    session = await sessions.new_session(books.ledger, OWNER, LASTS_S)
    books.clock.time_s += LASTS_S - 1
    assert await sessions.use_link(books.ledger, link) == OWNER
    assert await sessions.session(books.ledger, session) == OWNER
    books.clock.time_s += 1
    assert await sessions.use_link(books.ledger, late) is None
    assert await sessions.session(books.ledger, session) is None


async def test_a_session_lasts_until_it_is_ended(books: Books) -> None:
    """It is another for each sign-in; ending one twice is ending it, and ends no other."""
    first, second = [await sessions.new_session(books.ledger, OWNER, LASTS_S) for _ in range(2)]
    assert re.fullmatch(r"os-[\w-]{43}", first)
    assert first != second
    for _ in range(2):
        await sessions.end_session(books.ledger, first)
        assert await sessions.session(books.ledger, first) is None
    assert await sessions.session(books.ledger, second) == OWNER
    assert await sessions.use_link(books.ledger, second) is None


async def test_case_18_a_table_tells_no_link_and_no_session(books: Books) -> None:
    """Only hashes are stored, and a hash is worth nothing."""
    owner = f"{token_hex(6)}@farebox.test"
    link = await sessions.new_link(books.ledger, owner, LASTS_S)
    session = await sessions.new_session(books.ledger, owner, LASTS_S)
    found = await books.scan("claims", "email", owner)
    text = repr(found)
    assert len(found) == 2
    assert link not in text
    assert session[3:] not in text
    for item in found:
        identifier = item["claim_id"]["S"]
        assert int(item["ttl"]["N"]) > books.clock.now() + LASTS_S
        for stolen in (identifier, identifier.partition("/")[2]):
            assert await sessions.use_link(books.ledger, stolen) is None
            assert await sessions.session(books.ledger, stolen) is None


ASTRAY = pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])


@ASTRAY
async def test_case_04_a_link_whose_making_went_astray_is_made_once_and_used_once(books: Books, fault: Fault) -> None:
    """What arrives late or again, when it is used, is refused: it does not come back."""
    ledger, store = books.process(at(0, fault))
    token = await sessions.new_link(ledger, OWNER, LASTS_S)
    assert await sessions.use_link(books.ledger, token) == OWNER
    await store.deliver()
    await store.replay()
    assert await sessions.use_link(books.ledger, token) is None


@ASTRAY
async def test_case_04_a_link_whose_use_went_astray_is_used_once(books: Books, fault: Fault) -> None:
    """The use is recognised when it is sent again, so whoever opened the link is signed in; nobody else is."""
    token = await sessions.new_link(books.ledger, OWNER, LASTS_S)
    ledger, store = books.process(at(0, fault))
    assert await sessions.use_link(ledger, token) == OWNER
    await store.deliver()
    await store.replay()
    assert await sessions.use_link(books.ledger, token) is None


@ASTRAY
async def test_case_04_a_session_is_ended_though_the_answer_went_astray(books: Books, fault: Fault) -> None:
    """Ending is sent again until it is certain; without any answer it raises, as making and using do."""
    token = await sessions.new_session(books.ledger, OWNER, LASTS_S)
    ledger, _ = books.process(at(0, fault))
    await sessions.end_session(ledger, token)
    assert await sessions.session(books.ledger, token) is None
    never, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    for asked in (sessions.end_session(never, token), sessions.use_link(never, token)):
        with pytest.raises(LedgerUnavailable):
            await asked
    with pytest.raises(LedgerUnavailable):
        await sessions.new_session(never, OWNER, LASTS_S)

"""GET /account/receipts: pages, times, and what is refused; and the days of GET /account while one is closed."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from functions.accounts.view import account_view, receipt_view
from functions.ledger import ids, pages, tidy
from functions.ledger.receipts import Receipt
from functions.ledger.windows import DAY_S
from tests.accounts.reader import MIDNIGHT, Reader, new_reader
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.forward.stage import Stage
from tests.ledger.arrange import Books
from tests.ledger.test_days import use
from tests.stand import ROOT, RunningGateway, StartGateway, TestLedger

INEXACT = 1_079_999_028
"""A second with milliseconds that fall a little short as floats: int((INEXACT + 0.001) * 1000) ends in 000."""


def test_pages_walk_through_all_while_new_receipts_come(reader: Reader, upstream: ScriptedUpstream) -> None:
    """250 receipts, 37 a page, each seen once and newest first, though a request is made after every page."""
    upstream.play(plain)
    user = Stage(reader.gateway, upstream, reader.key)
    there = sorted(reader.put(*(MIDNIGHT + number // 3 for number in range(250))), reverse=True)
    seen: list[str] = []
    page = reader.page(limit=37)
    while True:
        seen += [receipt["id"] for receipt in page["data"]]
        assert user.chat().status == 200
        if not page["has_more"]:
            break
        assert len(page["data"]) == 37
        assert page["next"] == seen[-1]
        page = reader.page(limit=37, after=page["next"])
    assert seen == there
    assert page["next"] is None
    assert reader.ids(limit=8)[7] == there[0]  # the seven that were made in between come first


def test_the_newest_twenty_are_the_default_and_look_as_in_the_account(reader: Reader) -> None:
    """A page without parameters is what GET /account shows, in a list that says whether there is more."""
    there = reader.put(*range(MIDNIGHT, MIDNIGHT + 21), anomalies=("usage_zero",), shortfall=1, cost=1)
    page = reader.page()
    assert page["data"] == reader.gateway.account(reader.key)["receipts"]
    assert [receipt["id"] for receipt in page.pop("data")] == there[:0:-1]
    assert page == {"object": "list", "has_more": True, "next": there[1]}


def test_a_page_that_is_just_full_is_the_last(reader: Reader) -> None:
    """`has_more` is exact: no last page that turns out to be empty. An account without receipts has an empty one."""
    assert reader.page() == {"object": "list", "data": [], "has_more": False, "next": None}
    reader.put(*range(MIDNIGHT, MIDNIGHT + 20))
    page = reader.page()
    assert (len(page["data"]), page["has_more"], page["next"]) == (20, False, None)
    assert reader.page(limit=100)["data"] == page["data"]
    assert reader.page(limit=19)["has_more"]


NOON = MIDNIGHT + 12 * 3600
TIMES = [
    (MIDNIGHT, "2026-01-01"),
    (MIDNIGHT, str(MIDNIGHT)),
    (MIDNIGHT, "2026-01-01T00:00:00Z"),
    (MIDNIGHT, "2026-01-01T00:00:00.000000+00:00"),
    (MIDNIGHT, "2025-12-31T18:30:00-05:30"),
    (NOON, "2026-01-01T12:00Z"),
    (NOON, "2026-01-01T14:00:00+02:00"),
    (NOON, f"{NOON}"),
]


@pytest.mark.parametrize(("second", "text"), TIMES)
def test_from_includes_its_second_and_to_leaves_it_out(reader: Reader, second: int, text: str) -> None:
    """A date, a time with its zone and seconds since 1970 mean the same; one second before and after are told apart."""
    before, nearly, at, after = reader.put(second - 1, second - 0.001, second, second + 1)
    assert reader.ids(since=text) == [after, at]
    assert reader.ids(to=text) == [nearly, before]
    assert reader.ids(since=second - 1, to=text) == [nearly, before]
    assert reader.ids(since=text, to=second + 1) == [at]


def test_a_plus_that_was_not_encoded_is_still_a_plus(reader: Reader) -> None:
    """A zone pasted into a URL as it is, whose plus arrives as a space, is understood."""
    (identifier,) = reader.put(NOON)
    path = "/account/receipts?from=2026-01-01T14:00:00+02:00&to=2026-01-01T14:00:01+02:00"
    answer = reader.gateway.request("GET", path, key=reader.key)
    assert [receipt["id"] for receipt in answer.json()["data"]] == [identifier]


def test_times_are_exact_to_the_millisecond(reader: Reader) -> None:
    """Where a decimal fraction is no binary one, the bound still falls on its own millisecond."""
    for first, millisecond in [(MIDNIGHT, 1), (MIDNIGHT + 5, 57), (MIDNIGHT + 9, 999), (INEXACT, 21)]:
        before, at = reader.put(first + (millisecond - 0.5) / 1000, first + (millisecond + 0.5) / 1000)
        time = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        edge, later = f"{time}.{millisecond:03}Z", f"{time}.{millisecond:03}999Z"
        assert reader.ids(since=edge, to=first + 1) == [at]
        assert reader.ids(since=first, to=edge) == reader.ids(since=first, to=later) == [before]


def test_a_cursor_stays_within_the_range(reader: Reader) -> None:
    """A walk through a range ends with the range, and a cursor from outside of it leads to nothing outside."""
    there = reader.put(*range(MIDNIGHT, MIDNIGHT + 10))
    asked = {"since": MIDNIGHT + 3, "to": MIDNIGHT + 7, "limit": 2}
    first = reader.page(**asked)
    second = reader.page(**asked, after=first["next"])
    assert [receipt["id"] for receipt in first["data"] + second["data"]] == there[6:2:-1]
    assert (first["has_more"], second["has_more"], second["next"]) == (True, False, None)
    assert reader.ids(**asked, after=there[8]) == there[6:4:-1]
    assert reader.ids(**asked, after=there[3]) == reader.ids(**asked, after=there[1]) == []


def test_a_cursor_need_not_be_there(reader: Reader) -> None:
    """A cursor is a position: it works for a receipt that has gone, and for one that never was."""
    there = reader.put(MIDNIGHT, MIDNIGHT + 2)
    assert reader.ids(after=ids.first_at(MIDNIGHT + 1) + "z" * 9) == there[:1]
    assert reader.ids(after="0" * 18) == []
    assert reader.ids(after="z" * 18) == there[::-1]


def test_anothers_cursor_shows_nothing_of_theirs(reader: Reader, front: RunningGateway) -> None:
    """Only the caller's own receipts, whatever position is named."""
    other = new_reader(front)
    theirs = other.put(*range(MIDNIGHT, MIDNIGHT + 5))
    assert reader.ids(after=theirs[4]) == reader.ids(after=theirs[0]) == reader.ids() == []
    mine = reader.put(MIDNIGHT + 1, MIDNIGHT + 9)
    assert reader.ids(after=theirs[4]) == mine[:1]
    assert reader.get(format="csv", after=theirs[4]).body.count(b"\r\n") == 2


CURSOR = "1" * 18
WRONG = {
    # the fourth is an Arabic 3
    "limit": "limit=0 limit=101 limit=-1 limit=%D9%A3 limit= limit=2.0 limit=5&limit=5",
    "after": f"after= after=x after={CURSOR}0 after={CURSOR[1:]}%20 after={CURSOR[1:]}U after={CURSOR}&after={CURSOR}",
    # no time, no zone, no such day, no such hour, no time but a zone
    "from": "from=yesterday from= from=2026-01-01T00:00:00 from=2026-02-30 from=2026-01-01T25:00Z from=2026-01-01Z "
    # 1970 as seconds and 2026 as a date, before 1970, milliseconds, twice, nothing in between
    "from=20260101 from=-1 from=1969-12-31 from=1767225600000 from=2026-01-01&from=2026-01-02 "
    "from=2026-01-02&to=2026-01-01 from=2026-01-01&to=2026-01-01",
    "to": "to=9999-12-31 to=3000-01-01 to=1e9 to=nan",
    "format": "format=xml format=CSV format= format=csv&format=json",
    "offset": "offset=5",
    "Limit": "Limit=5",
    "account_id": "account_id=default/1",
    "x": "format=csv&x=",
}


@pytest.mark.parametrize("param", WRONG)
def test_a_wrong_parameter_is_named(reader: Reader, param: str) -> None:
    """What is unknown, wrong or there twice is refused by name, never ignored, in the shape of every error."""
    for query in WRONG[param].split():
        answer = reader.gateway.request("GET", f"/account/receipts?{query}", key=reader.key)
        assert (answer.status, answer.error["param"]) == (400, param), query
        assert answer.error["type"] == "invalid_request_error"
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("key", ["", "sk-" + "A" * 43, "sk-…"])
def test_without_a_key_there_is_nothing_to_learn(front: RunningGateway, key: str) -> None:
    """401 without a valid key, in the same words with right and with wrong parameters, and for CSV."""
    headers = {"Authorization": f"Bearer {quote(key)}"} if key else {}
    for query in ("", "?limit=5", "?limit=0", "?format=csv", "?x=1"):
        answer = front.request("GET", f"/account/receipts{query}", headers=headers)
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_receipts_are_only_looked_at(reader: Reader, method: str) -> None:
    """No receipt can be changed or deleted by who it is about."""
    answer = reader.gateway.request(method, "/account/receipts", {"cost": 0}, key=reader.key)
    assert answer.status == 405


def test_a_page_counts_as_any_look_at_the_account(start_gateway: StartGateway) -> None:
    """An address has so many looks a minute in all; receipts are no way around it."""
    gateway = start_gateway(INFERENCE_IP_RATE_LIMIT="3")
    reader = new_reader(gateway)
    assert [reader.get().status, reader.get(format="csv").status, reader.get().status] == [200, 200, 429]


def test_the_documentation_names_every_field() -> None:
    """The table in docs/receipts.md has the fields of a receipt, in their order, and no others."""
    text = (ROOT / "docs/receipts.md").read_text()
    table = text[text.index("| field |") : text.index("## ", text.index("| field |"))]
    shown = receipt_view(Receipt("default/1", "1m80", 5, 6, "cut", 7, 8))
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(shown)


async def test_a_day_that_is_closed_while_a_page_is_made_counts_once(ledger: TestLedger) -> None:
    """The account was read, then another reader moved the day to its table: the page shows the day once."""
    books = Books(ledger)
    account = await use(books, await books.account(50_000), 3)
    day = int(books.clock.now()) // DAY_S
    expected = [pages.DayTotals(day, 3, 9, 12, 900)]
    assert books.days(account) == expected
    books.clock.time_s += 2 * DAY_S
    await tidy.read(books.ledger, account.account_id)
    assert account.days  # as it was read before the move
    assert books.days(account) == expected
    (shown,) = account_view(account, books.clock.now())["use"]
    assert (shown["requests"], shown["input_tokens"], shown["output_tokens"]) == (3, 9, 12)


async def test_a_day_that_is_closed_and_used_again_counts_both(ledger: TestLedger) -> None:
    """The day was moved and a settle that came late opened it again: an older view does not hide either part."""
    books = Books(ledger)
    before = await use(books, await books.account(50_000), 2)
    day = int(books.clock.now()) // DAY_S
    books.clock.time_s += 2 * DAY_S
    after = await tidy.read(books.ledger, before.account_id)
    books.clock.time_s -= 2 * DAY_S
    after = await use(books, after)
    expected = [pages.DayTotals(day, 3, 9, 12, 900)]
    assert books.days(before) == books.days(after) == expected

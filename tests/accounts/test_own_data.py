"""A user's own data: kept in one document, and deleted, through the front door."""

import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.accounts import export
from functions.ledger import audit, journal, leftovers
from functions.ledger.tables import TABLES, drive
from tests.accounts.reader import MIDNIGHT, Reader, new_reader
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, plain, usage
from tests.forward.stage import CHAT, Stage, ledger_of, new_key
from tests.stand import Answer, RunningGateway

HELLO = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}


def stored(gateway: RunningGateway) -> str:
    """All that all tables tell."""
    ledger, told = ledger_of(gateway), list[Any]()
    for model in TABLES:
        table = ledger.table(model.__name__.lower())
        request: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            page = drive(ledger.read("Scan", request))
            told += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            request |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return json.dumps(told)


def delete(gateway: RunningGateway, key: str, **body: Any) -> Answer:
    return gateway.request("DELETE", "/account", body, key=key)


def own_number(gateway: RunningGateway, key: str) -> int:
    return int(gateway.account(key)["user_id"])


def is_whole(gateway: RunningGateway, *numbers: int) -> bool:
    ledger = ledger_of(gateway)
    found = [drive(audit.audit_account(ledger, f"default/{n}", full=full)) for n in numbers for full in (False, True)]
    return all(finding.mismatches == () for finding in found)


def test_from_registration_to_deletion_and_back(front: RunningGateway, upstream: ScriptedUpstream) -> None:
    """The key is dead in the next request, no table tells the address, and no second trial comes of it."""
    name = f"leaver.{secrets.token_hex(6)}"
    email = f"{name}+news@farebox.test"
    upstream.play(plain)
    old = front.register(email)
    assert front.request("POST", CHAT, HELLO, key=old).status == 200
    key = front.register(email)
    assert front.request("POST", CHAT, HELLO, key=key).status == 200
    replaced, key = key, front.register(email)
    number = own_number(front, key)
    entry = journal.Entry(70_000, "adjustment", f"for {email}", None, "operator", f"{name} was patient")
    drive(journal.enter(ledger_of(front), f"default/{number}", entry))
    assert name in stored(front)
    answer = delete(front, key, user_id=number)
    assert (answer.status, answer.json()) == (200, {"user_id": number, "deleted": True, "finished": True})
    for dead in (old, replaced, key):
        assert front.request("GET", "/account", key=dead).status == 401
        assert front.request("POST", CHAT, HELLO, key=dead).status == 401
        assert delete(front, dead, user_id=number).status == 401
    assert name not in stored(front)
    again = front.register(email)
    shown = front.account(again)
    assert (shown["balance"]["available"], shown["balance"]["trial"], shown["receipts"], shown["use"]) == (0, 0, [], [])
    assert shown["user_id"] != number
    assert front.request("POST", CHAT, HELLO, key=again).status == 402
    assert is_whole(front, number, shown["user_id"])
    assert name not in front.log.read_text()


@pytest.mark.parametrize("other", [0, 1, -1, "", "me", None, True, 1.5, [], {}, "the next user's"])
def test_only_ones_own_number_deletes(front: RunningGateway, other: Any) -> None:
    """Another's, or none: 400 that names it, and nothing is changed."""
    key, stranger = new_key(front), new_key(front)
    given = own_number(front, stranger) if other == "the next user's" else other
    answer = delete(front, key, user_id=given)
    assert (answer.status, answer.error["param"]) == (400, "user_id")
    assert own_number(front, key)
    assert own_number(front, stranger)


@pytest.mark.parametrize(
    ("query", "body", "param"), [("", {}, "user_id"), ("", {"why": "x"}, "why"), ("?all=1", {}, "all")]
)
def test_case_20_what_is_not_asked_for_is_refused_by_name(
    front: RunningGateway, query: str, body: dict[str, Any], param: str
) -> None:
    """Fields and parameters: 400, and nothing is deleted or told."""
    key = new_key(front)
    number = {} if param == "user_id" else {"user_id": own_number(front, key)}
    answer = front.request("DELETE", f"/account{query}", body | number, key=key)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert front.account(key)
    assert front.request("GET", "/account/export?everybody=1", key=key).error["param"] == "everybody"


def test_deleting_at_once_deletes_once(front: RunningGateway) -> None:
    """Whoever comes second finds it gone, or is told the same."""
    key = new_key(front)
    number = own_number(front, key)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: delete(front, key, user_id=number), range(6)))
    assert {answer.status for answer in answers} <= {200, 401}
    assert front.request("GET", "/account", key=key).status == 401
    assert is_whole(front, number)


def test_a_stream_that_runs_goes_on_and_is_charged(front: RunningGateway, upstream: ScriptedUpstream) -> None:
    """Its answer is complete; what it held and did not need is forfeited by the night, and its receipt goes then."""
    user = Stage(front, upstream, new_key(front))
    number, ledger = own_number(front, user.key), ledger_of(front)
    began, may_end = threading.Event(), threading.Event()

    def slowly(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        began.set()
        assert may_end.wait(30)
        for event in (chunk("lo."), chunk(), chunk(choices=[], usage=usage(5, 2))):
            call.event(event)
        call.write(b"data: [DONE]\n\n")

    upstream.play(slowly)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(user.post, HELLO | {"stream": True})
        try:
            assert began.wait(30)
            told = delete(front, user.key, user_id=number)
            assert told.json() == {"user_id": number, "deleted": True, "finished": False}
            assert is_whole(front, number)
        finally:
            may_end.set()
        answer = running.result()
    assert b"lo." in answer.body
    assert answer.body.rstrip().endswith(b"[DONE]")
    upstream.play(plain)
    assert drive(leftovers.finish(ledger, f"default/{number}"))
    assert is_whole(front, number)
    assert f'"default/{number}"' not in json.dumps(_rows(front, "receipts"))


def _rows(gateway: RunningGateway, table: str) -> list[Any]:
    ledger = ledger_of(gateway)
    return list(drive(ledger.read("Scan", {"TableName": ledger.table(table), "ConsistentRead": True}))["Items"])


def test_an_export_says_all_there_is(reader: Reader) -> None:
    """Account, balance, journal, orders, days, keys, top-up, receipts; as a file, for nobody to keep on the way."""
    put = reader.put(MIDNIGHT, MIDNIGHT + 60)
    answer = reader.gateway.request("GET", "/account/export", key=reader.key)
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="farebox-account-')
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")
    told, shown = answer.json(), reader.gateway.account(reader.key)
    parts = {"exported", "account", "balance", "journal", "orders", "top_up", "keys", "days"}
    assert set(told) == parts | {"receipts", "receipts_next"}
    assert (told["account"]["user_id"], told["account"]["email"]) == (shown["user_id"], shown["email"])
    assert {name: told["balance"][name] for name in shown["balance"]} == shown["balance"]
    assert [entry["reason"] for entry in told["journal"]] == ["trial"]
    assert [one["id"] for one in told["receipts"]] == put[::-1]
    assert told["receipts_next"] is None
    (key,) = told["keys"]
    assert reader.key.startswith(key["shown"])
    assert reader.key not in answer.body.decode()


def test_an_export_of_very_many_receipts_says_where_to_go_on(front: RunningGateway) -> None:
    """The document stays below what Lambda hands over; the rest are pages of GET /account/receipts."""
    reader = new_reader(front)
    made = reader.put(*range(MIDNIGHT, MIDNIGHT + 9_000), price="x" * 300)
    answer = front.request("GET", "/account/export", key=reader.key)
    assert len(json.dumps(answer.body.decode())) <= export.BYTES_MAX + 2
    told = answer.json()
    shown = [one["id"] for one in told["receipts"]]
    assert shown == made[::-1][: len(shown)]
    assert 1_000 < len(shown) < 9_000
    assert told["receipts_next"] == shown[-1]
    assert reader.ids(after=told["receipts_next"], limit=1) == [made[::-1][len(shown)]]
    assert delete(front, reader.key, user_id=told["account"]["user_id"]).json()["deleted"]

"""DynamoDB over HTTP when the other side misbehaves: each way ends in one of the ledger's own errors (case 8)."""

import asyncio
import inspect
import json
import time
from functools import partial
from typing import Any, cast

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from functions import settings as settings_module
from functions.errors import LedgerUnavailable
from functions.ledger import pages, tables
from functions.ledger.account import Account
from functions.ledger.dynamodb import DynamoDB, endpoint_of, keys_from
from functions.ledger.http import ANSWER_BYTES_MAX, IDLE_S_MAX, Endpoint
from functions.ledger.store import Ambiguous, NotApplied, Refused, Rejected, StoreError
from functions.ledger.tables import Synchronous, drive
from functions.signature import Signer
from tests import stand
from tests.ledger.raw_server import Answer, hang_up, http, raw_server, reset, silence, then_close

GOOD = http(200, b'{"Attributes":{}}')
CONDITION = http(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"a":{}}}')

AMBIGUOUS: dict[str, Answer] = {
    "no answer": silence,
    "hang-up": hang_up,
    "reset": reset,
    "half an answer": then_close(GOOD[:-5]),
    "half a head": then_close(GOOD[:20]),
    "no HTTP": then_close(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no HTTP, kept open": b"\x00\xff\x15\x03\x01",
    "no JSON": http(200, b"<html>Service Unavailable</html>"),
    "an error that is no JSON": http(400, b"<html>Bad Request</html>"),
    "no UTF-8": http(200, b'{"a":"\xff\xfe"}'),
    "nothing at all": http(200, b""),
    "a list": http(200, b"[]"),
    "an error as a list": http(400, b'["ConditionalCheckFailedException"]'),
    "null": http(500, b"null"),
    "a number": http(503, b"1"),
    "deep nesting": http(200, b"[" * 100_000),
    "a failure": http(500, b'{"__type":"InternalServerError"}'),
    "a proxy's failure": http(502, b""),
    "another protocol": http(101, b"", b"upgrade: websocket", b"connection: upgrade"),
    "a chunk of no length": then_close(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    "more than there can be": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b" " * (ANSWER_BYTES_MAX + 1),
}


def dynamodb(url: str, timeout_s: float = 0.5) -> DynamoDB:
    endpoint, host = endpoint_of(url, "us-east-1")
    return DynamoDB(Endpoint(endpoint, timeout_s), Signer(host, "us-east-1", keys_from("id", "secret", "")))


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_case_08_an_answer_that_says_nothing_certain_is_ambiguous(answer: Answer) -> None:
    """Resets, silence and garbage: sent once, and nobody claims to know whether it was applied."""
    async with raw_server(answer) as server:
        with pytest.raises(Ambiguous):
            await dynamodb(server.url).call("UpdateItem", {"TableName": "t"})
        assert server.requests == [b'{"TableName":"t"}'], "nothing is ever sent again"


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_a_connection_that_failed_is_not_used_again(answer: Answer) -> None:
    """What one call left behind on a connection never becomes the answer to the next."""
    async with raw_server(answer, GOOD) as server:
        store = dynamodb(server.url)
        with pytest.raises(Ambiguous):
            await store.call("UpdateItem", {})
        assert await store.call("GetItem", {}) == {"Attributes": {}}


async def test_case_08_a_table_that_cannot_be_reached_was_never_asked() -> None:
    """Refused connections are certain: the write can be sent again."""
    with pytest.raises(NotApplied):
        await dynamodb(f"http://127.0.0.1:{stand.free_port()}").call("UpdateItem", {})


async def test_an_error_of_dynamodb_is_read_with_its_item() -> None:
    """The namespace is cut from the code, and the item that refused comes along."""
    async with raw_server(CONDITION) as server:
        with pytest.raises(Refused) as refused:
            await dynamodb(server.url).call("UpdateItem", {})
        assert refused.value.item == {"a": {}}


async def test_connections_are_kept_and_a_closed_one_is_replaced() -> None:
    """Calls after each other share a connection; one that the server closed while idle costs nobody an error."""
    async with raw_server(GOOD) as server:
        store = dynamodb(server.url)
        for _ in range(3):
            await store.call("GetItem", {})
        assert len(store.endpoint.idle) == 1
        (kept,) = store.endpoint.idle
        kept.connection_lost(None)
        await store.call("GetItem", {})
        assert kept not in store.endpoint.idle
        closing = http(200, b"{}", b"connection: close")
        server.answers = [closing]
        await store.call("GetItem", {})
        assert store.endpoint.idle == []
        assert store.endpoint.count == 0


async def test_a_connection_that_was_asked_long_ago_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may be frozen between a question and its answer: when it reads that, the other side may be gone."""
    clock, over = [time.time()], asyncio.Event()
    monkeypatch.setattr("functions.ledger.http.time.time", lambda: clock[0])

    async def late(writer: asyncio.StreamWriter) -> None:
        clock[0] += IDLE_S_MAX
        writer.write(GOOD)
        await over.wait()

    async with raw_server(late, GOOD) as server:
        store = dynamodb(server.url)
        await store.call("UpdateItem", {})
        (frozen,) = store.endpoint.idle
        await store.call("UpdateItem", {})
        assert frozen not in store.endpoint.idle
        assert (len(store.endpoint.idle), store.endpoint.count) == (1, 1)
        over.set()


async def test_calls_at_once_never_get_each_other_s_answers() -> None:
    """Each answer belongs to the request on its connection."""
    async with raw_server(GOOD) as server:
        asked = [f"table {number}" for number in range(100)]

        async def echo(writer: asyncio.StreamWriter) -> None:
            body = json.loads(server.requests[-1])
            await asyncio.sleep(0.01)
            writer.write(http(200, json.dumps({"TableName": body["TableName"]}).encode()))
            await writer.drain()

        server.answers = [echo]
        store = dynamodb(server.url, 10)
        answers = await asyncio.gather(*(store.call("GetItem", {"TableName": name}) for name in asked))
        assert [answer["TableName"] for answer in answers] == asked


BOTOCORE = [
    error
    for _, error in inspect.getmembers(botocore.exceptions, inspect.isclass)
    if issubclass(error, BotoCoreError) and not issubclass(error, ClientError)
]


@pytest.mark.parametrize("error", BOTOCORE, ids=lambda error: error.__name__)
def test_every_exception_of_botocore_becomes_one_of_the_store_s(error: type[BotoCoreError]) -> None:
    """The synchronous store lets nothing of botocore through, whatever a later version raises."""

    class Client:
        def update_item(self, **request: Any) -> None:
            raise error.__new__(error)

    store = Synchronous(settings_module.read({"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}))
    store.connection = cast(Any, type("Connection", (), {"client": Client()}))
    with pytest.raises((NotApplied, Ambiguous)):
        drive(store.call("UpdateItem", {}))


SYNCHRONOUS: list[tuple[Answer, type[StoreError]]] = [
    (hang_up, Ambiguous),
    (reset, Ambiguous),
    (silence, Ambiguous),
    (http(500, b'{"__type":"InternalServerError"}'), Ambiguous),
    (http(400, b'{"__type":"x#ThrottlingException","message":"slow"}'), NotApplied),
    (http(400, b'{"__type":"x#ResourceNotFoundException","message":"none"}'), Rejected),
    (CONDITION, Refused),
]


@pytest.mark.parametrize(("answer", "expected"), SYNCHRONOUS)
async def test_case_08_the_synchronous_store_sends_once_and_says_the_same(
    answer: Answer, expected: type[StoreError]
) -> None:
    """PynamoDB and botocore retry by default; here they must not: one request, one error of ours."""
    async with raw_server(answer) as server:
        variables = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "LEDGER_TIMEOUT_S": "0.5"}
        store = Synchronous(settings_module.read(variables | {"DYNAMODB_ENDPOINT_URL": server.url}))
        request = {"TableName": "t", "Key": {"k": {"S": "v"}}}
        with pytest.raises(expected) as raised:
            await asyncio.to_thread(drive, store.call("UpdateItem", request))
        assert len(server.requests) == 1
        if isinstance(raised.value, Refused):
            assert raised.value.item == {"a": {}}


BROKEN: list[Answer] = [hang_up, silence, http(500, b'{"__type":"InternalServerError"}')]


@pytest.mark.parametrize("answer", BROKEN, ids=["hang-up", "no answer", "a failure"])
@pytest.mark.parametrize("page", ["receipts", "days"])
async def test_case_08_a_page_that_cannot_be_read_is_unavailable(page: str, answer: Answer) -> None:
    """PynamoDB's queries end in 503 like everything else, and are sent once."""
    account = Account({"account_id": {"S": "default/1"}})
    async with raw_server(answer) as server:
        variables = stand.environment(server.url, "broken-", LEDGER_TIMEOUT_S="0.5")
        tables.bind(settings_module.read(variables))
        read = partial(pages.recent_receipts, "default/1", 20) if page == "receipts" else None
        with pytest.raises(LedgerUnavailable):
            await asyncio.to_thread(read or partial(pages.recent_days, account, 1, 2))
        assert len(server.requests) == 1


def test_tables_share_one_connection() -> None:
    """A function that answers in one piece makes one client of AWS, whatever tables it reads: each takes 50 ms."""
    settings = settings_module.read({"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"})
    store = tables.Synchronous(settings)
    tables.bind(settings, store.connection)
    try:
        connections = [model._get_connection() for model in tables.TABLES]
        assert all(table.connection is store.connection for table in connections)
        assert [table.get_meta_table().table_name for table in connections] == [
            settings.table_prefix + model.__name__.lower() for model in tables.TABLES
        ]
    finally:
        tables.bind(settings)

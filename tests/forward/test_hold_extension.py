"""A stream whose hold nears its end goes on to what the credits cover in all; it is ended where there are none."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.forward.llama import prepare
from functions.ledger.store import Item
from functions.ledger.tables import drive
from tests import stand
from tests.forward.raw_client import RawClient, raw_client, request
from tests.forward.scripted_upstream import DONE, WAIT_S, ScriptedUpstream
from tests.forward.stage import CHAT, Stage, ledger_of, new_key
from tests.forward.tapped import INPUT, STREAM, USAGE_ASKED, Proxied, is_extension, taps, told
from tests.ledger.arrange import check
from tests.ledger.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from tests.stand import wait_until

CREDITS = 20_000
FIRST = CREDITS // 2


@pytest.fixture(scope="module")
def through_proxy(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[stand.RunningGateway, FaultyProxy]]:
    with (
        faulty_proxy(dynamodb_url) as proxy,
        stand.gateways(dynamodb_url, tmp_path_factory.mktemp("extension")) as start,
    ):
        yield start(LLAMA_BASE_URL=upstream.url, DYNAMODB_ENDPOINT_URL=proxy.url, LEDGER_TIMEOUT_S="0.6"), proxy


@pytest.fixture
def stage(through_proxy: tuple[stand.RunningGateway, FaultyProxy], upstream: ScriptedUpstream) -> Proxied:
    """An account of which one stream holds the half."""
    gateway, proxy = through_proxy
    proxy.disarm()
    return Proxied(gateway, upstream, new_key(gateway, CREDITS), CREDITS, proxy=proxy)


LENGTH = b'"finish_reason":"length"'


@pytest.mark.parametrize(
    "counts",
    [[100, 8000, 9000, 12_000, 13_000], [9999, 14_990, 17_000], [19_000], [8100, 19_990]],
    ids=["little by little", "to the edge", "at one blow", "by more than one extension brings"],
)
def test_a_stream_goes_on_to_what_the_credits_cover(stage: Proxied, counts: list[int]) -> None:
    """What it needs beyond its first hold is taken while it runs: it is complete, and its cost is exact."""
    (tap,) = taps(stage.upstream)
    end = told(stage, tap, counts)
    assert DONE in end
    assert LENGTH not in end
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["credits"]) == ("completed", INPUT + counts[-1])
    assert receipt["held"] >= receipt["credits"]
    assert receipt["held"] > FIRST
    assert (receipt["shortfall"], receipt["anomalies"]) == (0, [])


def test_a_stream_is_ended_where_all_credits_are_used_up(stage: Proxied) -> None:
    """It takes the last credit there is, then ends with `length`, its usage and [DONE]; the balance is 0, not below."""
    (tap,) = taps(stage.upstream)
    end = told(stage, tap, list(range(1000, CREDITS + 1000, 1000)), USAGE_ASKED)
    assert end.count(LENGTH) == end.count(DONE) == 1
    assert b'"completion_tokens":%d' % CREDITS in end
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["credits"], receipt["held"]) == ("cut", CREDITS, CREDITS)
    assert stage.balance()["available"] == 0


def test_a_stream_is_not_extended_where_another_holds_the_rest(stage: Proxied) -> None:
    """Nothing is free: the stream ends with `length` at its hold, and the other one has all it was given."""
    first, second = taps(stage.upstream, 2)
    body = USAGE_ASKED | {"messages": [{"role": "user", "content": "x" * FIRST}]}
    with raw_client(stage.gateway.url) as other, raw_client(stage.gateway.url) as client:
        client.post(CHAT, USAGE_ASKED, stage.key, "Connection: close")
        first.make(10)
        client.read_until(b"<10>")
        other.post(CHAT, body, stage.key, "Connection: close")
        second.make(20)
        other.read_until(b"<20>")
        assert stage.balance()["available"] == 0
        first.make(7000, 8500, 9990, FIRST + 10)
        events = client.rest()
        assert b"<9990>" in events
        assert events.count(b'"finish_reason":"length"') == 1
        assert b'"completion_tokens":%d' % (FIRST + 10) in events
        second.make(FIRST - 10, 0)
        assert other.rest().count(b"data: [DONE]") == 1
    wait_until(lambda: stage.held() == 0, "both are settled")
    cut, completed = sorted(stage.account()["receipts"], key=lambda receipt: str(receipt["outcome"]), reverse=True)
    assert (cut["outcome"], cut["credits"], cut["held"]) == ("cut", FIRST, FIRST)
    assert (completed["outcome"], completed["credits"]) == ("completed", INPUT + FIRST - 10)
    check(stage.ledger_account())


def test_a_hold_never_grows_beyond_what_the_request_can_cost(stage: Proxied) -> None:
    """With credits left, a provider that makes more than it was asked for is paid for what was asked, and ended."""
    body = STREAM | {"max_tokens": 14_000}
    upper = prepare(CHAT, request(CHAT, body).partition(b"\r\n\r\n")[2], 2048, 256).input_bound + 14_000
    (tap,) = taps(stage.upstream)
    assert LENGTH in told(stage, tap, [9000, 13_900, 15_000], body)
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["held"], receipt["credits"]) == ("cut", upper, upper)


@pytest.mark.parametrize(("limit", "made"), [(5000, 4900), (100_000, 7000)], ids=["holds all it can cost", "is short"])
def test_a_stream_that_does_not_need_more_takes_no_more(stage: Proxied, limit: int, made: int) -> None:
    """Where the hold is all a request can cost, or is used by less than 80 %, the account is not written again."""
    (tap,) = taps(stage.upstream)
    stage.proxy.arm(is_extension, Fault.REPLAY, 100)
    assert DONE in told(stage, tap, [100, made], STREAM | {"max_tokens": limit})
    assert stage.proxy.struck == 0
    assert stage.settled()["credits"] == INPUT + made


@pytest.mark.parametrize("change", [{"state": {"S": "blocked"}}, {"debt": {"N": "1"}}], ids=["blocked", "in debt"])
def test_an_account_that_was_blocked_meanwhile_is_not_extended(stage: Proxied, change: Item) -> None:
    """Its stream goes on to the end of what it holds, and is ended there."""
    (tap,) = taps(stage.upstream)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key, "Connection: close")
        tap.make(10)
        client.read_until(b"<10>")
        ((name, value),) = change.items()
        ledger = ledger_of(stage.gateway)
        key = {"account_id": {"S": stage.ledger_account().account_id}}
        names = {"ExpressionAttributeNames": {"#n": name}, "ExpressionAttributeValues": {":v": value}}
        where = {"TableName": ledger.table("accounts"), "Key": key, "UpdateExpression": "SET #n = :v"}
        drive(ledger.write("UpdateItem", where | names))
        tap.make(8500, 9900, FIRST + 1)
        assert b'"length"' in client.rest()
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["credits"], receipt["held"]) == ("cut", FIRST, FIRST)


FAULTS = [fault for fault in Fault if fault is not Fault.BLOCK]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name.lower() for fault in FAULTS])
def test_case_04_one_fault_at_an_extension_changes_no_balance(stage: Proxied, fault: Fault) -> None:
    """Lost, late, doubled or refused: the stream is complete, its cost exact, and nothing stays held."""
    (tap,) = taps(stage.upstream)
    stage.proxy.arm(is_extension, fault)
    end = told(stage, tap, [10, 9000, 9500, 11_000])
    assert stage.proxy.struck == 1, "the fault met nothing"
    assert DONE in end
    assert LENGTH not in end
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["credits"], receipt["held"]) == ("completed", INPUT + 11_000, 15_000)


@pytest.mark.parametrize("number", [1, 2], ids=["the first", "the second"])
def test_events_go_on_while_a_hold_is_extended(stage: Proxied, number: int) -> None:
    """Near the end of the hold, not at it: while the ledger does not answer, what is covered is passed on."""
    (tap,) = taps(stage.upstream)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key, "Connection: close")
        hold = FIRST
        if number == 2:
            tap.make(9000)
            wait_until(lambda: stage.held() == 15_000, "the first extension", WAIT_S)
            tap.make(9010, 9020)
            client.read_until(b"<9020>")
            hold = 15_000
        stage.proxy.arm(is_extension, Fault.BLOCK, 3)
        tap.make(hold * 9 // 10)
        assert stage.proxy.blocked.wait(WAIT_S), "no extension near the end of the hold"
        for count in (hold - 200, hold - 100):
            tap.make(count)
            client.read_until(b"<%d>" % count)
        assert stage.held() == hold
        stage.proxy.disarm()
        tap.make(hold + 1000, 0)
        assert b"[DONE]" in client.rest()
    assert stage.settled()["credits"] == INPUT + hold + 1000


@pytest.mark.parametrize("fault", [Fault.DELAY_ANSWER, Fault.BLOCK, Fault.LATE], ids=["applied", "lost", "late"])
@pytest.mark.parametrize("count", [9000, FIRST + 500], ids=["beside it", "waiting for it"])
def test_case_28_a_client_that_leaves_during_an_extension(stage: Proxied, count: int, fault: Fault) -> None:
    """Charged what came, up to what is held; the hold is resolved with all that the extension took."""
    (tap,) = taps(stage.upstream)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key)
        tap.make(10)
        client.read_until(b"<10>")
        stage.proxy.arm(is_extension, fault)
        tap.make(count)
        client.read_until(b"<%d>" % count)
        wait_until(lambda: stage.proxy.struck == 1, "the extension is on its way")
    receipt = stage.settled()
    assert (receipt["outcome"], receipt["credits"]) == ("client_left", INPUT + count)
    tap.make(0)  # to nobody


def streamed(stage: Stage, number: int) -> RawClient:
    client = RawClient(stage.gateway.url)
    client.post(CHAT, STREAM, stage.key, "Connection: close")
    wait_until(lambda: len(stage.upstream.calls) == number, "the provider got the request")
    return client


def test_case_02_streams_that_extend_at_once_never_take_more_than_there_is(stage: Proxied) -> None:
    """Six streams want ten times the credits: each ends properly, all is charged, and the balance is never below 0."""
    tapped = taps(stage.upstream, 6)
    clients = [streamed(stage, number + 1) for number in range(6)]
    rest: list[Callable[[], bytes]] = [client.rest for client in clients]
    with ThreadPoolExecutor(6) as pool:
        ends = [pool.submit(read) for read in rest]
        for count in range(500, 30_000, 500):
            for tap in tapped:
                tap.make(count)
        assert all(end.result(WAIT_S).endswith(b"0\r\n\r\n") for end in ends)
    wait_until(lambda: stage.held() == 0, "all are settled")
    account = stage.ledger_account()
    check(account)
    assert account.available(0) >= 0
    receipts = stage.account()["receipts"]
    assert [receipt["outcome"] for receipt in receipts] == ["cut"] * 6
    assert all(receipt["credits"] == receipt["held"] for receipt in receipts)
    assert sum(receipt["credits"] for receipt in receipts) == CREDITS == stage.balance()["spent"]

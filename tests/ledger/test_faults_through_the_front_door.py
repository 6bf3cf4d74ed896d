"""Lost, late, doubled and refused ledger calls between a real gateway and its store change no balance (Holds-5)."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import stand
from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.ledger.faulty_proxy import (
    Fault,
    FaultyProxy,
    Match,
    faulty_proxy,
    is_admit,
    is_count,
    is_receipt,
    is_settle,
)
from tests.ledger.front_door import CHAT_CREDITS, Customer, is_whole, new_customer, outcomes

WRITES: dict[str, Match] = {"count": is_count, "admit": is_admit, "receipt": is_receipt, "settle": is_settle}
FAULTS: list[Fault] = [fault for fault in Fault if fault is not Fault.BLOCK]
WHOLE: list[tuple[str, Fault, bool]] = [(write, fault, False) for write in WRITES for fault in FAULTS]
STREAMED = [(write, fault, True) for write in WRITES for fault in (Fault.DROP_ANSWER, Fault.LATE, Fault.TWICE)]


@dataclass
class Stage:
    """A gateway between a scripted provider and a faulty store. Its requests may take 2 s, its holds live for 4."""

    gateway: stand.RunningGateway
    proxy: FaultyProxy
    upstream: ScriptedUpstream

    def customer(self) -> Customer:
        self.proxy.disarm()
        return new_customer(self.gateway, self.upstream)


@pytest.fixture(scope="module")
def stage(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("faults")
    with (
        scripted_upstream() as upstream,
        faulty_proxy(dynamodb_url) as proxy,
        stand.gateways(dynamodb_url, folder) as start,
    ):
        gateway = start(
            LLAMA_BASE_URL=upstream.url, DYNAMODB_ENDPOINT_URL=proxy.url, HOLD_EXPIRY_S="4", LEDGER_TIMEOUT_S="0.5"
        )
        yield Stage(gateway, proxy, upstream)


@pytest.mark.parametrize(
    ("write", "fault", "stream"),
    WHOLE + STREAMED,
    ids=[
        f"{write} {fault.name.lower()} {'stream' if stream else 'whole'}" for write, fault, stream in WHOLE + STREAMED
    ],
)
def test_case_04_one_fault_at_any_write_of_a_chat_changes_no_balance(
    stage: Stage, write: str, fault: Fault, stream: bool
) -> None:
    """The client gets its answer, or 503 and no charge; in the end spent is what the receipts say, once."""
    customer = stage.customer()
    stage.proxy.arm(WRITES[write], fault)
    answer = customer.chat(stream=stream)
    assert stage.proxy.struck == 1, "the fault met nothing"
    stage.proxy.disarm()
    assert answer.status == 200, answer.body
    assert is_whole(answer, stream=stream)
    stage.proxy.deliver()
    shown = customer.settled(CHAT_CREDITS)
    assert outcomes(shown)[0] == "completed"
    assert set(outcomes(shown)[1:]) <= {"expired"}
    stage.proxy.deliver()
    customer.settled(CHAT_CREDITS)
    again = customer.chat()
    assert again.status == 200
    customer.settled(2 * CHAT_CREDITS)


LASTING = [Fault.FAIL, Fault.RESET, Fault.THROTTLE, Fault.CONFLICT, Fault.LATE, Fault.FAIL_AFTER]


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("write", ["count", "admit"])
def test_case_08_a_table_that_never_answers_is_a_503_and_no_upstream_call(
    stage: Stage, write: str, fault: Fault
) -> None:
    """Accounts or windows: closed, not open. The provider is not asked, nothing is charged."""
    customer = stage.customer()
    assert customer.chat().status == 200
    stage.upstream.calls.clear()
    stage.proxy.arm(WRITES[write], fault, times=1000)
    answer = customer.chat()
    assert stage.proxy.struck > 1
    stage.proxy.disarm()
    assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert stage.upstream.calls == []
    stage.proxy.deliver()
    customer.settled(CHAT_CREDITS)


@pytest.mark.parametrize(("write", "spent"), [("receipt", 0), ("settle", CHAT_CREDITS)])
def test_case_08_a_table_that_goes_away_during_a_request_is_settled_by_the_next_reader(
    stage: Stage, write: str, spent: int
) -> None:
    """The client has its answer. With the receipt put, it is charged; without, it expires at no cost."""
    customer = stage.customer()
    stage.proxy.arm(WRITES[write], Fault.FAIL, times=1000)
    answer = customer.chat()
    stage.proxy.disarm()
    assert answer.status == 200
    assert customer.gateway.account(customer.key)["balance"]["held"] > 0
    assert outcomes(customer.settled(spent)) == ["completed" if spent else "expired"]


def test_case_08_with_dynamodb_unreachable_every_route_is_closed(
    dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody listens where the tables were: 503, no upstream call; when they are back, all is as before."""
    folder = tmp_path_factory.mktemp("unreachable")
    with scripted_upstream() as upstream, stand.gateways(dynamodb_url, folder) as start:
        with faulty_proxy(dynamodb_url) as proxy:
            gateway = start(LLAMA_BASE_URL=upstream.url, DYNAMODB_ENDPOINT_URL=proxy.url, LEDGER_TIMEOUT_S="0.5")
            customer = new_customer(gateway, upstream)
            assert customer.chat().status == 200
        upstream.calls.clear()
        for stream in (False, True):
            answer = customer.chat(stream=stream)
            assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
        assert upstream.calls == []
        assert gateway.request("GET", "/account", key=customer.key).status == 503
        assert gateway.request("POST", "/register", {"email": "a@farebox.test"}).status == 503
        again = start(LLAMA_BASE_URL=upstream.url)
        Customer(again, upstream, customer.key, again.ledger()).settled(CHAT_CREDITS)

"""What the ledger does when DynamoDB throttles, conflicts, or says what nobody expects (case 8, rule 9)."""

import itertools
from collections.abc import Callable

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import store as stores
from functions.ledger.settle import settle
from functions.ledger.store import (
    BACKOFF_FIRST_S,
    SENDS_MAX,
    Ambiguous,
    Item,
    Ledger,
    NotApplied,
    Refused,
    Rejected,
    Store,
    StoreError,
    error_of,
)
from tests.ledger.arrange import Books, check, paper
from tests.ledger.faults import Call, FakeClock, Fault

CONFLICT = {"Code": "TransactionConflict"}
CONDITION = {"Code": "ConditionalCheckFailed", "Item": {"paid": {"N": "1"}}}
NONE = {"Code": "None"}

CODES: list[tuple[str, int, Item, type[StoreError]]] = [
    ("ConditionalCheckFailedException", 400, {"Item": {"paid": {"N": "1"}}}, Refused),
    ("ConditionalCheckFailedException", 400, {}, Refused),
    ("TransactionConflictException", 400, {}, NotApplied),
    ("TransactionInProgressException", 400, {}, NotApplied),
    ("ThrottlingException", 400, {}, NotApplied),
    ("ProvisionedThroughputExceededException", 400, {}, NotApplied),
    ("RequestLimitExceeded", 400, {}, NotApplied),
    ("LimitExceededException", 400, {}, NotApplied),
    ("TransactionCanceledException", 400, {"CancellationReasons": [NONE, CONDITION]}, Refused),
    ("TransactionCanceledException", 400, {"CancellationReasons": [CONFLICT, CONDITION]}, Refused),
    ("TransactionCanceledException", 400, {"CancellationReasons": [CONFLICT, NONE]}, NotApplied),
    ("TransactionCanceledException", 400, {"CancellationReasons": [{"Code": "ThrottlingError"}]}, NotApplied),
    ("TransactionCanceledException", 400, {"CancellationReasons": [{"Code": "ValidationError"}]}, Rejected),
    ("TransactionCanceledException", 400, {}, Rejected),
    ("InternalServerError", 500, {}, Ambiguous),
    ("ServiceUnavailable", 503, {}, Ambiguous),
    ("", 502, {}, Ambiguous),
    ("", 500, {}, Ambiguous),
    ("ValidationException", 400, {}, Rejected),
    ("ResourceNotFoundException", 400, {}, Rejected),
    ("AccessDeniedException", 400, {}, Rejected),
    ("ExpiredTokenException", 400, {}, Rejected),
    ("UnrecognizedClientException", 400, {}, Rejected),
    ("IdempotentParameterMismatchException", 400, {}, Rejected),
    ("NobodyKnowsThisException", 418, {}, Rejected),
    ("", 400, {}, Rejected),
]


@pytest.mark.parametrize(("code", "status", "body", "expected"), CODES)
def test_case_08_every_answer_of_dynamodb_says_whether_the_write_was_applied(
    code: str, status: int, body: Item, expected: type[StoreError]
) -> None:
    """Refused and not applied are certain; only failures inside DynamoDB are ambiguous; the rest is a fault of ours."""
    assert type(error_of(code, "", status, body)) is expected


def test_a_refusal_carries_the_item_of_each_write() -> None:
    """Rule 5: the next plan is made from the item that refused, at the place of the write it belongs to."""
    refused = error_of("TransactionCanceledException", "", 400, {"CancellationReasons": [NONE, CONDITION]})
    assert isinstance(refused, Refused)
    assert refused.items == [None, {"paid": {"N": "1"}}]


def test_every_error_of_a_store_is_in_the_tree() -> None:
    """The docstring of functions/ledger/store.py draws all there are."""
    for error in StoreError.__subclasses__():
        assert f"── {error.__name__} " in (stores.__doc__ or "")


def scripted(clock: FakeClock, *answers: type[StoreError] | None) -> tuple[Ledger, "Scripted"]:
    store = Scripted([*answers])
    return Ledger(store, clock, lambda count: b"\xff" * count, ""), store


class Scripted(Store):
    """Raises what it was given, call by call, the last again and again; None answers."""

    def __init__(self, answers: list[type[StoreError] | None]) -> None:
        self.answers, self.calls = answers, 0

    async def call(self, operation: str, request: Item) -> Item:
        error = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if error is None:
            return {"ok": {"BOOL": True}}
        raise Refused([None]) if error is Refused else error("scripted")


async def test_case_08_a_conflict_is_sent_again_with_growing_pauses_and_not_for_ever() -> None:
    """Rule 9: the same write, a bounded number of times, each pause longer than the last can be."""
    clock = FakeClock()
    began_s = clock.now()
    ledger, store = scripted(clock, NotApplied)
    with pytest.raises(LedgerUnavailable):
        await ledger.write("UpdateItem", {})
    assert store.calls == SENDS_MAX
    assert clock.now() - began_s == pytest.approx(sum(BACKOFF_FIRST_S * 2**n for n in range(SENDS_MAX - 1)))


async def test_case_08_a_conflict_that_passes_is_nobody_s_concern() -> None:
    """The write goes through as soon as it can."""
    for failures in range(1, SENDS_MAX):
        ledger, store = scripted(FakeClock(), *itertools.repeat(NotApplied, failures), None)
        assert await ledger.write("UpdateItem", {})
        assert store.calls == failures + 1


@pytest.mark.parametrize("error", [Ambiguous, Refused])
async def test_case_08_a_write_that_may_have_been_applied_is_never_sent_again(error: type[StoreError]) -> None:
    """Rule 1: only its sender knows what another try has to look like."""
    ledger, store = scripted(FakeClock(), error)
    with pytest.raises(error):
        await ledger.write("UpdateItem", {})
    assert store.calls == 1


@pytest.mark.parametrize("error", [NotApplied, Ambiguous])
async def test_case_08_a_read_is_tried_again_and_not_for_ever(error: type[StoreError]) -> None:
    """Reading again is always safe, and bounded."""
    ledger, store = scripted(FakeClock(), error)
    with pytest.raises(LedgerUnavailable):
        await ledger.read("GetItem", {})
    assert store.calls == SENDS_MAX


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_case_08_a_request_that_dynamodb_will_never_take_is_not_repeated(verb: str) -> None:
    """No table, no permission: 503 at once, and not what DynamoDB said."""
    ledger, store = scripted(FakeClock(), Rejected)
    with pytest.raises(LedgerUnavailable) as unavailable:
        await getattr(ledger, verb)("GetItem", {})
    assert store.calls == 1
    assert "scripted" not in unavailable.value.message


def is_admit(call: Call) -> bool:
    return ":hold" in call.request.get("ExpressionAttributeValues", {})


def is_receipt(call: Call) -> bool:
    return call.operation == "PutItem"


def is_settle(call: Call) -> bool:
    return call.operation == "UpdateItem" and not is_admit(call)


@pytest.mark.parametrize(
    ("write", "spent"), [(is_admit, 0), (is_receipt, 0), (is_settle, 400)], ids=["admit", "receipt", "settle"]
)
async def test_case_08_conflicts_without_end_refuse_or_leave_it_to_the_healer(
    books: Books, write: Callable[[Call], bool], spent: int
) -> None:
    """Whichever write never comes through, the request ends, nothing is lost, and the account heals by its receipt."""
    account = await books.account(10_000)
    ledger, store = books.process(lambda index, call: Fault.CONFLICT if write(call) else None)

    async def chat() -> None:
        admission = await books.take(account, 1000, ledger)
        await settle(ledger, account, admission.hold, paper(account, admission.hold, 400))

    with pytest.raises(LedgerUnavailable):
        await chat()
    assert store.struck == SENDS_MAX
    check(await books.item(account))
    assert (await books.healed(account)).spent == spent

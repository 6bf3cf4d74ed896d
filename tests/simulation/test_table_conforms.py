"""The simulator's table is DynamoDB: the same as MiniStack where that is exact, and the rules that MiniStack lacks."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from functions.ledger.store import Item, NotApplied, Refused, Rejected, StoreError
from tests.simulation import condition_cases, conformance, differences, digests, request_cases
from tests.simulation.cases import RANGED, SINGLE, Case, key, n, ranged, s
from tests.simulation.peers import Peer, fake, outcome
from tests.simulation.table import FakeDynamoDB, schemas
from tests.simulation.words import RESERVED

SAMPLED = 500
"""How many of all cases are sent to MiniStack here; `make conformance` sends them all."""
A = {"k": s("a")}


@pytest.fixture
def table() -> FakeDynamoDB:
    """Tables in memory, with one item: a number, a map, a list."""
    made = fake()
    made.apply("PutItem", {"TableName": SINGLE, "Item": {**A, "a": n(1), "m": {"M": {"x": n(1)}}, "l": {"L": [n(1)]}}})
    return made


def updated(table: FakeDynamoDB, expression: str, more: Item | None = None, **values: Item) -> Item:
    """The item after an update."""
    request: Item = {"TableName": SINGLE, "Key": A, "UpdateExpression": expression, "ReturnValues": "ALL_NEW"}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    answer: Item = table.apply("UpdateItem", request | (more or {}))["Attributes"]
    return answer


def test_the_table_answers_as_ministack(dynamodb_url: str) -> None:
    """Of a sample of all cases none differs but in ways that are written down; the ledger's own calls not at all."""
    every = conformance.all_cases(seed=7, generated_count=1500, ledger_requests=60)
    ledgers = [case for case in every if case.name.startswith("the ledger's")]
    others = [case for case in every if not case.name.startswith("the ledger's")]
    peer = Peer(dynamodb_url)
    peer.create_tables()
    report = conformance.compare(differences.MINISTACK, peer, random.Random(7).sample(others, SAMPLED))
    assert not report.news
    report = conformance.compare(differences.MINISTACK, peer, ledgers)
    assert (report.news, report.known) == ([], {})
    assert report.cases > 200


def test_the_table_answers_as_dynamodb_local_did() -> None:
    """Every case that is kept, written and generated, comes to what it came to in AWS's own DynamoDB Local."""
    cases = conformance.kept_cases()
    assert digests.differing(fake().apply, cases) == []
    assert digests.read().count(digests.NONE) < 20


def test_every_part_of_the_grammar_is_sent() -> None:
    """The cases end in every way that a call can end in, and most constructs are both taken and refused."""
    apply = fake().apply
    kinds = [outcome(apply, case.numbered(number))["kind"] for number, case in enumerate(conformance.written())]
    assert {kind: kinds.count(kind) > 500 for kind in set(kinds)} == {"ok": True, "Refused": True, "Rejected": True}


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        ("9" * 38, "1", "1" + "0" * 38),
        ("0.1", "0.2", "0.3"),
        ("1E20", "1E-17", "1" + "0" * 20 + "." + "0" * 16 + "1"),
        ("5", "-5", "0"),
        ("1.50", "0", "1.5"),
        ("1E125", "0", "1" + "0" * 125),
    ],
)
def test_sums_are_exact(table: FakeDynamoDB, left: str, right: str, total: str) -> None:
    """A sum is exact up to 38 digits, and spelled without exponent or needless zeros."""
    assert updated(table, "SET a = :l + :r", l=n(left), r=n(right))["a"] == n(total)


@pytest.mark.parametrize(
    ("left", "right"),
    [("9" * 38, "0.1"), ("1E20", "1E-18"), ("9E125", "1E125"), ("1E-130", "-1.1E-130"), ("9" * 38, "1E-130")],
)
def test_a_sum_without_room_is_refused_never_rounded(table: FakeDynamoDB, left: str, right: str) -> None:
    """A sum of more than 38 digits, or out of range, is rejected, and the item stays as it was."""
    with pytest.raises(Rejected, match="ValidationException"):
        updated(table, "SET a = :l + :r", l=n(left), r=n(right))
    assert table.items(SINGLE)[("a",)]["a"] == n(1)


@pytest.mark.parametrize("number", ["1" * 39, "1E126", "1E-131", "NaN", "Infinity", "", " 1", "1_0", "0x1", "x"])
def test_what_is_no_number_is_refused(table: FakeDynamoDB, number: str) -> None:
    """38 digits, from 1E-130 to 9.9…E+125, and nothing else."""
    with pytest.raises(Rejected):
        updated(table, "SET a = :x", x=n(number))


@pytest.mark.parametrize("case", list(request_cases.sizes()), ids=lambda case: case.name[:40])
def test_an_item_holds_400_kb_and_no_byte_more(case: Case) -> None:
    """An item of exactly 409600 bytes, as DynamoDB counts them, is taken; one more is refused."""
    table = fake()
    if case.operation == "UpdateItem":
        table.apply("PutItem", {"TableName": SINGLE, "Item": case.numbered(0).there[0][1]})
    if ", 1 too large" in case.name:
        with pytest.raises(Rejected, match="size"):
            table.apply(case.operation, case.numbered(0).request)
    else:
        table.apply(case.operation, case.numbered(0).request)


def test_reserved_words_need_a_placeholder(table: FakeDynamoDB) -> None:
    """Each of the 573 words of AWS's list is refused as a name, in any spelling, and taken behind a placeholder."""
    assert len(RESERVED) == 573
    for word in RESERVED:
        for spelled in (word, word.lower(), f"m.{word.title()}"):
            with pytest.raises(Rejected):
                updated(table, f"REMOVE {spelled}")
        updated(table, "REMOVE #w", {"ExpressionAttributeNames": {"#w": word}})


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SET a = gone + :x", "refers to an attribute that does not exist"),
        ("SET a = m + :x", "incorrect data type"),
        ("SET gone.x = :x", "document path"),
        ("ADD gone.x :x", "document path"),
        ("SET m.x.y = :x", "document path"),
        ("SET m = :x REMOVE m.x", "overlap"),
        ("SET m.x = :x, m[0] = :x", "conflict"),
        ("SET k = :x", "part of the key"),
        ("SET a = :y", "not defined"),
        ("REMOVE a", "unused"),
        ("", "can not be empty"),
    ],
)
def test_a_wrong_update_changes_nothing(table: FakeDynamoDB, expression: str, message: str) -> None:
    """Each fault of an update is rejected in DynamoDB's words, and the item stays as it was."""
    before = dict(table.items(SINGLE))
    with pytest.raises(Rejected, match=message):
        updated(table, expression, x=n(1))
    assert table.items(SINGLE) == before


def test_operands_are_taken_from_the_item_before_the_update(table: FakeDynamoDB) -> None:
    """No action sees what another one did."""
    after = updated(table, "SET a = m.x + :x, b = a REMOVE m.x", x=n(5))
    assert (after["a"], after["b"], after["m"]) == (n(6), n(1), {"M": {}})


def test_a_refused_write_shows_the_item_where_it_was_asked_to(table: FakeDynamoDB) -> None:
    """Refused carries the item with ALL_OLD, and None without, or where there is no item."""
    asked = {"ConditionExpression": "attribute_exists(b)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    for more, expected in ((asked, n(1)), ({"ConditionExpression": "attribute_exists(b)"}, None)):
        with pytest.raises(Refused) as refused:
            updated(table, "REMOVE a", more)
        assert (refused.value.item or {}).get("a") == expected
    with pytest.raises(Refused) as refused:
        updated(table, "REMOVE a", asked | {"Key": {"k": s("nobody")}})
    assert refused.value.item is None


def test_a_transaction_is_all_or_nothing(table: FakeDynamoDB) -> None:
    """One part that is not met keeps the others from happening, and says which one it was."""
    seen: list[Any] = []
    table.observer = lambda *change: seen.append(change)
    put = {"Put": {"TableName": RANGED, "Item": {"k": s("a"), "r": n(1)}}}
    check: Item = {
        "TableName": SINGLE,
        "Key": A,
        "ConditionExpression": "a > :x",
        "ExpressionAttributeValues": {":x": n(1)},
    }
    check["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    with pytest.raises(Refused) as refused:
        table.apply("TransactWriteItems", {"TransactItems": [put, {"ConditionCheck": check}]})
    assert [item and item["a"] for item in refused.value.items] == [None, n(1)]
    assert (table.items(RANGED), seen) == ({}, [])
    check["ExpressionAttributeValues"] = {":x": n(0)}
    table.apply("TransactWriteItems", {"TransactItems": [put, {"ConditionCheck": check}]})
    assert list(table.items(RANGED)) == [("a", "1")]
    assert [change[:2] for change in seen] == [(RANGED, ("a", "1"))]


def test_a_fault_of_one_part_cancels_a_transaction_for_good(table: FakeDynamoDB) -> None:
    """A part that can never be applied is rejected: it is not sent again, as a conflict would be."""
    adds = {"TableName": SINGLE, "Key": A, "UpdateExpression": "SET z = z + a"}
    with pytest.raises(StoreError) as error:
        table.apply("TransactWriteItems", {"TransactItems": [{"Update": adds}]})
    assert isinstance(error.value, Rejected)
    assert not isinstance(error.value, NotApplied)


def _read(table: FakeDynamoDB) -> Item:
    item: Item = table.apply("GetItem", {"TableName": SINGLE, "Key": A})["Item"]
    return item


def _queried(table: FakeDynamoDB) -> Item:
    request = {"TableName": SINGLE, "KeyConditionExpression": "k = :k", "ExpressionAttributeValues": {":k": s("a")}}
    item: Item = table.apply("Query", request)["Items"][0]
    return item


@pytest.mark.parametrize("read", [_read, _queried, lambda table: updated(table, "REMOVE q")])
def test_what_is_handed_out_is_a_copy(table: FakeDynamoDB, read: Callable[[FakeDynamoDB], Item]) -> None:
    """Whatever a caller does to an item it was given, the table's stays as it is."""
    item = read(table)
    item["m"]["M"]["x"]["N"] = "2"
    item["l"]["L"].append(n(2))
    item["a"]["N"] = "2"
    assert _read(table)["m"] == {"M": {"x": n(1)}}
    assert (_read(table)["l"], _read(table)["a"]) == ({"L": [n(1)]}, n(1))


def test_what_is_handed_in_is_copied(table: FakeDynamoDB) -> None:
    """Whatever a caller does to a request it has sent, the table's item stays as it is."""
    value: Item = {"M": {"x": {"L": [n(1)]}}}
    updated(table, "SET z = :v", v=value)
    value["M"]["x"]["L"].append(n(2))
    assert _read(table)["z"] == {"M": {"x": {"L": [n(1)]}}}


def test_pages_go_on_where_they_stopped() -> None:
    """A query in pages of any size gives each item once, in order, also where the last item of a page is gone."""
    table = fake()
    for number in (10, -1, 2, 33, 5):
        table.apply("PutItem", {"TableName": RANGED, "Item": ranged(number)})
    query: Item = {
        "TableName": RANGED,
        "KeyConditionExpression": "k = :k",
        "ExpressionAttributeValues": {":k": key()["k"]},
    }
    for limit in range(1, 7):
        found, more = list[str](), query | {"Limit": limit}
        while more:
            answer = table.apply("Query", more)
            found += [item["r"]["N"] for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            more = query | {"Limit": limit, "ExclusiveStartKey": start} if start else {}
        assert found == ["-1", "2", "5", "10", "33"]
    first = table.apply("Query", query | {"Limit": 2})
    table.apply("DeleteItem", {"TableName": RANGED, "Key": first["LastEvaluatedKey"]})
    rest = table.apply("Query", query | {"ExclusiveStartKey": first["LastEvaluatedKey"]})
    assert [item["r"]["N"] for item in rest["Items"]] == ["5", "10", "33"]


def test_what_the_table_does_not_know_it_does_not_guess(table: FakeDynamoDB) -> None:
    """An index, a token or an operation that is not modelled ends the run, instead of being passed over."""
    for operation, more in (("Query", {"IndexName": "i"}), ("TransactWriteItems", {"ClientRequestToken": "t"})):
        with pytest.raises(NotImplementedError):
            table.apply(operation, {"TableName": SINGLE, **more})
    with pytest.raises(NotImplementedError):
        table.apply("CreateTable", {})


def test_the_schemas_are_those_of_the_models() -> None:
    """Each table of the ledger has its hash key, its range key, and a number's mark."""
    assert (
        schemas("p-").items()
        >= {
            "p-accounts": ("account_id",),
            "p-receipts": ("account_id", "receipt_id"),
            "p-journal": ("account_id", "version:N"),
        }.items()
    )


def test_conditions_written_by_hand_are_many() -> None:
    """Every operator meets every type on both sides."""
    assert sum(1 for _ in condition_cases.conditions()) > 2000

"""Bringing tables back: all of them, to the same second, while no function runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.aws import restore, stage_file
from infra.aws.restore import Restore, RestoreError
from infra.aws.template import functions, tables
from tests.infra.test_github import stage

STAGE = stage()


class Lambda:
    """What `close` and `open` ask of Lambda."""

    def __init__(self) -> None:
        self.reserved: dict[str, int] = {}

    def put_function_concurrency(self, FunctionName: str, ReservedConcurrentExecutions: int) -> None:  # noqa: N803
        self.reserved[FunctionName] = ReservedConcurrentExecutions

    def delete_function_concurrency(self, FunctionName: str) -> None:  # noqa: N803
        self.reserved.pop(FunctionName, None)

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        found = self.reserved.get(FunctionName)
        return {} if found is None else {"ReservedConcurrentExecutions": found}


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Restore]:
    """A stage's tables, each with three items."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb, concurrency = boto3.client("dynamodb", region_name=STAGE.region), Lambda()
        made = Restore(STAGE, lambda name: {"dynamodb": dynamodb, "lambda": concurrency}[name], poll_s=0.01)
        for each in tables.resources(STAGE).values():
            properties = {key: value for key, value in each["Properties"].items() if "Specification" not in key}
            dynamodb.create_table(**properties)
        for name in made.keys:
            for number in range(3):
                put(made, name, number, credits=number)
        yield made


def put(made: Restore, name: str, number: int, **more: int) -> None:
    kinds = {
        each["AttributeName"]: each["AttributeType"]
        for resource in tables.resources(STAGE).values()
        if resource["Properties"]["TableName"] == f"{STAGE.table_prefix}{name}"
        for each in resource["Properties"]["AttributeDefinitions"]
    }
    item = {key: {kind: str(number)} for key, kind in kinds.items()}
    item |= {key: {"N": str(value)} for key, value in more.items()}
    made.dynamodb.put_item(TableName=f"{STAGE.table_prefix}{name}", Item=item)


def everything(made: Restore, prefix: str = "") -> dict[str, list[Any]]:
    return {
        name: sorted(
            (
                sorted((key, str(value)) for key, value in item.items())
                for item in made._items(f"{STAGE.table_prefix}{prefix}{name}")
            ),
            key=str,
        )
        for name in made.keys
    }


def moment(made: Restore) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def allow_any_moment(made: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto keeps no history: it restores what is there, whatever the moment."""
    kept = {
        "PointInTimeRecoveryStatus": "ENABLED",
        "EarliestRestorableDateTime": datetime(2020, 1, 1, tzinfo=UTC),
        "LatestRestorableDateTime": datetime.now(UTC) + timedelta(hours=1),
    }
    described = {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": kept}}
    monkeypatch.setattr(made.dynamodb, "describe_continuous_backups", lambda TableName: described)  # noqa: N803


def test_tables_come_back_as_they_were(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changed is put back, what is new is deleted, what was deleted is there again, in every table."""
    allow_any_moment(restored, monkeypatch)
    before = everything(restored)
    assert all(len(items) == 3 for items in before.values())
    restored.copy(moment(restored))
    assert everything(restored, restore.COPY) == before
    for name, keys in restored.keys.items():
        put(restored, name, 0, credits=99)
        put(restored, name, 7, credits=7)
        items = restored._items(f"{STAGE.table_prefix}{name}")
        second = next(item for item in items if item["credits"] == {"N": "1"})
        restored.dynamodb.delete_item(TableName=f"{STAGE.table_prefix}{name}", Key={key: second[key] for key in keys})
    assert everything(restored) != before
    restored.close()
    restored.back()
    assert everything(restored) == before
    restored.back()
    assert everything(restored) == before
    restored.drop()
    assert not [name for name in restored.dynamodb.list_tables()["TableNames"] if restore.COPY in name]


def test_all_tables_are_copied_from_one_second(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is restored, with the same moment for each: accounts, receipts and journal belong together."""
    allow_any_moment(restored, monkeypatch)
    asked: list[tuple[str, str, datetime]] = []
    real = restored.dynamodb.restore_table_to_point_in_time

    def note(**given: Any) -> Any:
        asked.append((given["SourceTableName"], given["TargetTableName"], given["RestoreDateTime"]))
        return real(**given)

    monkeypatch.setattr(restored.dynamodb, "restore_table_to_point_in_time", note)
    at = restore.moment("2026-11-22T10:15:00Z")
    restored.copy(at)
    prefix = STAGE.table_prefix
    assert asked == [(f"{prefix}{name}", f"{prefix}restored-{name}", at) for name in tables.names()]


def test_nothing_goes_back_while_a_function_may_run(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`back` refuses until every function is closed, and where a copy is missing, and changes nothing then."""
    allow_any_moment(restored, monkeypatch)
    with pytest.raises(RestoreError, match="is not there"):
        restored.back()
    restored.copy(moment(restored))
    put(restored, "accounts", 0, credits=99)
    changed = everything(restored)
    with pytest.raises(RestoreError, match="`close` first"):
        restored.back()
    restored.close()
    restored._reserve(functions.of(STAGE)[-1].full_name(STAGE), None)
    with pytest.raises(RestoreError, match="`close` first"):
        restored.back()
    assert everything(restored) == changed


@pytest.mark.parametrize("moment_of_opening", [2, 3])
def test_a_deployment_meanwhile_stops_what_is_going_on(
    restored: Restore, monkeypatch: pytest.MonkeyPatch, moment_of_opening: int
) -> None:
    """A function that may run again keeps `back` from the next table, and from writing one that was read already."""
    allow_any_moment(restored, monkeypatch)
    restored.copy(moment(restored))
    for name in restored.keys:
        put(restored, name, 0, credits=99)
    restored.close()
    looked: list[int] = []
    check = restored._check_closed

    def opened() -> None:
        looked.append(1)
        if len(looked) > moment_of_opening:
            restored._reserve(functions.of(STAGE)[-1].full_name(STAGE), None)
        check()

    monkeypatch.setattr(restored, "_check_closed", opened)
    changed = everything(restored)
    with pytest.raises(RestoreError, match="may run: `close` first, then `back` again"):
        restored.back()
    now = everything(restored)
    first, *rest = restored.keys
    assert now[first] != changed[first]
    assert {name: now[name] for name in rest} == {name: changed[name] for name in rest}

    monkeypatch.setattr(restored, "_check_closed", check)
    restored.close()
    restored.back()
    assert everything(restored) == everything(restored, restore.COPY)


def test_writes_that_dynamodb_does_not_take_at_once(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a batch is sent again after pauses that grow, up to a limit; then it says so, and ends."""
    allow_any_moment(restored, monkeypatch)
    restored.copy(moment(restored))
    before = everything(restored)
    put(restored, "accounts", 0, credits=99)
    restored.close()
    pauses: list[float] = []
    monkeypatch.setattr("infra.aws.restore.time.sleep", pauses.append)
    real = restored.dynamodb.batch_write_item

    def write(RequestItems: Any) -> Any:  # noqa: N803  boto3's
        return {"UnprocessedItems": RequestItems} if len(pauses) < 4 else real(RequestItems=RequestItems)

    monkeypatch.setattr(restored.dynamodb, "batch_write_item", write)
    restored.back()
    assert pauses == [0.05, 0.1, 0.2, 0.4]
    assert everything(restored) == before

    put(restored, "accounts", 0, credits=99)
    monkeypatch.setattr(
        restored.dynamodb,
        "batch_write_item",
        lambda RequestItems: {"UnprocessedItems": RequestItems},  # noqa: N803
    )
    with pytest.raises(RestoreError, match=r"takes no more writes for now; `back` again later"):
        restored.back()
    assert max(pauses) == restore.PAUSE_MAX_S
    assert sum(pauses) < 300


def test_closing_and_opening_leave_what_the_stage_says(restored: Restore) -> None:
    """Closed, no function has any concurrency; open, each has what the stage reserves, or shares the account's."""
    lambdas = restored.client("lambda")
    restored.close()
    assert lambdas.reserved == {function.full_name(STAGE): 0 for function in functions.of(STAGE)}
    restored.open()
    assert lambdas.reserved == {}


def test_a_second_that_is_not_kept_is_refused(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one table cannot go back to that second, none is copied; and copies are never made twice."""
    allow_any_moment(restored, monkeypatch)
    with pytest.raises(RestoreError, match="cannot go back"):
        restored.copy(datetime(2019, 1, 1, tzinfo=UTC))
    assert not [name for name in restored.dynamodb.list_tables()["TableNames"] if restore.COPY in name]
    restored.copy(moment(restored))
    with pytest.raises(RestoreError, match="there already"):
        restored.copy(moment(restored))


def test_a_table_that_is_new_in_the_stage_is_brought_back_too() -> None:
    """The tables are those of the ledger: whoever adds one does not have to think of this."""
    assert tuple(Restore(STAGE, lambda name: name).keys) == tables.names()
    assert stage_file.read("prod").table_prefix + restore.COPY == "farebox-prod-restored-"

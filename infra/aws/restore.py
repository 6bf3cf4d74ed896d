"""Brings a stage's tables back to an earlier second: `python -m infra.aws.restore --stage prod STEP`.

    close      no function runs any more; what runs ends within 15 minutes
    copy --at  all tables as they were then (2026-11-22T10:15:00Z), as farebox-<stage>-restored-<table>
    back       makes the real tables equal to the copies
    open       functions run again
    drop       deletes the copies

docs/operate.md tells when to use which. All tables go back together: receipts, journal and accounts prove each other.
"""

import argparse
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.chosen_stage import add_stage, is_confirmed, read_stage
from infra.aws.cloudformation import Tell
from infra.aws.stage import Stage
from infra.aws.stage_file import StageError
from infra.aws.template import functions, tables

COPY = "restored-"
POLL_S = 20
WAITS_MAX = 1080
"""Six hours: a large table takes long, and all are restored at the same time."""
WRITTEN_AT_ONCE = 25
PAUSE_S = 0.05
PAUSE_MAX_S = 10.0
TRIES_MAX = 30
"""About four minutes of pauses, in which a table on demand grows."""
QUESTION = "This takes back all that has happened since the copies, in"

Item = dict[str, Any]


class RestoreError(Exception):
    """It cannot be done; the message says why. `back` may have begun, and can be begun again."""


@dataclass
class Restore:
    """One stage's tables in one account. `client` makes boto3's clients."""

    stage: Stage
    client: Any
    tell: Tell = print
    poll_s: float = POLL_S

    def __post_init__(self) -> None:
        self.dynamodb = self.client("dynamodb")
        made = (each["Properties"] for each in tables.resources(self.stage).values())
        self.keys = {
            each["TableName"].removeprefix(self.stage.table_prefix): [key["AttributeName"] for key in each["KeySchema"]]
            for each in made
        }

    def close(self) -> None:
        """Let no function run."""
        for function in functions.of(self.stage):
            self._reserve(function.full_name(self.stage), 0)
        self.tell("closed; what runs ends within 15 minutes: wait for that before `back`")

    def open(self) -> None:
        """Let functions run as the stage says."""
        for function in functions.of(self.stage):
            self._reserve(
                function.full_name(self.stage), self.stage.capacity.reserved_concurrency[function.name] or None
            )
        self.tell("open")

    def copy(self, at: datetime) -> None:
        """All tables as they were at one second, beside the real ones. Raises RestoreError."""
        if there := [name for name in self.keys if self._status(self._copy(name))]:
            raise RestoreError(f"{self._copy(there[0])} is there already; `drop` deletes the copies")
        for name in self.keys:
            table = self._real(name)
            days = self.dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
            kept = days.get("PointInTimeRecoveryDescription", {})
            if not kept or not kept["EarliestRestorableDateTime"] <= at <= kept["LatestRestorableDateTime"]:
                raise RestoreError(f"{table} cannot go back to {at:%Y-%m-%dT%H:%M:%SZ}")
        for name in self.keys:
            self.dynamodb.restore_table_to_point_in_time(
                SourceTableName=self._real(name), TargetTableName=self._copy(name), RestoreDateTime=at
            )
        for name in self.keys:
            self.dynamodb.get_waiter("table_exists").wait(
                TableName=self._copy(name), WaiterConfig={"Delay": self.poll_s, "MaxAttempts": WAITS_MAX}
            )
            self.tell(f"{self._copy(name)} is there")
        self.tell(f"audit them: TABLE_PREFIX={self.stage.table_prefix}{COPY} make audit")

    def back(self) -> None:
        """Make the real tables equal to the copies: what differs is written, what is more is deleted.

        It can be begun again. No function may run meanwhile, which a deployment would let them: it is looked at before
        each table is read, and before it is written. Raises RestoreError.
        """
        missing = [self._copy(name) for name in self.keys if self._status(self._copy(name)) != "ACTIVE"]
        if missing:
            raise RestoreError(f"{missing[0]} is not there; `copy` makes it")
        for name, keys in self.keys.items():
            self._check_closed()
            more = {_key(item, keys): _digest(item) for item in self._items(self._real(name))}
            changed: list[Item] = []
            same = 0
            for item in self._items(self._copy(name)):
                if more.pop(_key(item, keys), b"") == _digest(item):
                    same += 1
                else:
                    changed.append({"PutRequest": {"Item": item}})
            gone = [{"DeleteRequest": {"Key": json.loads(key)}} for key in more]
            self._check_closed()
            self._write(self._real(name), changed + gone)
            self.tell(f"{self._real(name)}: {same} as they were, {len(changed)} written, {len(gone)} deleted")

    def drop(self) -> None:
        """Delete the copies."""
        for name in self.keys:
            if self._status(self._copy(name)):
                self.dynamodb.delete_table(TableName=self._copy(name))
                self.tell(f"{self._copy(name)}: deleted")

    def _real(self, name: str) -> str:
        return f"{self.stage.table_prefix}{name}"

    def _copy(self, name: str) -> str:
        return f"{self.stage.table_prefix}{COPY}{name}"

    def _status(self, table: str) -> str:
        try:
            return str(self.dynamodb.describe_table(TableName=table)["Table"]["TableStatus"])
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return ""

    def _items(self, table: str) -> Iterator[Item]:
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield from page["Items"]

    def _check_closed(self) -> None:
        for function in functions.of(self.stage):
            if self._reserved(function.full_name(self.stage)) != 0:
                raise RestoreError(f"{function.full_name(self.stage)} may run: `close` first, then `back` again")

    def _write(self, table: str, requests: list[Item]) -> None:
        for first in range(0, len(requests), WRITTEN_AT_ONCE):
            left = {table: requests[first : first + WRITTEN_AT_ONCE]}
            for tries in itertools.count():
                left = self.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
                if not left:
                    break
                if tries == TRIES_MAX:
                    raise RestoreError(f"{table}: DynamoDB takes no more writes for now; `back` again later")
                time.sleep(min(PAUSE_S * 2**tries, PAUSE_MAX_S))

    def _reserve(self, function: str, executions: int | None) -> None:
        client = self.client("lambda")
        if executions is None:
            client.delete_function_concurrency(FunctionName=function)
        else:
            client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=executions)

    def _reserved(self, function: str) -> int | None:
        answer = self.client("lambda").get_function_concurrency(FunctionName=function)
        reserved: int | None = answer.get("ReservedConcurrentExecutions")
        return reserved


def _key(item: Item, keys: list[str]) -> str:
    return json.dumps({key: item[key] for key in keys})


def _digest(item: Item) -> bytes:
    """Of all of an item: of a table, keys and digests are in memory at once, and of the items those that differ."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=_plain).encode()).digest()


def _plain(value: bytes) -> str:
    return value.hex()


def moment(text: str) -> datetime:
    """A time in UTC, such as 2026-11-22T10:15:00Z."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 not (the last line says why)."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.restore", description="Bring tables back.")
    add_stage(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    does = parser.add_subparsers(dest="does", required=True)
    for name in ("close", "back", "open", "drop"):
        does.add_parser(name)
    does.add_parser("copy").add_argument("--at", required=True, type=moment, help="UTC, such as 2026-11-22T10:15:00Z")
    chosen = parser.parse_args(arguments)
    try:
        stage = read_stage(chosen)
        restore = Restore(stage, boto3.Session(region_name=stage.region).client)
        if chosen.does == "copy":
            restore.copy(chosen.at)
        elif chosen.does == "back" and not chosen.yes and not is_confirmed(stage.name, stage.name, QUESTION):
            print("farebox: nothing was changed", file=sys.stderr)
            return 1
        else:
            getattr(restore, chosen.does)()
    except (RestoreError, StageError, ClientError, BotoCoreError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Takes a stage away: `python -m infra.aws.destroy --stage staging`. `make destroy STAGE=staging` runs it.

Functions, API, site and network go; tables, secrets and packages stay, so that the stage can be deployed again and
finds every account. `--delete-data` deletes these too; secrets can be restored for some days.
"""

import argparse
import sys
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import leftovers, site
from infra.aws.chosen_stage import add_stage, is_confirmed, read_stage
from infra.aws.cloudformation import StackError, Stacks, Tell
from infra.aws.stage import Stage
from infra.aws.stage_file import StageError

RECOVERY_DAYS = 7
TABLE, SECRET, BUCKET = "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::S3::Bucket"
GONE = ("ResourceNotFoundException", "NoSuchBucket")


@dataclass
class Destruction:
    """One stage in one account."""

    stage: Stage
    tell: Tell = print
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = boto3.Session(region_name=self.stage.region).client
        self.stacks = Stacks(self.client("cloudformation"), self.tell)

    def application(self) -> None:
        """Delete functions, API, site and network. Raises StackError."""
        name = self.stage.stack
        if self.stacks.status(name):
            bucket = self.stacks.resources(name).get("SiteBucket")
            if bucket:
                self._unless_gone(site.empty, self.client("s3"), bucket)
        for each in (name, f"{name}-network"):
            self.tell(f"{each}: deleted" if self.stacks.delete(each) else f"{each}: not there")

    def data(self) -> None:
        """Delete tables, secrets and packages, and the stack that made them. Raises StackError."""
        name = f"{self.stage.stack}-data"
        if not self.stacks.status(name):
            self.tell(f"{name}: not there")
            return
        kinds = self.stacks.kinds(name)
        s3, secrets = self.client("s3"), self.client("secretsmanager")
        for table in kinds.get(TABLE, []):
            self._unless_gone(self._delete_table, table)
            self.tell(f"  deleted: {table}")
        for secret in kinds.get(SECRET, []):
            self._unless_gone(secrets.delete_secret, SecretId=secret, RecoveryWindowInDays=RECOVERY_DAYS)
            self.tell(f"  deleted, and can be restored for {RECOVERY_DAYS} days: {secret}")
        if kinds.get(SECRET):
            self.tell(f"  until then {self.stage.name} cannot be deployed anew, unless they are deleted for good:")
            for secret in kinds[SECRET]:
                self.tell(f"    {leftovers.forced(secret, self.stage.region)}")
        for bucket in kinds.get(BUCKET, []):
            self._unless_gone(site.empty, s3, bucket)
            self._unless_gone(s3.delete_bucket, Bucket=bucket)
            self.tell(f"  deleted: {bucket}")
        # Last, so that what failed is found again: the stack retains all of the above.
        self.stacks.delete(name)
        self.tell(f"{name}: deleted")

    def _delete_table(self, table: str) -> None:
        dynamodb = self.client("dynamodb")
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 2})
        dynamodb.delete_table(TableName=table)

    def _unless_gone(self, call: Any, *given: Any, **named: Any) -> None:
        try:
            call(*given, **named)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise


def main() -> int:
    """Exit code: 0 destroyed, 1 not (the last line says why)."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.destroy", description="Take a stage away.")
    add_stage(parser)
    parser.add_argument("--delete-data", action="store_true", help="tables, secrets and packages too")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    arguments = parser.parse_args()
    try:
        stage = read_stage(arguments)
        what = "This deletes EVERY ACCOUNT AND BALANCE of" if arguments.delete_data else "This takes down"
        if not arguments.yes and not sys.stdin.isatty():
            print("farebox: nothing is destroyed without --yes where nobody can be asked", file=sys.stderr)
            return 1
        if not arguments.yes and not is_confirmed(stage.name, stage.name, what):
            print("farebox: nothing was destroyed", file=sys.stderr)
            return 1
        destruction = Destruction(stage)
        destruction.application()
        if arguments.delete_data:
            destruction.data()
        return 0
    except (StackError, ClientError, BotoCoreError, StageError, OSError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

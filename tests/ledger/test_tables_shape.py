"""The shape of the tables, as AWS would make them. moto is for shape only: it is not atomic."""

import dataclasses

import boto3
from moto import mock_aws

from functions import settings as settings_module
from functions.ledger import pages, receipts, tables
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt

SETTINGS = settings_module.read({"AWS_ACCESS_KEY_ID": "shape", "AWS_SECRET_ACCESS_KEY": "shape", "TABLE_PREFIX": "s-"})


def test_every_table_is_on_demand_and_has_its_key() -> None:
    """Tables are created on demand, each with its one plain key, and creating them again changes nothing."""
    with mock_aws():
        tables.create_tables(SETTINGS)
        tables.create_tables(SETTINGS)
        client = boto3.client("dynamodb", region_name="us-east-1")
        described = {
            name: client.describe_table(TableName=name)["Table"] for name in client.list_tables()["TableNames"]
        }
        assert {table["BillingModeSummary"]["BillingMode"] for table in described.values()} == {"PAY_PER_REQUEST"}
        keys = {name: [key["AttributeName"] for key in table["KeySchema"]] for name, table in described.items()}
        assert keys == {
            "s-accounts": ["account_id"],
            "s-credentials": ["credential_id"],
            "s-identities": ["identity_id"],
            "s-receipts": ["account_id", "receipt_id"],
            "s-journal": ["account_id", "version"],
            "s-windows": ["scope"],
            "s-days": ["account_id", "day"],
            "s-claims": ["claim_id"],
            "s-checkpoints": ["account_id"],
            "s-projects": ["project_id"],
            "s-members": ["scope", "member"],
            "s-orders": ["order_id"],
            "s-notices": ["scope", "notice_id"],
        }
        ttl = client.describe_time_to_live(TableName="s-windows")["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")


def test_a_receipt_reads_back_as_it_was_written() -> None:
    """What the hot path writes as an item, PynamoDB's pages read back field by field."""
    receipt = dataclasses.replace(
        Receipt("default/1", "1m80", 5, 6, "cut", 7, 8, "/v1/x", "m", "p", 9, 10, 11, 12, 13, ("a", "b"), "stop", "c"),
        method="jwt",
        project_version=14,
        provider="mine",
        attempts=("openai: provider_failed",),
        reasoning=15,
        blocked="content_filter",
        offence="3/d/86400",
    )
    assert all(getattr(receipt, field.name) for field in dataclasses.fields(receipt))
    with mock_aws():
        tables.create_tables(SETTINGS)
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.put_item(TableName="s-receipts", Item=receipt.to_item())
        assert pages.recent_receipts("default/1", 5) == [receipt]


def test_a_receipt_of_the_built_in_project_stores_nothing_of_what_projects_have() -> None:
    """What is seldom said is stored where there is something to say, and reads back as nothing elsewhere."""
    receipt = Receipt("default/1", "1m80", 5, 6, "completed", 7, 8)
    assert receipt.to_item().keys() == {field.name for field in dataclasses.fields(receipt)} - receipts.SELDOM
    assert Receipt.from_item(receipt.to_item()) == receipt


def test_open_days_add_to_closed_ones() -> None:
    """A day that was closed in part shows both parts, and days outside of the range do not show."""
    with mock_aws():
        tables.create_tables(SETTINGS)
        client = boto3.client("dynamodb", region_name="us-east-1")
        numbers = {"day": 100, "requests": 1, "input": 2, "output": 3, "cost": 4}
        item = {name: {"N": str(number)} for name, number in numbers.items()}
        client.put_item(TableName="s-days", Item={"account_id": {"S": "default/1"}, **item})
        open_totals = {"requests:100": {"N": "10"}, "cost:100": {"N": "40"}, "requests:99": {"N": "1"}}
        account = Account({"account_id": {"S": "default/1"}, **open_totals})
        assert pages.recent_days(account, 100, 101) == [pages.DayTotals(100, 11, 2, 3, 44)]

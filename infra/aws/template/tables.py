"""The ledger's tables, as functions/ledger/tables.py defines them. They outlive every stack."""

from typing import Any

from functions.ledger.tables import TABLES, TTL_TABLES
from infra.aws.secret_documents import DOCUMENTS
from infra.aws.stage import Stage

Resources = dict[str, Any]

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
GOES = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
"""With its stack, so that the stage can be deployed again under the same names."""
AFTER = [*(f"{document.title()}Secret" for document in DOCUMENTS), "ArtifactBucket", "ArtifactBucketPolicy"]
"""Tables are made last: once made they are protected, and a first deployment that fails could not take them back."""


def name_of(model: type[Any]) -> str:
    """What follows the prefix in a table's name, such as `accounts`."""
    return model.__name__.lower()


def names() -> tuple[str, ...]:
    """Every table, without its prefix."""
    return tuple(name_of(model) for model in TABLES)


def arn(stage: Stage, table: str) -> dict[str, str]:
    """Of a table, known before it is there."""
    place = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"
    return {"Fn::Sub": f"{place}{stage.table_prefix}{table}"}


def resources(stage: Stage) -> Resources:
    """Tables on demand, with every second of the last 35 days to go back to. Encrypted with DynamoDB's own key."""
    return {f"{model.__name__}Table": _table(stage, model) for model in TABLES}


def _table(stage: Stage, model: type[Any]) -> Resources:
    keys = [key for key in (model._hash_key_attribute(), model._range_key_attribute()) if key is not None]
    name = name_of(model)
    properties = {
        "TableName": f"{stage.table_prefix}{name}",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key.attr_name, "AttributeType": key.attr_type} for key in keys],
        "KeySchema": [
            {"AttributeName": key.attr_name, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    if name in TTL_TABLES:
        properties["TimeToLiveSpecification"] = {"AttributeName": TTL_TABLES[name], "Enabled": True}
    return {"Type": "AWS::DynamoDB::Table", "DependsOn": AFTER, **KEPT, "Properties": properties}

"""The stack that is never made anew: tables, secrets, and the bucket of zips."""

import json
import re
from collections.abc import Sequence
from typing import Any

from functions import settings, values
from functions.ledger.tables import TABLES, TTL_TABLES
from infra.aws.secret_documents import DOCUMENTS, GENERATED
from infra.aws.template import application, data
from tests.infra.templates import artifacts, filled, of_type, stage

TEMPLATE_BYTES_MAX = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


def test_every_table_is_the_ledgers() -> None:
    """Keys, types and names are those that the ledger uses; there is no table more or less."""
    tables = {each["TableName"]: each for each in of_type(data(stage()), "AWS::DynamoDB::Table").values()}
    assert set(tables) == {f"farebox-staging-{model.__name__.lower()}" for model in TABLES}
    for model in TABLES:
        schema, made = model._get_schema(), tables[f"farebox-staging-{model.__name__.lower()}"]
        assert _sorted(made["KeySchema"]) == _sorted(schema["key_schema"])
        assert made["KeySchema"][0]["KeyType"] == "HASH"
        assert _sorted(made["AttributeDefinitions"]) == _sorted(schema["attribute_definitions"])


def _sorted(parts: Sequence[Any]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(part.items()) for part in parts)


def test_tables_cannot_be_lost() -> None:
    """Protected from deletion, kept by the stack, and each second of the last 35 days can be gone back to."""
    found = [each for each in data(stage())["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table"]
    assert len(found) == len(TABLES)
    for each in found:
        assert each["DeletionPolicy"] == each["UpdateReplacePolicy"] == "Retain"
        assert each["Properties"]["DeletionProtectionEnabled"] is True
        assert each["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert each["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_tables_are_made_after_all_that_can_fail() -> None:
    """Once made, a table is protected: a first deployment that fails after that could not take it back."""
    resources = data(stage())["Resources"]
    others = {name for name, each in resources.items() if each["Type"] != "AWS::DynamoDB::Table"}
    assert len(others) >= 6
    for name, each in resources.items():
        expected = set() if name in others else others
        assert set(each.get("DependsOn", [])) == expected, name


def test_items_that_expire_do() -> None:
    """TTL is on where the ledger writes one, and nowhere else."""
    found = {
        each["TableName"].removeprefix("farebox-staging-"): each["TimeToLiveSpecification"]
        for each in of_type(data(stage()), "AWS::DynamoDB::Table").values()
        if "TimeToLiveSpecification" in each
    }
    assert found == {name: {"AttributeName": attribute, "Enabled": True} for name, attribute in TTL_TABLES.items()}


def test_secrets_are_never_written_twice() -> None:
    """CloudFormation writes a value again when the secret's own words change: these must stay to the letter."""
    resources = data(stage())["Resources"]
    generated = {"SecretStringTemplate": "{}", "PasswordLength": 64}
    generated |= {"ExcludePunctuation": True, "ExcludeCharacters": "xX"}
    expected = {
        "GatewaySecret": {
            "Name": "farebox-staging/gateway",
            "Description": "HASH_SECRET (generated), LLAMA_API_KEY",
            "GenerateSecretString": generated | {"GenerateStringKey": "HASH_SECRET"},
        },
        "AdminSecret": {
            "Name": "farebox-staging/admin",
            "Description": "ADMIN_KEY (generated)",
            "GenerateSecretString": generated | {"GenerateStringKey": "ADMIN_KEY"},
        },
        "PaymentsSecret": {
            "Name": "farebox-staging/payments",
            "Description": "STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, BTCPAY_API_KEY, BTCPAY_WEBHOOK_SECRET",
            "SecretString": "{}",
        },
        "MailSecret": {
            "Name": "farebox-staging/mail",
            "Description": "SMTP_PASSWORD",
            "SecretString": "{}",
        },
        "ProjectsSecret": {
            "Name": "farebox-staging/projects",
            "Description": "PROJECTS_SECRET (generated), PROJECTS_SECRET_BEFORE, OPERATOR_PROVIDERS",
            "GenerateSecretString": generated | {"GenerateStringKey": "PROJECTS_SECRET"},
        },
    }
    kind = "AWS::SecretsManager::Secret"
    assert of_type(data(stage()), kind) == expected
    for each in resources.values():
        if each["Type"] == kind:
            assert each["DeletionPolicy"] == each["UpdateReplacePolicy"] == "Retain"
    changed = stage(settings={"LLAMA_MODEL": "other"}, region="eu-west-1", logs={"retention_days": 7})
    assert of_type(data(changed), kind) == expected


def test_secrets_are_those_that_operators_set() -> None:
    """One for each document of infra/aws/secret_documents.py, which says what it is for."""
    made = of_type(data(stage()), "AWS::SecretsManager::Secret")
    names = {each["Name"].removeprefix("farebox-staging/"): each for each in made.values()}
    assert set(names) == set(DOCUMENTS)
    for name, held in DOCUMENTS.items():
        described = re.findall("[A-Z_]{5,}", names[name]["Description"])
        assert [setting for setting in held if setting in described] == described, "words that cannot change any more"
        assert name == "payments" or described == list(held)
        generated = names[name].get("GenerateSecretString", {}).get("GenerateStringKey")
        assert [setting for setting in held if setting in GENERATED] == ([generated] if generated else [])


def test_what_is_generated_is_no_placeholder() -> None:
    """Settings refuse secrets that begin like placeholders; without x no generated one begins with xxx."""
    for resource in of_type(data(stage()), "AWS::SecretsManager::Secret").values():
        made = resource.get("GenerateSecretString")
        if made:
            assert made["GenerateStringKey"] in GENERATED
            assert made["PasswordLength"] >= settings.PROJECTS_SECRET_LENGTH_MIN >= settings.SECRET_LENGTH_MIN
            short = [each for each in values.PLACEHOLDERS if each.isalpha() and len(each) < 4]
            assert all(set(each) <= set(made["ExcludeCharacters"]) for each in short)


def test_the_artifact_bucket_is_private_and_keeps_what_a_rollback_needs() -> None:
    """Encrypted, closed to the public and to plain HTTP; only what was overwritten or half sent is removed."""
    template = data(stage())
    bucket = template["Resources"]["ArtifactBucket"]
    assert bucket["DeletionPolicy"] == "Retain"
    properties = bucket["Properties"]
    assert filled(properties["BucketName"]) == "farebox-staging-artifacts-111122223333-eu-west-1"
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert {each["Status"] for each in rules} == {"Enabled"}
    assert not [each for each in rules if "ExpirationInDays" in each]
    (policy,) = of_type(template, "AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_data_stack_is_made_without_a_bucket() -> None:
    """It makes the bucket that longer templates lie in, so it is handed over whole."""
    assert len(json.dumps(data(stage()), indent=1)) < TEMPLATE_BYTES_MAX


def test_deploying_again_cannot_touch_data() -> None:
    """The stack that is deployed and rolled back has no table and no secret, and one bucket: the site's."""
    made = application(stage(), artifacts(stage()))["Resources"].values()
    kinds = [each.get("Type", "") for each in made]
    assert not [kind for kind in kinds if kind.startswith(("AWS::DynamoDB", "AWS::SecretsManager"))]
    assert kinds.count("AWS::S3::Bucket") == 1

"""Bringing stacks to their templates: what is shown, what is said when it fails, and how it goes on after that."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions import settings
from infra.aws.cloudformation import StackError, Stacks
from infra.aws.secret_documents import DOCUMENTS
from infra.aws.template import data as template_data
from tests import stand
from tests.infra import deployed, templates

NAME = "farebox-test"
REFUSED = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Metrics": [{"Id": "e", "Expression": "1"}],
    },
}
"""What MiniStack fails to make, with a reason; it comes after the tables in a template's order."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stand.ministack(tmp_path_factory.mktemp("stacks")) as url:
        yield url


class Told(Stacks):
    """Stacks, and what they tell."""

    def __init__(self, client: Any) -> None:
        self.lines: list[str] = []
        super().__init__(client, self.lines.append, poll_s=0.05)


@pytest.fixture
def stacks(url: str) -> Iterator[Told]:
    """No stack at first, and none after."""
    made = Told(deployed.client(url, "cloudformation"))
    yield made
    made.delete(NAME)


def table(name: str, **more: Any) -> dict[str, Any]:
    key = "id"
    properties = {
        "TableName": f"{NAME}-{name}",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties | more}


def template(**resources: Any) -> dict[str, str]:
    outputs = {"First": {"Value": {"Ref": next(iter(resources))}}}
    return {"TemplateBody": json.dumps({"Resources": resources, "Outputs": outputs})}


def test_create_update_delete(stacks: Told) -> None:
    """What will change is told before, each resource as it is ready; what is as it should be is left alone."""
    assert stacks.deploy(NAME, template(One=table("one")), {}, {"farebox": "test"})
    expected = [f"{NAME}: 1 change", "  + One (AWS::DynamoDB::Table)", "  create complete: One"]
    assert stacks.lines == expected
    assert (stacks.status(NAME), stacks.outputs(NAME)) == ("CREATE_COMPLETE", {"First": f"{NAME}-one"})

    stacks.lines.clear()
    assert not stacks.deploy(NAME, template(One=table("one")), {}, {"farebox": "test"})
    assert stacks.lines == [f"{NAME}: no changes"]

    stacks.lines.clear()
    guarded = table("one", DeletionProtectionEnabled=True)
    assert stacks.deploy(NAME, template(One=guarded, Two=table("two")), {}, {"farebox": "test"})
    assert {"  ~ One (AWS::DynamoDB::Table)", "  + Two (AWS::DynamoDB::Table)"} <= set(stacks.lines)
    assert [name for name in ("One", "Two") if any(line.endswith(f"complete: {name}") for line in stacks.lines)] == [
        "One",
        "Two",
    ]
    assert stacks.kinds(NAME) == {"AWS::DynamoDB::Table": [f"{NAME}-one", f"{NAME}-two"]}

    stacks.deploy(NAME, template(One=table("one"), Two=table("two")), {}, {"farebox": "test"})
    assert stacks.delete(NAME)
    assert (stacks.status(NAME), stacks.outputs(NAME), stacks.delete(NAME)) == ("", {}, False)


def test_a_first_deployment_that_fails(stacks: Told, url: str) -> None:
    """The reason of the resource that failed is told; the next deployment clears away what is left, and works.

    What a template keeps is not kept from a first deployment that failed: it would be in the way of the next.
    """
    kept = table("one") | {"DeletionPolicy": "Retain"}
    with pytest.raises(StackError, match=rf"{NAME}: Refused \(AWS::CloudWatch::Alarm\) failed: .*metric math"):
        stacks.deploy(NAME, template(One=kept, Refused=REFUSED | {"DependsOn": "One"}), {}, {})
    assert stacks.status(NAME) == "ROLLBACK_COMPLETE"
    assert deployed.client(url, "dynamodb").list_tables()["TableNames"] == []

    stacks.lines.clear()
    assert stacks.deploy(NAME, template(One=table("one")), {}, {})
    assert stacks.lines[0] == (
        f"{NAME}: left over from a first deployment that failed (ROLLBACK_COMPLETE); it is deleted first"
    )
    assert stacks.status(NAME) == "CREATE_COMPLETE"


def test_tables_are_made_last(url: str) -> None:
    """Where a secret of the data stack cannot be made, no protected table is there yet; the next deployment works."""
    stacks, tables = Told(deployed.client(url, "cloudformation")), deployed.client(url, "dynamodb")
    document = template_data(templates.stage("last"))
    failing = document | {"Resources": document["Resources"] | {"PaymentsSecret": REFUSED}}
    with pytest.raises(StackError, match=r"farebox-last-data: PaymentsSecret .* failed: "):
        stacks.deploy("farebox-last-data", {"TemplateBody": json.dumps(failing)}, {}, {})
    assert not [line for line in stacks.lines if "complete" in line and "Table" in line]
    assert (stacks.status("farebox-last-data"), tables.list_tables()["TableNames"]) == ("ROLLBACK_COMPLETE", [])

    assert stacks.deploy("farebox-last-data", {"TemplateBody": json.dumps(document)}, {}, {})
    for name in stacks.kinds("farebox-last-data")["AWS::DynamoDB::Table"]:
        tables.update_table(TableName=name, DeletionProtectionEnabled=False)
        tables.delete_table(TableName=name)
    stacks.delete("farebox-last-data")


def test_a_stage_of_an_older_version(url: str) -> None:
    """A secret and tables that an older version did not have come up by themselves; what was there is not touched."""
    stacks, secrets = Told(deployed.client(url, "cloudformation")), deployed.client(url, "secretsmanager")
    of = templates.stage("older")
    document = deployed.without_punctuation(template_data(of))
    added = {"ProjectsSecret", "ProjectsTable", "MembersTable"} & set(document["Resources"])
    older = {name: dict(each) for name, each in document["Resources"].items() if name not in added}
    for each in older.values():
        if "DependsOn" in each:
            each["DependsOn"] = [name for name in each["DependsOn"] if name in older]
    stacks.deploy("farebox-older-data", {"TemplateBody": json.dumps(document | {"Resources": older})}, {}, {})
    kept = {name: secret(secrets, f"farebox-older/{name}") for name in DOCUMENTS if name != "projects"}

    stacks.lines.clear()
    assert stacks.deploy("farebox-older-data", {"TemplateBody": json.dumps(document)}, {}, {})
    changes = {line.split()[1] for line in stacks.lines if line.startswith("  +")}
    assert changes == added
    assert not [line for line in stacks.lines if line.startswith(("  ~", "  -"))]
    assert {name: secret(secrets, f"farebox-older/{name}") for name in kept} == kept
    made = secret(secrets, "farebox-older/projects")
    assert set(made) == {"PROJECTS_SECRET"}
    assert settings.read(made).projects_secret == made["PROJECTS_SECRET"]


def secret(client: Any, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return found


def test_what_only_describes_a_stack(stacks: Told) -> None:
    """A new version in the description alone is no change: CloudFormation keeps the old one, and nothing is touched."""
    made = json.loads(template(One=table("one"))["TemplateBody"]) | {"Description": "Version 1."}
    assert stacks.deploy(NAME, {"TemplateBody": json.dumps(made)}, {}, {"farebox": "test"})
    made["Description"] = "Version 2."
    assert not stacks.deploy(NAME, {"TemplateBody": json.dumps(made)}, {}, {"farebox": "test"})
    assert stacks.lines[-1] == f"{NAME}: no changes"
    assert stacks.status(NAME) == "CREATE_COMPLETE"


def test_an_update_that_fails(stacks: Told) -> None:
    """The reason is told, the stack is as it was, and the next deployment works and tells only of itself."""
    stacks.deploy(NAME, template(One=table("one")), {}, {})
    with pytest.raises(StackError, match=r"Refused .* failed: .*metric math"):
        stacks.deploy(NAME, template(One=table("one"), Refused=REFUSED), {}, {})
    assert (stacks.status(NAME), list(stacks.resources(NAME))) == ("UPDATE_ROLLBACK_COMPLETE", ["One"])

    stacks.lines.clear()
    assert stacks.deploy(NAME, template(One=table("one"), Two=table("two")), {}, {})
    assert not any("Refused" in line or "failed" in line for line in stacks.lines)


def test_a_template_that_is_wrong(stacks: Told) -> None:
    """A template that CloudFormation does not take is refused in its own words."""
    wrong = {"TemplateBody": json.dumps({"Resources": {"One": {"Type": "AWS::DynamoDB::Tabel", "Properties": {}}}})}
    with pytest.raises((StackError, ClientError), match="Tabel"):
        stacks.deploy(NAME, wrong, {}, {})

"""cfn-lint, with nothing ignored, on what is deployed. It makes plain resources of SAM's, as CloudFormation does."""

import json
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infra.aws.stage import Stage
from infra.aws.template import data
from tests.infra.templates import FULL, Template, merged, stage

VARIANTS: dict[str, Stage] = {
    "staging": stage(),
    "everything on": stage(
        **FULL,
        alarms={"mail": "operator@example.com"},
        capacity={"reserved_concurrency": {"stream": 100}},
    ),
    "neither streaming nor authorizer": stage(
        "prod",
        streaming=False,
        architecture="x86_64",
        region="eu-central-1",
        admin={"iam": True},
        network={"subnet_ids": ["subnet-0a1b2c3d"], "security_group_ids": ["sg-0a1b2c3d"]},
    ),
}


def found(template: Template, region: str) -> list[str]:
    config: ManualArgs = {"regions": [region], "include_checks": ["I"]}
    return [f"{each.rule.id} {each.message} at {each.path}" for each in lint(json.dumps(template), config=config)]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_application_passes_cfn_lint(name: str) -> None:
    """No error, no warning, no hint in what CloudFormation is handed."""
    assert found(merged(VARIANTS[name]), VARIANTS[name].region) == []


def test_the_data_passes_cfn_lint() -> None:
    """Neither in the stack of tables and secrets."""
    assert found(data(stage()), "us-east-1") == []


def test_cfn_lint_would_tell() -> None:
    """A wrong runtime, a reference to nothing and a malformed schedule are found: the checks above do look."""
    template = merged(stage())
    wrong: dict[str, dict[str, Any]] = {
        "StreamFunction": {"Runtime": "python1.0"},
        "APIHandler": {"Layers": [{"Ref": "NoLayer"}]},
        "NightlyAuditSchedule": {"ScheduleExpression": "every night"},
    }
    for resource, change in wrong.items():
        template["Resources"][resource]["Properties"] |= change
    told = found(template, "us-east-1")
    assert all(any(resource in each for each in told) for resource in wrong), told

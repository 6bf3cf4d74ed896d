"""What a stage consists of on AWS, as CloudFormation templates made of plain dicts.

Built rather than written: the tables come from functions/ledger/tables.py, the environment from the stage, and one
list of functions (functions.py) gives each its role, log group, alarms and place on the dashboard.
"""

from typing import Any

from infra.aws.artifacts import Artifacts
from infra.aws.boundary import bounded
from infra.aws.stage import Stage
from infra.aws.template import access, alarms, api, dashboard, functions, hosting, scheduled, secrets, tables

VERSION = "2010-09-09"


def application(stage: Stage, artifacts: Artifacts) -> dict[str, Any]:
    """What is merged over Chalice's own template, maps deeply: everything that can be deployed again without loss."""
    return bounded(
        {
            "Description": f"Farebox, {stage.name}: functions, API, site, alarms. Version {artifacts.version}.",
            "Parameters": functions.parameters(stage),
            "Resources": {
                **functions.resources(stage, artifacts),
                **access.resources(stage),
                **api.resources(stage),
                **hosting.resources(stage),
                **scheduled.resources(stage),
                **alarms.resources(stage),
                **dashboard.resources(stage),
            },
            "Outputs": {**functions.outputs(stage), **hosting.OUTPUTS, **scheduled.OUTPUTS},
        }
    )


def data(stage: Stage) -> dict[str, Any]:
    """Everything that is never made anew: tables, secrets, and the bucket of what was deployed."""
    return {
        "AWSTemplateFormatVersion": VERSION,
        "Description": f"Farebox, {stage.name}: tables, secrets, artifacts. Kept when the stage is destroyed.",
        "Resources": {**tables.resources(stage), **secrets.resources(stage), **hosting.artifact_bucket(stage)},
        "Outputs": {"ArtifactBucketName": {"Value": {"Ref": "ArtifactBucket"}}},
    }

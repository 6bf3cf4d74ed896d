"""The templates as they are deployed: Chalice's own with ours merged over it, and what SAM makes of that."""

import functools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from chalice.package import TemplateDeepMerger
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.aws import chalice_template, stage_file
from infra.aws.artifacts import LAYERS, Artifacts, bucket_value
from infra.aws.stage import Stage
from infra.aws.template import application

ROOT = Path(__file__).parents[2]
Template = dict[str, Any]
Document = dict[str, Any]
"""What the file of a stage says."""

DIGEST = "0" * 64
MAILED: Document = {"mail": {"identity": "example.com"}, "settings": {"SMTP_FROM": "Farebox <key@example.com>"}}
VPN: Document = {"network": {"vpn": "wireguard", "wireguard_peer_key": "k", "remote_cidrs": ["100.64.0.0/24"]}}


FULL: Document = {**MAILED, **VPN, "admin": {"allowed_cidrs": ["203.0.113.7/32"]}}
"""Everything on."""


def stage(name: str = "staging", **document: Any) -> Stage:
    """A stage of which the file says this."""
    return stage_file.made(name, document)


def artifacts(of: Stage) -> Artifacts:
    keys = {name: f"layers/{name}-{DIGEST}.zip" for name in LAYERS}
    return Artifacts(bucket_value(of.name), f"code/{DIGEST}.zip", keys, "1234567")


@functools.cache
def _chalice(name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder)
        for file in ("app.py", ".chalice/policy-api.json"):
            (clean / file).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / file, clean / file)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "functions", clean / "vendor" / "functions", ignore=ignored)
        (clean / "requirements.txt").touch()
        return json.dumps(chalice_template.run(ROOT, clean, stage(name))[0])


def merged(of: Stage) -> Template:
    """The template of the application."""
    made: Template = TemplateDeepMerger().merge(application(of, artifacts(of)), json.loads(_chalice(of.name)))
    return made


def transformed(of: Stage) -> Template:
    """What CloudFormation makes of it: plain resources, with no SAM."""
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=of.region))
    made: Template = translator.translate(merged(of), {})
    return made


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """The properties of each resource of a type, by logical id."""
    return {
        name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind
    }


def filled(value: Any) -> Any:
    """A value with what CloudFormation fills in: pseudo parameters as an example, logical ids as they are."""
    if isinstance(value, dict) and len(value) == 1:
        (function, argument), *_ = value.items()
        if function == "Fn::Sub":
            text = argument if isinstance(argument, str) else argument[0]
            for name, example in PSEUDO.items():
                text = text.replace(f"${{{name}}}", example)
            return text
        if function == "Ref":
            return PSEUDO.get(argument, argument)
        if function == "Fn::GetAtt":
            return ".".join(argument)
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    return [filled(each) for each in value] if isinstance(value, list) else value


PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
}


def methods(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and definition of everything that the API answers."""
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    for path, of_path in paths.items():
        for method, definition in of_path.items():
            yield path, method, definition


def role_of(template: Template, function_id: str) -> str:
    """The logical id of a function's role."""
    role: str = template["Resources"][function_id]["Properties"]["Role"]["Fn::GetAtt"][0]
    return role


def statements(template: Template, role_id: str) -> list[dict[str, Any]]:
    """What a role may do, with names filled in."""
    policies = template["Resources"][role_id]["Properties"]["Policies"]
    return [filled(statement) for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def policy_documents(name: str) -> dict[str, Any]:
    """What the snapshot holds: of a stage with everything on, the statements of every policy by logical id."""
    resources = application(stage(name, **FULL), artifacts(stage(name)))["Resources"]
    found: dict[str, Any] = {}
    for logical_id, resource in sorted(resources.items()):
        properties = resource["Properties"]
        if "Policies" in properties:
            found[logical_id] = properties["Policies"][0]["PolicyDocument"]["Statement"]
        elif "PolicyDocument" in properties:
            found[logical_id] = properties["PolicyDocument"]["Statement"]
        elif resource.get("Type") == "AWS::Lambda::Permission":
            found[logical_id] = properties
    return found

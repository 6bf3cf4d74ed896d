"""What lets GitHub Actions deploy without any stored key: `python -m infra.aws.github --repository owner/name`.

The stack `farebox-github`, once an account: GitHub as an identity provider (or the one that is there already), and
for each stage a role that only its environment of only this repository can take on, from `main` or a version's tag,
for an hour; with the policies of infra/aws/permissions.py, and the boundary of whatever roles a deployment makes.
https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import permissions
from infra.aws.boundary import boundary
from infra.aws.cloudformation import StackError, Stacks
from infra.aws.permissions import Statement
from infra.aws.stage import Stage
from infra.aws.stage_file import StageError, read

STACK = "farebox-github"
ISSUER = "token.actions.githubusercontent.com"
ENVIRONMENTS = {"staging": "staging", "prod": "production"}
"""The environment of GitHub that deploys each stage."""
REFS = {"staging": ["refs/heads/main"], "prod": ["refs/heads/main", "refs/tags/v*"]}
"""From where: production also from a tag, to go back to a version."""
POLICY_CHARACTERS_MAX = 6144
"""Of a managed policy, white space not counted."""
SESSION_S_MAX = 3600
REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"

Resource = dict[str, Any]


def template(stages: list[Stage]) -> dict[str, Any]:
    """The stack's template, for these stages."""
    resources: dict[str, Resource] = {"Provider": _provider()}
    outputs: dict[str, Any] = {}
    for stage in stages:
        title = stage.name.title()
        resources |= _policies(stage)
        resources[f"{title}Role"] = _role(stage, [name for name in resources if name.startswith(f"{title}Deploy")])
        outputs[f"{title}RoleArn"] = {
            "Description": f"The variable AWS_ROLE_ARN of the environment {ENVIRONMENTS[stage.name]}",
            "Value": {"Fn::GetAtt": [f"{title}Role", "Arn"]},
        }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Farebox: GitHub Actions deploys from one repository, without stored keys.",
        "Parameters": _parameters(),
        "Conditions": {
            "MakesProvider": {"Fn::Equals": [{"Ref": "ProviderArn"}, ""]},
            "HasIds": {"Fn::Not": [{"Fn::Equals": [{"Ref": "RepositoryId"}, ""]}]},
        },
        "Resources": resources,
        "Outputs": outputs,
    }


def _parameters() -> dict[str, Any]:
    number = {"Type": "String", "Default": "", "AllowedPattern": "[0-9]*"}
    return {
        "Repository": {"Type": "String", "AllowedPattern": REPOSITORY, "Description": "owner/name"},
        "OwnerId": {**number, "Description": "The owner's number, where RepositoryId is given"},
        "RepositoryId": {**number, "Description": "The repository's number: another of the same name is then refused"},
        "ProviderArn": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": f"|arn:aws[a-z-]*:iam::[0-9]{{12}}:oidc-provider/{re.escape(ISSUER)}",
            "Description": f"An account has one provider of {ISSUER}; empty makes it",
        },
    }


def _provider() -> Resource:
    # Kept when the stack goes: other repositories' roles may trust it by then.
    return {
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "MakesProvider",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
    }


def _policies(stage: Stage) -> dict[str, Resource]:
    """The boundary, and the deploy role's permissions in as many managed policies as their size asks for."""
    title = stage.name.title()
    parts: dict[str, Callable[[Stage], list[Statement]]] = {
        "Calls": permissions.deploying,
        "Data": permissions.data,
        "Application": permissions.application,
        "Surroundings": permissions.surroundings,
        "Roles": permissions.roles,
        "Others": permissions.others,
    }
    if stage.makes_network:
        parts["Network"] = permissions.network
    made = {f"{title}Boundary": _policy(boundary(stage), permissions.boundary_name(stage))}
    for name, statements in parts.items():
        made[f"{title}Deploy{name}"] = _policy(statements(stage), f"{STACK}-{stage.name}-{name.lower()}")
    return made


def _policy(statements: list[Statement], name: str) -> Resource:
    document = {"Version": "2012-10-17", "Statement": statements}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": name, "PolicyDocument": document}}


def _role(stage: Stage, policies: list[str]) -> Resource:
    """The role's own name begins with `farebox-github`: none that its permissions reach."""
    environment = ENVIRONMENTS[stage.name]
    # A repository made or renamed since June 2026 has its numbers in the subject:
    # https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
    by_name = {"Fn::Sub": f"repo:${{Repository}}:environment:{environment}"}
    names = {name: {"Fn::Select": [index, {"Fn::Split": ["/", {"Ref": "Repository"}]}]} for index, name in OWNER_NAME}
    by_number = [
        f"repo:${{Owner}}{mark}${{OwnerId}}/${{Name}}{mark}${{RepositoryId}}:environment:{environment}" for mark in "@-"
    ]
    subjects = [by_name, *({"Fn::Sub": [subject, names]} for subject in by_number)]
    number = {"Fn::If": ["HasIds", {"Ref": "RepositoryId"}, {"Ref": "AWS::NoValue"}]}
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": {"Fn::If": ["MakesProvider", {"Ref": "Provider"}, {"Ref": "ProviderArn"}]}},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": {"Fn::If": ["HasIds", subjects, [by_name]]},
                f"{ISSUER}:repository_id": number,
            },
            "StringLike": {f"{ISSUER}:ref": REFS[stage.name]},
        },
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": f"{STACK}-{stage.name}",
            "Description": f"GitHub Actions deploys Farebox's {stage.name}",
            "MaxSessionDuration": SESSION_S_MAX,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "ManagedPolicyArns": [{"Ref": policy} for policy in policies],
        },
    }


OWNER_NAME = ((0, "Owner"), (1, "Name"))


def provider_to_use(stacks: Stacks, iam: Any) -> str:
    """The ARN of a provider of GitHub that somebody else made in this account; "" where this stack makes it."""
    if stacks.status(STACK) and "Provider" in stacks.resources(STACK):
        return ""
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return next((str(one["Arn"]) for one in providers if one["Arn"].endswith(f"/{ISSUER}")), "")


def main(arguments: list[str] | None = None) -> int:
    """Deploy the stack, or write its template. Needs rights of an administrator of IAM."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.github", description=main.__doc__)
    parser.add_argument("--repository", required=True, help="owner/name on GitHub")
    parser.add_argument("--owner-id", default="", help="the owner's number, where --repository-id is given")
    parser.add_argument("--repository-id", default="", help="the repository's number: no other of its name gets in")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the template there instead of deploying it")
    chosen = parser.parse_args(arguments)
    if not re.fullmatch(REPOSITORY, chosen.repository):
        parser.error("--repository is owner/name")
    if bool(chosen.owner_id) != bool(chosen.repository_id):
        parser.error("--owner-id and --repository-id need each other")
    try:
        stages = [read(name) for name in ENVIRONMENTS]
        if chosen.write:
            chosen.write.write_text(json.dumps(template(stages), indent=1) + "\n")
        else:
            deploy(stages, chosen)
    except (StackError, ClientError, BotoCoreError, StageError, OSError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return 1
    return 0


def deploy(stages: list[Stage], chosen: argparse.Namespace) -> None:
    """Make the stack what the template says, and print the roles' ARNs. Raises StackError and boto3's errors."""
    session = boto3.Session(region_name=stages[0].region)
    stacks = Stacks(session.client("cloudformation"), lambda line: print(line, file=sys.stderr))
    parameters = {
        "Repository": chosen.repository,
        "OwnerId": chosen.owner_id,
        "RepositoryId": chosen.repository_id,
        "ProviderArn": provider_to_use(stacks, session.client("iam")),
    }
    body = json.dumps(template(stages), separators=(",", ":"))
    stacks.deploy(STACK, {"TemplateBody": body}, parameters, {permissions.TAG: "github"})
    for name, value in sorted(stacks.outputs(STACK).items()):
        print(f"{name} {value}")


if __name__ == "__main__":
    sys.exit(main())

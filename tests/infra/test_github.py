"""What GitHub Actions may do in the AWS account: who gets in, what a deployment needs, and what nothing gives it."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import boto3
import cfnlint
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber
from cfnlint.api import lint_all
from moto import mock_aws

from infra.aws import boundary, github, network, permissions, template
from infra.aws.artifacts import LAYERS, Artifacts, bucket_value
from infra.aws.cloudformation import TEMPLATE_BYTES_MAX, StackError, Stacks
from infra.aws.stage import Mail, Network, Stage
from infra.aws.stage_file import StageError, read
from infra.aws.template import functions, scheduled
from tests.infra.policies import ACCOUNT, PARTITION, allows, listed, resolved

REGION = "eu-central-1"
BY_CLOUDFORMATION: dict[str, Any] = {"aws__CalledVia": ["cloudformation.amazonaws.com"]}
LAYER_KEYS = {name: f"layers/{name}.zip" for name in LAYERS}
ARTIFACTS = Artifacts(bucket_value("staging"), "code/c.zip", LAYER_KEYS, "1")
KEY = "A" * 43 + "="


def stage(name: str = "staging", vpn: str = "none", outbound: str = "none") -> Stage:
    """A stage of the repository, with everything switched on that adds resources."""
    there = Network(
        vpn=vpn,
        outbound=outbound,
        remote_cidrs=("100.64.0.0/24",),
        customer_gateway_ip="192.0.2.1",
        wireguard_peer_key=KEY,
    )
    made = read(name)
    alarms = dataclasses.replace(made.alarms, mail="operator@example.com")
    settings = {**made.settings, "SMTP_FROM": "no-reply@example.com"}
    mail = Mail(identity="example.com")
    return dataclasses.replace(made, region=REGION, network=there, alarms=alarms, mail=mail, settings=settings)


NETWORKS = [("none", "none"), *((vpn, out) for vpn in ("wireguard", "site-to-site") for out in ("none", "ipv6", "nat"))]


def templates(of: Stage) -> dict[str, dict[str, Any]]:
    """A stage's stacks as they are deployed; what Chalice packages is there as the resources that SAM makes of it."""
    chalice: dict[str, Any] = {
        kind: {"Type": kind, "Properties": {}}
        for kind in (
            "AWS::Lambda::Function",
            "AWS::ApiGateway::RestApi",
            "AWS::ApiGateway::Deployment",
            "AWS::ApiGateway::Stage",
        )
    }
    made = template.application(of, ARTIFACTS)
    made["Resources"] = {name: each for name, each in made["Resources"].items() if "Type" in each} | chalice
    there = network.template(of)
    return {"data": template.data(of), "application": made} | ({"network": boundary.bounded(there)} if there else {})


def values(of: Stage, **conditions: Any) -> dict[str, Any]:
    """What a template's functions are computed with; ids of resources are their names."""
    names = {"AWS::Region": of.region, "AWS::URLSuffix": "amazonaws.com", boundary.PARAMETER: "arn:boundary"}
    known: dict[str, Any] = {boundary.CONDITION: True, **names, **conditions}
    for made in templates(of).values():
        for name in made["Resources"]:
            known |= {name: name, f"{name}.Arn": f"arn:{name}"}
    return known


def deploys(of: Stage) -> list[dict[str, Any]]:
    """Every statement of a stage's deploy role, as its policies in the template say."""
    made = github.template([of])["Resources"]
    role = made[f"{of.name.title()}Role"]["Properties"]
    names = [each["Ref"] for each in role["ManagedPolicyArns"]]
    found = [made[name]["Properties"]["PolicyDocument"]["Statement"] for name in names]
    return [resolved(statement, {}) for statements in found for statement in statements]


@functools.cache
def registry() -> dict[str, dict[str, list[str]]]:
    """What CloudFormation's registry says that each handler of each type calls."""
    found = {}
    for path in (Path(cfnlint.__file__).parent / "data/schemas/resources").glob("*.json"):
        schema = json.loads(path.read_text())
        handlers = schema.get("handlers", {})
        found[schema["typeName"]] = {name: each.get("permissions", []) for name, each in handlers.items()}
    return found


def arn(service: str, rest: str, region: str = REGION) -> str:
    return f"arn:{PARTITION}:{service}:{region}:{ACCOUNT}:{rest}"


# --- who gets in -----------------------------------------------------------------------------------------------------

REPOSITORY = {"Repository": "ada/farebox", "OwnerId": "", "RepositoryId": "", "ProviderArn": ""}
NUMBERED = REPOSITORY | {"OwnerId": "11", "RepositoryId": "22"}
STAGING_CLAIMS = {"aud": "sts.amazonaws.com", "sub": "repo:ada/farebox:environment:staging", "ref": "refs/heads/main"}
PROD_CLAIMS = STAGING_CLAIMS | {"sub": "repo:ada/farebox:environment:production"}
NEW_SUBJECT = "repo:ada@11/farebox@22:environment:staging"


def lets_in(name: str, given: dict[str, str], claims: dict[str, str]) -> bool:
    conditions = {"MakesProvider": True, "HasIds": bool(given["RepositoryId"]), "Provider": "arn:provider"}
    role = github.template([stage(name)])["Resources"][f"{name.title()}Role"]["Properties"]
    trust = resolved(role["AssumeRolePolicyDocument"]["Statement"], given | conditions)
    context = {f"{github.ISSUER}:{claim}": value for claim, value in claims.items()}
    return allows(trust, "sts:AssumeRoleWithWebIdentity", **context)


@pytest.mark.parametrize(
    ("name", "given", "claims", "enters"),
    [
        ("staging", REPOSITORY, STAGING_CLAIMS, True),
        ("prod", REPOSITORY, PROD_CLAIMS, True),
        ("prod", REPOSITORY, PROD_CLAIMS | {"ref": "refs/tags/v1.4.0"}, True),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"ref": "refs/tags/v1.4.0"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"ref": "refs/heads/other"}, False),
        ("prod", REPOSITORY, PROD_CLAIMS | {"ref": "refs/pull/1/merge"}, False),
        ("prod", REPOSITORY, PROD_CLAIMS | {"ref": "refs/tags/other"}, False),
        ("prod", REPOSITORY, STAGING_CLAIMS, False),
        ("staging", REPOSITORY, PROD_CLAIMS, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"sub": "repo:ada/farebox:ref:refs/heads/main"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"sub": "repo:ada/farebox:pull_request"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"sub": "repo:eve/farebox:environment:staging"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"sub": "repo:ada/farebox2:environment:staging"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"aud": "somebody-else"}, False),
        ("staging", REPOSITORY, {key: value for key, value in STAGING_CLAIMS.items() if key != "sub"}, False),
        ("staging", REPOSITORY, STAGING_CLAIMS | {"sub": NEW_SUBJECT}, False),
        ("staging", NUMBERED, STAGING_CLAIMS | {"repository_id": "22"}, True),
        ("staging", NUMBERED, STAGING_CLAIMS | {"repository_id": "22", "sub": NEW_SUBJECT}, True),
        ("staging", NUMBERED, STAGING_CLAIMS | {"repository_id": "23"}, False),
        ("staging", NUMBERED, STAGING_CLAIMS, False),
        ("staging", NUMBERED, STAGING_CLAIMS | {"repository_id": "22", "sub": NEW_SUBJECT.replace("@11", "@1")}, False),
    ],
)
def test_only_this_repositorys_environment_gets_in(
    name: str, given: dict[str, str], claims: dict[str, str], enters: bool
) -> None:
    """A role is taken on from its environment of this repository, main or a tag; with numbers, by them."""
    assert lets_in(name, given, claims) is enters


def test_a_provider_that_is_there_is_trusted_and_not_made_again() -> None:
    """An account has one provider of an issuer: where it is there already, roles trust it and none is made."""
    made = github.template([stage()])["Resources"]
    assert made["Provider"]["Condition"] == "MakesProvider"
    theirs = arn("iam", f"oidc-provider/{github.ISSUER}", "")
    given = REPOSITORY | {"ProviderArn": theirs, "MakesProvider": False, "HasIds": False}
    statement = made["StagingRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert resolved(statement["Principal"], given) == {"Federated": theirs}


# --- what a deployment needs -----------------------------------------------------------------------------------------

NOT_USED = {
    "items are the functions' business": "dynamodb:BatchWriteItem DeleteItem GetItem PutItem Query Scan UpdateItem",
    "no table is a copy, imported, streamed or shared": "dynamodb:AssociateTableReplica CreateTableReplica ImportTable"
    " DescribeImport EnableKinesisStreamingDestination DisableKinesisStreamingDestination"
    " UpdateKinesisStreamingDestination PutResourcePolicy DeleteResourcePolicy",
    "secrets are not read, and not copied": "secretsmanager:GetSecretValue ReplicateSecretToRegions"
    " RemoveRegionsFromReplication",
    "a boundary is never taken off": "iam:DeleteRolePermissionsBoundary",
    "made by the first table, VPN or endpoint of an account": "iam:CreateServiceLinkedRole",
    "a bucket is never deleted, and its objects have no rules of their own": "s3:DeleteBucket PutBucketAcl"
    " PutObjectAcl PutObjectLockConfiguration PutBucketObjectLockConfiguration GetObjectMetadata REST.PUT.OBJECT",
    "nothing a bucket here has": "s3:CreateBucketMetadataTableConfiguration DeleteBucketMetadataTableConfiguration"
    " DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle"
    " DeleteBucketMetricsConfiguration DeleteBucketReplication DeleteBucketWebsite PutAccelerateConfiguration"
    " PutAnalyticsConfiguration PutBucketAbac PutBucketLogging PutBucketNotification PutBucketReplication"
    " PutBucketWebsite PutIntelligentTieringConfiguration PutInventoryConfiguration PutMetricsConfiguration"
    " PutReplicationConfiguration UpdateBucketMetadataAnnotationTableConfiguration"
    " UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration",
    "no distribution of tenants, in a VPC or being tried": "cloudfront:CreateConnectionGroup GetConnectionGroup"
    " GetVpcOrigin UpdateDistributionWithStagingConfig CreateDistributionWithTags",
    "no log is delivered elsewhere or opened to others": "logs:CreateLogDelivery DeleteLogDelivery"
    " GetLogDelivery ListLogDeliveries UpdateLogDelivery PutResourcePolicy",
    "no function is signed, pinned to a runtime, or runs on instances": "lambda:AssociateRuntimeAlias"
    " DeleteFunctionCodeSigningConfig GetCodeSigningConfig PassCapacityProvider PutFunctionCodeSigningConfig"
    " PutFunctionRecursionConfig PutFunctionScalingConfig",
    "logs are written by functions, and have neither key nor rule nor index": "logs:AssociateKmsKey"
    " DisassociateKmsKey DeleteDataProtectionPolicy DeleteIndexPolicy DeleteResourcePolicy PutBearerTokenAuthentication"
    " PutDataProtectionPolicy PutIndexPolicy PutLogGroupDeletionProtection CreateLogStream DescribeLogStreams"
    " PutLogEvents",
    "no topic hides parts of what it tells": "sns:PutDataProtectionPolicy",
    "no other network": "ec2:AcceptAddressTransfer AllocateIpamPoolCidr CreateVpcEncryptionControl ModifyVpcTenancy"
    " AssignPrivateNatGatewayAddress AssociateNatGatewayAddress DisassociateNatGatewayAddress"
    " UnassignPrivateNatGatewayAddress",
    "the router has one disk and no extra": "ec2:AttachVolume DetachVolume ModifyInstancePlacement"
    " ModifyPrivateDnsNameOptions MonitorInstances UnmonitorInstances",
}
"""What the registry names for features that no template here uses."""
SERVICES_NOT_USED = ("kms", "kinesis", "firehose", "s3tables", "s3files", "elasticfilesystem", "vpc-lattice", "vpce")
IN_A_VPC = {f"ec2:Describe{what}" for what in ("SecurityGroups", "Subnets", "Vpcs", "NetworkInterfaces")}
ASSOCIATIONS = {f"ssm:{verb}Association" for verb in ("Create", "Delete", "Describe")} | {"ssm:ListAssociations"}


def not_used() -> set[str]:
    found = set(ASSOCIATIONS)
    for words in NOT_USED.values():
        service, _, actions = words.partition(":")
        found |= {f"{service}:{action}" for action in actions.split()}
    return found


@pytest.mark.parametrize(("vpn", "outbound"), NETWORKS)
def test_a_deployment_may_do_what_cloudformations_registry_asks(vpn: str, outbound: str) -> None:
    """For every resource of every stack, each call of its handlers is allowed, or said to be of what is not used."""
    of = stage("staging", vpn, outbound)
    granted = {action for statement in deploys(of) if statement["Effect"] == "Allow" for action in statement["Action"]}
    missing = {}
    for name, made in templates(of).items():
        verbs = ("create", "read", "update") if name == "data" else ("create", "read", "update", "delete")
        for kind in {resource["Type"] for resource in made["Resources"].values()}:
            handlers = registry()[kind]
            needed = {action for verb in verbs for action in handlers.get(verb, [])}
            needed = {action for action in needed if action.split(":")[0] not in SERVICES_NOT_USED}
            if missed := needed - granted - not_used() - (set() if of.in_vpc else IN_A_VPC):
                missing[kind] = sorted(missed)
    assert missing == {}
    assert not granted & (not_used() - {"s3:DeleteObject"})


NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:CreateTable", "dynamodb", "table/"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:CreateSecret", "secretsmanager", "secret:"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:UpdateFunctionCode", "lambda", "function:"),
    "AWS::Lambda::LayerVersion": ("LayerName", "lambda:PublishLayerVersion", "lambda", "layer:"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:PutRetentionPolicy", "logs", "log-group:"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:PutMetricAlarm", "cloudwatch", "alarm:"),
    "AWS::SNS::Topic": ("TopicName", "sns:CreateTopic", "sns", ""),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:CreateStateMachine", "states", "stateMachine:"),
    "AWS::Scheduler::Schedule": ("Name", "scheduler:CreateSchedule", "scheduler", "schedule/default/"),
}


@pytest.mark.parametrize(("vpn", "outbound"), NETWORKS[:2])
def test_a_deployment_reaches_its_own_names_and_no_others(vpn: str, outbound: str) -> None:
    """What a stage names is within its deploy role, and the same names of another stage are not."""
    of, seen = stage("staging", vpn, outbound), set()
    own, other = deploys(of), deploys(stage("prod", vpn, outbound))
    for made in templates(of).values():
        for resource in made["Resources"].values():
            kind, properties = resource["Type"], resource["Properties"]
            name, action, service, before = NAMED.get(kind, ("", "", "", ""))
            if name not in properties:
                continue
            end = {"AWS::Logs::LogGroup": ":*", "AWS::SecretsManager::Secret": "-Ab12Cd"}.get(kind, "")
            target = arn(service, f"{before}{resolved(properties[name], values(of))}{end}")
            assert allows(own, action, target, **BY_CLOUDFORMATION), target
            assert not allows(other, action, target, **BY_CLOUDFORMATION), target
            seen.add(kind)
    assert seen == set(NAMED)
    for bucket in ("artifacts", "site"):
        target = f"arn:{PARTITION}:s3:::farebox-staging-{bucket}-{ACCOUNT}-{REGION}"
        assert allows(own, "s3:CreateBucket", target, **BY_CLOUDFORMATION)
        assert allows(own, "s3:PutObject", f"{target}/key")
        assert not allows(other, "s3:PutObject", f"{target}/key")
    for stack in ("farebox-staging", "farebox-staging-data", "farebox-staging-network"):
        assert allows(own, "cloudformation:ExecuteChangeSet", arn("cloudformation", f"stack/{stack}/1-2"))
        assert not allows(other, "cloudformation:ExecuteChangeSet", arn("cloudformation", f"stack/{stack}/1-2"))


# --- what nothing gives it -------------------------------------------------------------------------------------------

OWN_ROLE = arn("iam", "role/farebox-staging-StreamFunctionRole-1ABC", "")
BOUNDARY = arn("iam", "policy/farebox-github-staging-boundary", "")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteTable", arn("dynamodb", "table/farebox-staging-accounts")),
        ("dynamodb:GetItem", arn("dynamodb", "table/farebox-staging-accounts")),
        ("dynamodb:PutItem", arn("dynamodb", "table/farebox-staging-accounts")),
        ("dynamodb:RestoreTableToPointInTime", arn("dynamodb", "table/farebox-staging-accounts")),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:farebox-staging/admin-Ab12Cd")),
        ("secretsmanager:DeleteSecret", arn("secretsmanager", "secret:farebox-staging/admin-Ab12Cd")),
        ("s3:DeleteBucket", f"arn:{PARTITION}:s3:::farebox-staging-artifacts-{ACCOUNT}-{REGION}"),
        ("logs:FilterLogEvents", arn("logs", "log-group:/aws/lambda/farebox-staging-stream:*")),
        ("lambda:InvokeFunction", arn("lambda", "function:farebox-staging-maintenance")),
        ("cloudformation:DeleteStack", arn("cloudformation", "stack/farebox-staging-data/1-2")),
        ("cloudformation:UpdateStack", arn("cloudformation", "stack/farebox-github/1-2")),
        ("iam:PutRolePolicy", arn("iam", "role/farebox-github-staging", "")),
        ("iam:UpdateAssumeRolePolicy", arn("iam", "role/farebox-github-staging", "")),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("iam:DeletePolicy", BOUNDARY),
        ("iam:CreateUser", arn("iam", "user/eve", "")),
        ("iam:CreateRole", arn("iam", "role/other", "")),
        ("iam:DeleteRolePermissionsBoundary", OWN_ROLE),
        ("sts:AssumeRole", arn("iam", "role/farebox-github-prod", "")),
    ],
)
def test_a_deployment_cannot_reach_data_or_its_own_rights(action: str, resource: str) -> None:
    """No data is read or deleted, no secret is seen, and the rights of a deployment cannot be widened by one."""
    context = BY_CLOUDFORMATION | {"iam__PermissionsBoundary": BOUNDARY, "aws__RequestedRegion": REGION}
    assert not allows(deploys(stage("staging", "wireguard", "nat")), action, resource, **context)


def test_resources_change_only_through_cloudformation() -> None:
    """The credentials themselves call CloudFormation, two buckets, the site's cache and the first audit, no more."""
    direct = {
        action
        for statement in deploys(stage("staging", "wireguard", "nat"))
        if statement["Effect"] == "Allow" and "ForAnyValue:StringEquals" not in statement.get("Condition", {})
        for action in statement["Action"]
    }
    few = ("iam", "cloudfront", "secretsmanager", "states")
    assert {action.split(":")[0] for action in direct} == {"cloudformation", "s3", *few}
    assert {action for action in direct if action.startswith(few)} == {
        "iam:GetPolicy",
        "secretsmanager:DescribeSecret",
        "states:StartExecution",
        "cloudfront:CreateInvalidation",
        "cloudfront:GetInvalidation",
    }


def test_a_role_is_made_only_with_the_boundary_and_handed_only_to_aws() -> None:
    """A role without the stage's boundary, or with another one, cannot be made; none is handed to a stranger."""
    own = deploys(stage())
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"):
        assert allows(own, action, OWN_ROLE, iam__PermissionsBoundary=BOUNDARY, **BY_CLOUDFORMATION)
        assert not allows(own, action, OWN_ROLE, **BY_CLOUDFORMATION)
        another = BOUNDARY.replace("staging", "prod")
        assert not allows(own, action, OWN_ROLE, iam__PermissionsBoundary=another, **BY_CLOUDFORMATION)
    for service, allowed in (("lambda", True), ("scheduler", True), ("events", False), ("ec2", False)):
        context = {"iam__PassedToService": f"{service}.amazonaws.com"} | BY_CLOUDFORMATION
        assert allows(own, "iam:PassRole", OWN_ROLE, **context) is allowed


UNNAMED = {
    "apigateway:PATCH": f"arn:{PARTITION}:apigateway:{REGION}::/restapis/a1b2c3",
    "cloudfront:UpdateDistribution": arn("cloudfront", "distribution/E1", ""),
    "cloudfront:CreateInvalidation": arn("cloudfront", "distribution/E1", ""),
    "ec2:DeleteRoute": arn("ec2", "route-table/rtb-1"),
    "ec2:TerminateInstances": arn("ec2", "instance/i-1"),
}
"""Calls on what AWS numbers."""
UNTAGGING = {
    "apigateway:DELETE": f"arn:{PARTITION}:apigateway:{REGION}::/tags/arn%3Aaws%3Aapigateway",
    "cloudfront:UntagResource": arn("cloudfront", "distribution/E1", ""),
    "ec2:DeleteTags": arn("ec2", "route-table/rtb-1"),
}


@pytest.mark.parametrize(("name", "other"), [("staging", "prod"), ("prod", "staging")])
def test_what_carries_another_stages_tag_is_not_touched(name: str, other: str) -> None:
    """In one account each stage changes its own API, distribution and network, and moves no tag from one to another."""
    own = deploys(stage(name, "wireguard", "nat"))
    context = BY_CLOUDFORMATION | {"aws__RequestedRegion": REGION}
    of, asked = "aws:ResourceTag/farebox", "aws:RequestTag/farebox"
    for action, target in UNNAMED.items():
        for tags, allowed in (({}, True), ({of: name}, True), ({of: other}, False), ({of: "github"}, False)):
            assert allows(own, action, target, **context, **tags) is allowed, (action, tags)
        assert allows(own, action, target, **context, **{of: name, asked: name})
        assert not allows(own, action, target, **context, **{of: name, asked: other}), action
    for action, target in UNTAGGING.items():
        assert allows(own, action, target, **context, **{"aws:TagKeys": ["version"]}), action
        assert not allows(own, action, target, **context, **{"aws:TagKeys": ["version", "farebox"]}), action


@pytest.mark.parametrize(("vpn", "outbound"), NETWORKS)
def test_roles_are_handed_to_whom_they_trust_and_to_nobody_else(vpn: str, outbound: str) -> None:
    """The services that a deployment may hand a role to are those that some role of it is for."""
    of = stage("staging", vpn, outbound)
    roles = [each for made in templates(of).values() for each in made["Resources"].values() if _is_role(each)]
    trusts = [role["Properties"]["AssumeRolePolicyDocument"]["Statement"] for role in roles]
    trusted = {statement["Principal"]["Service"] for statements in trusts for statement in statements}
    (handed,) = [each for each in deploys(of) if each["Action"] == ["iam:PassRole"]]
    assert set(handed["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted


def _is_role(resource: dict[str, Any]) -> bool:
    return bool(resource["Type"] == "AWS::IAM::Role")


def test_no_action_is_a_wildcard_and_only_what_cannot_be_named_has_any_resource() -> None:
    """No action has a star; `*` as a resource is only where AWS knows no name beforehand, or takes none."""
    nameless = {
        "cloudformation:ValidateTemplate",
        "cloudformation:GetTemplateSummary",
        "secretsmanager:GetRandomPassword",
    }
    for statement in deploys(stage("staging", "wireguard", "nat")):
        if statement["Effect"] == "Deny":
            continue
        assert not [action for action in statement["Action"] if "*" in action]
        if "*" in listed(statement["Resource"]) and not statement["Action"][0].startswith("ec2:"):
            assert set(statement["Action"]) <= nameless | {f"logs:{action}" for action in permissions.LOG_READ.split()}


# --- the boundary ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vpn", "outbound"), NETWORKS)
def test_every_role_fits_within_the_boundary(vpn: str, outbound: str) -> None:
    """Each role carries the boundary; what its own policy allows is within it, and nothing is that no role uses."""
    of, roles, used = stage("staging", vpn, outbound), 0, set[str]()
    known = values(of)
    known |= {f"{each.logical_id}.Arn": arn("lambda", f"function:{each.full_name(of)}") for each in functions.of(of)}
    known |= {each.logical_id: arn("states", f"stateMachine:farebox-staging-{each.name}") for each in scheduled.NIGHTS}
    limit = [resolved(statement, known) for statement in boundary.boundary(of)]
    for made in templates(of).values():
        for name, resource in made["Resources"].items():
            if resource["Type"] != "AWS::IAM::Role":
                continue
            roles += 1
            properties = resource["Properties"]
            assert resolved(properties["PermissionsBoundary"], known) == "arn:boundary", name
            for policy in properties["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    if statement["Effect"] == "Deny":
                        continue
                    used |= set(listed(statement["Action"]))
                    for target in listed(statement["Resource"]):
                        place = str(resolved(target, known)).replace("??????", "Ab12Cd")
                        denied = [each for each in listed(statement["Action"]) if not allows(limit, each, place)]
                        assert not denied, f"{name}: {denied} on {place}"
    assert roles >= 8
    assert {action for statement in limit for action in statement["Action"]} == used


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteTable", arn("dynamodb", "table/farebox-staging-accounts")),
        ("dynamodb:UpdateItem", arn("dynamodb", "table/farebox-prod-accounts")),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:farebox-prod/admin-Ab12Cd")),
        ("secretsmanager:PutSecretValue", arn("secretsmanager", "secret:farebox-staging/admin-Ab12Cd")),
        ("iam:CreateRole", OWN_ROLE),
        ("sts:AssumeRole", arn("iam", "role/farebox-github-staging", "")),
        ("lambda:UpdateFunctionCode", arn("lambda", "function:farebox-staging-api")),
        ("s3:GetObject", f"arn:{PARTITION}:s3:::anything/key"),
        ("ec2:RunInstances", "*"),
        ("logs:PutResourcePolicy", "*"),
        ("logs:CreateLogDelivery", "*"),
        ("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/farebox-prod-api:log-stream:a")),
        ("ses:SendEmail", arn("ses", "configuration-set/other")),
    ],
)
def test_no_role_of_a_stage_can_be_more(action: str, resource: str) -> None:
    """Whatever a template says, a function cannot delete a table, read another stage, or make roles."""
    limit = [resolved(statement, {}) for statement in boundary.boundary(stage("staging", "wireguard", "nat"))]
    assert not allows(limit, action, resource)


def test_a_template_without_boundaries_gets_them_and_one_with_them_keeps_its_own() -> None:
    """`bounded` gives every role the parameter's boundary, and changes nothing else."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": []}}
    plain = {"Resources": {"Role": role, "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    made = boundary.bounded(plain)
    for has, carried in ((True, "arn:boundary"), (False, None)):
        given = {boundary.CONDITION: has, boundary.PARAMETER: "arn:boundary"}
        assert resolved(made["Resources"]["Role"]["Properties"], given).get("PermissionsBoundary") == carried
    assert made["Resources"]["Topic"] == plain["Resources"]["Topic"]
    assert "PermissionsBoundary" not in role["Properties"]
    without = {"Resources": {"Topic": plain["Resources"]["Topic"]}}
    assert boundary.bounded(without) is without


# --- the stack and its command ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vpn", "outbound"), [NETWORKS[0], NETWORKS[3]])
def test_the_template_is_one_that_cloudformation_takes(vpn: str, outbound: str) -> None:
    """cfn-lint finds nothing, no policy is longer than IAM takes, and the whole fits into one call."""
    made = github.template([stage("staging", vpn, outbound), stage("prod", vpn, outbound)])
    text = json.dumps(made, separators=(",", ":"))
    assert [str(found) for found in lint_all(text) if not found.rule.id.startswith("I")] == []  # I: information
    assert len(text.encode()) <= TEMPLATE_BYTES_MAX
    policies = [each for each in made["Resources"].values() if each["Type"] == "AWS::IAM::ManagedPolicy"]
    assert len(policies) >= 12
    for policy in policies:
        document = resolved(policy["Properties"]["PolicyDocument"], {})
        assert len(json.dumps(document, separators=(",", ":"))) <= github.POLICY_CHARACTERS_MAX
    for each in made["Resources"].values():
        assert len(each["Properties"].get("ManagedPolicyArns", [])) <= 10


@pytest.mark.parametrize(
    "error",
    [
        StackError("farebox-github: it did not work"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "CreateChangeSet"),
        NoCredentialsError(),
        StageError("staging.toml: there is no key x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_goes_wrong_is_told_in_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: what was wrong, and exit code 1."""

    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(github, "read" if isinstance(error, StageError) else "provider_to_use", fails)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert github.main(["--repository", "ada/farebox"]) == 1
    assert capsys.readouterr().err == f"farebox: {error}\n"


def test_the_command_writes_the_template(tmp_path: Path) -> None:
    """With --write no account is asked, and what is written is the template of the repository's stages."""
    file = tmp_path / "github.json"
    assert github.main(["--repository", "ada/farebox", "--write", str(file)]) == 0
    assert json.loads(file.read_text()) == github.template([read("staging"), read("prod")])


@pytest.mark.parametrize("arguments", [["ada"], ["ada/farebox:*"], ["*/farebox"], ["ada/farebox", "--owner-id", "1"]])
def test_the_command_refuses_what_names_no_repository(arguments: list[str]) -> None:
    """A name with a wildcard, or half of a repository's numbers, never becomes a role's condition."""
    with pytest.raises(SystemExit):
        github.main(["--repository", *arguments])


@pytest.mark.parametrize("mine", [False, True])
def test_a_provider_of_the_account_is_found(mine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that somebody made before is used; this stack's own is not taken for somebody else's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    there, other = (arn("iam", f"oidc-provider/{name}", "") for name in (github.ISSUER, "accounts.example.com"))
    cloudformation, iam = (boto3.client(name, region_name=REGION) for name in ("cloudformation", "iam"))
    with Stubber(cloudformation) as stacks, Stubber(iam) as providers:
        if mine:
            stack = {"StackName": github.STACK, "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-11-22"}
            provider = {
                "LogicalResourceId": "Provider",
                "PhysicalResourceId": there,
                "ResourceType": "AWS::IAM::OIDCProvider",
                "LastUpdatedTimestamp": "2026-11-22",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            stacks.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": github.STACK})
            stacks.add_response("list_stack_resources", {"StackResourceSummaries": [provider]})
        else:
            stacks.add_client_error("describe_stacks", "ValidationError")
            listed_providers = [{"Arn": other}, {"Arn": there}]
            providers.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": listed_providers})
        assert github.provider_to_use(Stacks(cloudformation, print), iam) == ("" if mine else there)


def test_a_stage_is_deployed_with_the_boundary_that_the_account_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the account has the stage's boundary, its ARN is found; where it has none, nothing is carried."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        iam = boto3.client("iam")
        assert boundary.boundary_arn(iam, ACCOUNT, stage()) == ""
        document = json.dumps({"Version": "2012-10-17", "Statement": deploys(stage())[:1]})
        name = permissions.boundary_name(stage())
        made = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        assert boundary.boundary_arn(iam, ACCOUNT, stage()) == made

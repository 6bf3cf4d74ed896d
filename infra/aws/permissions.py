"""What a deployment of one stage may do: the statements of the role that GitHub takes on.

Whatever makes or changes a resource goes through CloudFormation (`aws:CalledVia`), and only to names that begin with
the stage's own; of API Gateway, CloudFront and EC2, which number what they make, to nothing with another stage's tag.
Nothing here reads an item, a secret or a log, and nothing deletes a table, a secret or a bucket.
A test compares this with the permissions that CloudFormation's registry names for each resource of the templates.
"""

from typing import Any

from infra.aws.stage import Stage

Statement = dict[str, Any]

ADAPTER_ACCOUNT = "753240598075"
"""Whose layer the Lambda Web Adapter is."""

TABLE_ACTIONS = (
    "CreateTable DescribeTable UpdateTable DescribeContinuousBackups UpdateContinuousBackups DescribeTimeToLive"
    " UpdateTimeToLive DescribeContributorInsights UpdateContributorInsights DescribeKinesisStreamingDestination"
    " GetResourcePolicy ListTagsOfResource TagResource UntagResource"
)
CONFIDENTIAL_ACTIONS = "CreateSecret DescribeSecret UpdateSecret TagResource UntagResource"
BUCKET_ACTIONS = (
    "CreateBucket ListBucket GetBucketAcl GetBucketCORS PutBucketCORS GetBucketLogging GetBucketNotification"
    " GetBucketObjectLockConfiguration GetBucketOwnershipControls PutBucketOwnershipControls"
    " GetBucketPublicAccessBlock PutBucketPublicAccessBlock GetBucketTagging PutBucketTagging GetBucketVersioning"
    " PutBucketVersioning GetBucketWebsite GetEncryptionConfiguration PutEncryptionConfiguration"
    " GetLifecycleConfiguration PutLifecycleConfiguration GetReplicationConfiguration GetAccelerateConfiguration"
    " GetAnalyticsConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetMetricsConfiguration"
    " GetBucketMetadataTableConfiguration GetBucketAbac GetBucketPolicy PutBucketPolicy DeleteBucketPolicy"
    " ListTagsForResource TagResource UntagResource"
)
FUNCTION_ACTIONS = (
    "CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration"
    " DeleteFunction PublishVersion ListVersionsByFunction PutFunctionConcurrency DeleteFunctionConcurrency"
    " GetFunctionConcurrency GetFunctionCodeSigningConfig GetFunctionRecursionConfig GetFunctionScalingConfig"
    " GetRuntimeManagementConfig PutRuntimeManagementConfig PutFunctionEventInvokeConfig"
    " UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig AddPermission"
    " RemovePermission GetPolicy TagResource UntagResource ListTags"
)
LAYER_ACTIONS = "PublishLayerVersion GetLayerVersion DeleteLayerVersion"
STATE_MACHINE_ACTIONS = (
    "CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine ListTagsForResource TagResource"
    " UntagResource ValidateStateMachineDefinition"
)
TOPIC_ACTIONS = (
    "CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic GetDataProtectionPolicy ListSubscriptionsByTopic"
    " ListTagsForResource TagResource UntagResource Subscribe Unsubscribe GetSubscriptionAttributes"
    " SetSubscriptionAttributes"
)
CLOUDFRONT_ACTIONS = (
    "CreateDistribution GetDistribution GetDistributionConfig UpdateDistribution"
    " DeleteDistribution ListTagsForResource TagResource UntagResource CreateOriginAccessControl"
    " GetOriginAccessControl UpdateOriginAccessControl DeleteOriginAccessControl CreateResponseHeadersPolicy"
    " GetResponseHeadersPolicy UpdateResponseHeadersPolicy DeleteResponseHeadersPolicy"
)
LOG_ACTIONS = (
    "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy GetDataProtectionPolicy"
    " ListTagsForResource TagResource UntagResource"
)
LOG_READ = "DescribeResourcePolicies DescribeLogGroups DescribeIndexPolicies"
NETWORK_READ = (
    "DescribeAddresses DescribeCustomerGateways DescribeEgressOnlyInternetGateways DescribeImages"
    " DescribeInstanceAttribute DescribeInstanceCreditSpecifications DescribeInstances DescribeInternetGateways"
    " DescribeLaunchTemplates DescribeLaunchTemplateVersions DescribeNatGateways DescribeNetworkAcls"
    " DescribeRouteTables DescribeSecurityGroupRules DescribeTags DescribeVolumes DescribeVpcAttribute"
    " DescribeVpcEncryptionControls DescribeVpcEndpoints DescribeVpnConnections DescribeVpnGateways"
    " DescribeIamInstanceProfileAssociations DescribeAvailabilityZones DescribeKeyPairs"
)
NETWORK_ACTIONS = (
    "AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress AssociateRouteTable DisassociateRouteTable"
    " ReplaceRouteTableAssociation AssociateSubnetCidrBlock DisassociateSubnetCidrBlock AssociateVpcCidrBlock"
    " DisassociateVpcCidrBlock AttachInternetGateway DetachInternetGateway AttachVpnGateway DetachVpnGateway"
    " AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress RevokeSecurityGroupEgress"
    " RevokeSecurityGroupIngress CreateCustomerGateway DeleteCustomerGateway CreateEgressOnlyInternetGateway"
    " DeleteEgressOnlyInternetGateway CreateInternetGateway DeleteInternetGateway CreateNatGateway DeleteNatGateway"
    " CreateNetworkInterface DeleteNetworkInterface ModifyNetworkInterfaceAttribute CreateRoute ReplaceRoute"
    " DeleteRoute CreateRouteTable DeleteRouteTable CreateSecurityGroup DeleteSecurityGroup CreateSubnet DeleteSubnet"
    " ModifySubnetAttribute CreateTags DeleteTags CreateVpc DeleteVpc ModifyVpcAttribute CreateVpcEndpoint"
    " ModifyVpcEndpoint DeleteVpcEndpoints CreateVpnConnection DeleteVpnConnection CreateVpnConnectionRoute"
    " DeleteVpnConnectionRoute CreateVpnGateway DeleteVpnGateway EnableVgwRoutePropagation"
    " DisableVgwRoutePropagation RunInstances StartInstances StopInstances TerminateInstances"
    " ModifyInstanceAttribute ModifyInstanceMetadataOptions ModifyInstanceCreditSpecification"
    " ModifyInstanceMaintenanceOptions ModifyVpnConnection ModifyVpnConnectionOptions ModifyVpnTunnelOptions"
    " UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress"
    " AssociateIamInstanceProfile DisassociateIamInstanceProfile ReplaceIamInstanceProfileAssociation"
    " CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate"
)
BOUNDED = (
    "CreateRole PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy PutRolePermissionsBoundary"
    " UpdateAssumeRolePolicy"
)
"""Allowed on roles that carry the stage's boundary, so that no role of a deployment can do more than that."""
ROLE_ACTIONS = (
    "GetRole DeleteRole UpdateRole UpdateRoleDescription TagRole UntagRole GetRolePolicy ListRolePolicies"
    " ListAttachedRolePolicies"
)
PROFILE_ACTIONS = (
    "CreateInstanceProfile GetInstanceProfile DeleteInstanceProfile AddRoleToInstanceProfile"
    " RemoveRoleFromInstanceProfile"
)
PASSED_TO = ("lambda", "states", "scheduler")
TAG = "farebox"
"""Of everything in a stack: infra/aws/deploy.py gives each stack its stage's name, and CloudFormation hands that on."""
TAGGED = ("apigateway", "cloudfront", "ec2")
"""They number what they make, so a tag is all that says whose it is."""


def arn(service: str, rest: str, region: str = "", account: str = "${AWS::AccountId}") -> dict[str, str]:
    """An ARN in the deployment's own partition and account."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{rest}"}


def named(stage: Stage, service: str, kind: str, end: str = "") -> list[dict[str, str]]:
    """What is named after the stage: `farebox-staging` itself, and all that begins with `farebox-staging-`."""
    return [arn(service, f"{kind}{name}{end}", stage.region) for name in (stage.stack, f"{stage.stack}-*")]


def allow(service: str, actions: str, resources: Any, condition: dict[str, Any] | None = None) -> Statement:
    """One statement, of actions of one service."""
    statement = {"Effect": "Allow", "Action": [f"{service}:{action}" for action in actions.split()]}
    return statement | {"Resource": resources} | ({"Condition": condition} if condition else {})


def through_cloudformation(*statements: Statement) -> list[Statement]:
    """The same statements, for calls that CloudFormation makes, and nobody else."""
    only = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
    return [statement | {"Condition": statement.get("Condition", {}) | only} for statement in statements]


def boundary_name(stage: Stage) -> str:
    """The managed policy that every role of the stage carries. Its name is none that the deploy role can change."""
    return f"farebox-github-{stage.name}-boundary"


def deploying(stage: Stage) -> list[Statement]:
    """What `make deploy` itself calls: CloudFormation, the two buckets, the site's cache, the first audit."""
    region, bucket = stage.region, f"arn:${{AWS::Partition}}:s3:::{stage.stack}-*"
    stacks = "CreateStack UpdateStack DescribeStacks DescribeStackEvents DescribeStackResource DescribeStackResources"
    sets = "ListStackResources CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet"
    stack_more = (
        f"TagResource UntagResource GetTemplate GetTemplateSummary ContinueUpdateRollback CancelUpdateStack"
        f" DescribeEvents {sets}"
    )
    again = (stage.stack, f"{stage.stack}-network")  # a first deployment that failed is deleted before the next
    return [
        allow("cloudformation", f"{stacks} {stack_more}", named(stage, "cloudformation", "stack/", "/*")),
        allow("cloudformation", "DeleteStack", [arn("cloudformation", f"stack/{name}/*", region) for name in again]),
        allow(
            "cloudformation", "CreateChangeSet", arn("cloudformation", "transform/Serverless-2016-10-31", region, "aws")
        ),
        allow("cloudformation", "DescribeEvents", arn("cloudformation", "changeSet/farebox-*", region)),
        allow("cloudformation", "ValidateTemplate GetTemplateSummary", "*"),
        allow("s3", "ListBucket GetBucketLocation", {"Fn::Sub": bucket}),
        allow(
            "s3", "PutObject GetObject GetObjectVersion DeleteObject AbortMultipartUpload", {"Fn::Sub": f"{bucket}/*"}
        ),
        allow("cloudfront", "CreateInvalidation GetInvalidation", arn("cloudfront", "distribution/*")),
        allow("iam", "GetPolicy", arn("iam", f"policy/{boundary_name(stage)}")),
        allow("secretsmanager", "DescribeSecret", arn("secretsmanager", f"secret:{stage.stack}/*", region)),
        allow("states", "StartExecution", arn("states", f"stateMachine:{stage.stack}-*", region)),  # the first audit
    ]


def data(stage: Stage) -> list[Statement]:
    """The stack of tables, secrets and the artifact bucket, and the site's bucket. Nothing of it can be deleted."""
    bucket = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{stage.stack}-*"}
    return through_cloudformation(
        allow("dynamodb", TABLE_ACTIONS, arn("dynamodb", f"table/{stage.stack}-*", stage.region)),
        allow("secretsmanager", CONFIDENTIAL_ACTIONS, arn("secretsmanager", f"secret:{stage.stack}/*", stage.region)),
        allow("secretsmanager", "GetRandomPassword", "*"),
        allow("s3", BUCKET_ACTIONS, bucket),
    )


def application(stage: Stage) -> list[Statement]:
    """The stack of the functions: they, their API, what runs by itself, and its schedules."""
    region = stage.region
    adapter = arn("lambda", "layer:LambdaAdapterLayer*:*", region, ADAPTER_ACCOUNT)
    layers = [arn("lambda", f"layer:{stage.stack}-*{end}", region) for end in ("", ":*")]
    rest_apis = [{"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:{region}::{path}"} for path in API_PATHS]
    schedules = "CreateSchedule GetSchedule UpdateSchedule DeleteSchedule"
    in_vpc = [allow("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs DescribeNetworkInterfaces", "*")]
    return through_cloudformation(
        allow("lambda", FUNCTION_ACTIONS, named(stage, "lambda", "function:")),
        allow("lambda", LAYER_ACTIONS, layers),
        allow("lambda", "GetLayerVersion", adapter),
        allow("apigateway", "GET POST PUT PATCH DELETE UpdateRestApiPolicy", rest_apis),
        allow("states", STATE_MACHINE_ACTIONS, [arn("states", f"stateMachine:{stage.stack}-*", region)]),
        allow("scheduler", schedules, [arn("scheduler", f"schedule/default/{stage.stack}-*", region)]),
        *(in_vpc if stage.in_vpc else []),
    )


def surroundings(stage: Stage) -> list[Statement]:
    """The rest of that stack: logs, alarms and who is told, the dashboard, the site's distribution."""
    alarms = (
        "PutMetricAlarm DescribeAlarms DeleteAlarms PutCompositeAlarm ListTagsForResource TagResource UntagResource"
    )
    dashboards = [arn("cloudwatch", f"dashboard/{name}") for name in (stage.stack, f"{stage.stack}-*")]
    on_dashboards = "PutDashboard GetDashboard DeleteDashboards ListTagsForResource TagResource UntagResource"
    logs = named(stage, "logs", "log-group:/aws/lambda/", ":*")
    return through_cloudformation(
        allow("logs", LOG_ACTIONS, logs),
        allow("logs", LOG_READ, "*"),
        allow("sns", TOPIC_ACTIONS, named(stage, "sns", "")),
        allow("cloudwatch", alarms, named(stage, "cloudwatch", "alarm:")),
        allow("cloudwatch", on_dashboards, dashboards),
        allow("cloudfront", CLOUDFRONT_ACTIONS, [arn("cloudfront", f"{kind}/*") for kind in CLOUDFRONT_KINDS]),
    )


API_PATHS = ("/restapis", "/restapis/*", "/tags/*")
CLOUDFRONT_KINDS = ("distribution", "origin-access-control", "response-headers-policy")


def roles(stage: Stage) -> list[Statement]:
    """Roles of functions: made and changed only with the boundary, handed only to the services that use them."""
    role = arn("iam", f"role/{stage.stack}-*")
    boundary = {"StringEquals": {"iam:PermissionsBoundary": arn("iam", f"policy/{boundary_name(stage)}")}}
    router = stage.network.vpn == "wireguard"
    passed = [*PASSED_TO, *(["ec2"] if router else [])]
    services = {"StringEquals": {"iam:PassedToService": [f"{name}.amazonaws.com" for name in passed]}}
    profiles = allow("iam", PROFILE_ACTIONS, arn("iam", f"instance-profile/{stage.stack}-*"))
    return through_cloudformation(
        allow("iam", BOUNDED, role, boundary),
        allow("iam", ROLE_ACTIONS, role),
        allow("iam", "PassRole", role, services),
        *([profiles] if router else []),
    )


def network(stage: Stage) -> list[Statement]:
    """The network stack. Ids of what it makes are unknown beforehand, so the region is what bounds these."""
    here = {"StringEquals": {"aws:RequestedRegion": stage.region}}
    image = arn("ssm", "parameter/aws/service/*", stage.region, "")
    return through_cloudformation(
        allow("ec2", NETWORK_ACTIONS, "*", here),
        allow("ec2", NETWORK_READ, "*", here),
        allow("ssm", "GetParameters", image),
    )


def others(stage: Stage) -> list[Statement]:
    """What is denied whatever is allowed elsewhere: to touch what carries another stage's tag, or to change that tag.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html
    """
    every = [f"{service}:*" for service in TAGGED]
    taking_off = ["apigateway:DELETE", "cloudfront:UntagResource", "ec2:DeleteTags"]
    return [
        *(_deny(every, _tagged_otherwise(stage, of)) for of in ("aws:ResourceTag", "aws:RequestTag")),
        _deny(taking_off, {"ForAnyValue:StringEquals": {"aws:TagKeys": [TAG]}}),
    ]


def _tagged_otherwise(stage: Stage, of: str) -> dict[str, Any]:
    """There is the tag, and it is not this stage's: not everything that a deployment calls has tags at all."""
    return {"StringNotEquals": {f"{of}/{TAG}": stage.name}, "Null": {f"{of}/{TAG}": "false"}}


def _deny(actions: list[str], condition: dict[str, Any]) -> Statement:
    return {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition}

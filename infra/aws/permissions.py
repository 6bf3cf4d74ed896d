"""What a deployment of one stage may do: the statements of the role that GitHub takes on.

Whatever makes or changes a resource goes through CloudFormation (`aws:CalledVia`), and only to names that begin with
the stage's own. Nothing here reads an item, a secret or a log, and nothing deletes a table, a secret or a bucket.
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
    "CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction"
    " PublishVersion ListVersionsByFunction PutFunctionConcurrency DeleteFunctionConcurrency GetFunctionConcurrency"
    " GetFunctionCodeSigningConfig GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig"
    " PutRuntimeManagementConfig AddPermission RemovePermission GetPolicy TagResource UntagResource ListTags"
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
    " GetResponseHeadersPolicy UpdateResponseHeadersPolicy DeleteResponseHeadersPolicy CreateFunction DescribeFunction"
    " GetFunction PublishFunction UpdateFunction DeleteFunction"
)
LOG_ACTIONS = (
    "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy GetDataProtectionPolicy"
    " ListTagsForResource TagResource UntagResource"
)
LOG_DELIVERY_ACTIONS = (
    "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries PutResourcePolicy"
    " DescribeResourcePolicies DescribeLogGroups DescribeIndexPolicies"
)
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
PASSED_TO = ("lambda", "states", "scheduler", "events", "apigateway", "ec2")


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
    """What `make deploy` itself calls: CloudFormation, the two buckets, the site's cache."""
    region, bucket = stage.region, f"arn:${{AWS::Partition}}:s3:::{stage.stack}-*"
    stacks = "CreateStack UpdateStack DescribeStacks DescribeStackEvents DescribeStackResource DescribeStackResources"
    sets = "ListStackResources CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet"
    stack_more = (
        f"TagResource UntagResource GetTemplate GetTemplateSummary ContinueUpdateRollback CancelUpdateStack {sets}"
    )
    again = (stage.stack, f"{stage.stack}-network")  # a first deployment that failed is deleted before the next
    return [
        allow("cloudformation", f"{stacks} {stack_more}", named(stage, "cloudformation", "stack/", "/*")),
        allow("cloudformation", "DeleteStack", [arn("cloudformation", f"stack/{name}/*", region) for name in again]),
        allow(
            "cloudformation", "CreateChangeSet", arn("cloudformation", "transform/Serverless-2016-10-31", region, "aws")
        ),
        allow("cloudformation", "ValidateTemplate GetTemplateSummary", "*"),
        allow("s3", "ListBucket GetBucketLocation", {"Fn::Sub": bucket}),
        allow(
            "s3", "PutObject GetObject GetObjectVersion DeleteObject AbortMultipartUpload", {"Fn::Sub": f"{bucket}/*"}
        ),
        allow("cloudfront", "CreateInvalidation GetInvalidation", arn("cloudfront", "distribution/*")),
        allow("iam", "GetPolicy", arn("iam", f"policy/{boundary_name(stage)}")),
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
    """The stack of the functions: they, their API, the nightly audit and its schedule."""
    region = stage.region
    adapter = arn("lambda", "layer:LambdaAdapterLayer*:*", region, ADAPTER_ACCOUNT)
    layers = [arn("lambda", f"layer:{stage.stack}-*{end}", region) for end in ("", ":*")]
    rest_apis = [{"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:{region}::{path}"} for path in API_PATHS]
    rules = "PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule TagResource UntagResource"
    schedules = "CreateSchedule GetSchedule UpdateSchedule DeleteSchedule"
    in_vpc = [allow("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs DescribeNetworkInterfaces", "*")]
    return through_cloudformation(
        allow("lambda", FUNCTION_ACTIONS, named(stage, "lambda", "function:")),
        allow("lambda", LAYER_ACTIONS, layers),
        allow("lambda", "GetLayerVersion", adapter),
        allow("apigateway", "GET POST PUT PATCH DELETE UpdateRestApiPolicy", rest_apis),
        allow("states", STATE_MACHINE_ACTIONS, [arn("states", f"stateMachine:{stage.stack}-*", region)]),
        allow("scheduler", schedules, [arn("scheduler", f"schedule/default/{stage.stack}-*", region)]),
        allow("events", f"{rules} ListTagsForResource", [arn("events", f"rule/{stage.stack}-*", region)]),
        *(in_vpc if stage.in_vpc else []),
    )


def surroundings(stage: Stage) -> list[Statement]:
    """The rest of that stack: logs, alarms and who is told, the dashboard, the site's distribution."""
    alarms = (
        "PutMetricAlarm DescribeAlarms DeleteAlarms PutCompositeAlarm ListTagsForResource TagResource UntagResource"
    )
    dashboards = [arn("cloudwatch", f"dashboard/{name}") for name in (stage.stack, f"{stage.stack}-*")]
    on_dashboards = "PutDashboard GetDashboard DeleteDashboards ListTagsForResource TagResource UntagResource"
    logs = [group for path in LOG_PATHS for group in named(stage, "logs", f"log-group:{path}", ":*")]
    return through_cloudformation(
        allow("logs", LOG_ACTIONS, logs),
        allow("logs", LOG_DELIVERY_ACTIONS, "*"),
        allow("sns", TOPIC_ACTIONS, named(stage, "sns", "")),
        allow("cloudwatch", alarms, named(stage, "cloudwatch", "alarm:")),
        allow("cloudwatch", on_dashboards, dashboards),
        allow("cloudfront", CLOUDFRONT_ACTIONS, [arn("cloudfront", f"{kind}/*") for kind in CLOUDFRONT_KINDS]),
    )


API_PATHS = ("/restapis", "/restapis/*", "/tags/*")
CLOUDFRONT_KINDS = ("distribution", "origin-access-control", "response-headers-policy", "function")
LOG_PATHS = ("/aws/lambda/", "/aws/apigateway/", "/aws/vendedlogs/states/")


def roles(stage: Stage) -> list[Statement]:
    """Roles of functions: made and changed only with the boundary, handed only to the services that use them."""
    role = arn("iam", f"role/{stage.stack}-*")
    boundary = {"StringEquals": {"iam:PermissionsBoundary": arn("iam", f"policy/{boundary_name(stage)}")}}
    services = {"StringEquals": {"iam:PassedToService": [f"{name}.amazonaws.com" for name in PASSED_TO]}}
    profiles = allow("iam", PROFILE_ACTIONS, arn("iam", f"instance-profile/{stage.stack}-*"))
    return through_cloudformation(
        allow("iam", BOUNDED, role, boundary),
        allow("iam", ROLE_ACTIONS, role),
        allow("iam", "PassRole", role, services),
        *([profiles] if stage.makes_network else []),
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

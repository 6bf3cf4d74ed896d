"""What functions in the VPC reach beside the VPN: DynamoDB always, and one of three ways to the rest."""

from typing import Any

from functions.ledger import tables
from infra.aws.network.vpc import ANY_IPV4, ANY_IPV6, HTTPS, PRIVATE_SUBNETS, VPC_ID, Plan, Resources, resource, rule

TABLE_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
)


def resources(plan: Plan) -> Resources:
    """DynamoDB's endpoint, which is free, and what `outbound` chooses."""
    made = {"DynamoDBEndpoint": _dynamodb(plan)}
    choice = {"none": _interface_endpoints, "ipv6": _ipv6, "nat": _nat}
    return made | choice[plan.stage.network.outbound](plan)


def _allow(actions: tuple[str, ...], names: list[str], **condition: Any) -> dict[str, Any]:
    """An endpoint's policy: who may pass is decided by the functions' roles, what is reached by this."""
    arns: list[Any] = [{"Fn::Sub": f"arn:${{AWS::Partition}}:{name}"} for name in names]
    statement = {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": arns, **condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _dynamodb(plan: Plan) -> dict[str, Any]:
    prefix = f"dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{plan.stage.table_prefix}"
    names = [f"{prefix}{model.Meta.table_name}" for model in tables.TABLES]
    return resource(
        "VPCEndpoint",
        VpcId=VPC_ID,
        VpcEndpointType="Gateway",
        ServiceName=_service("dynamodb"),
        RouteTableIds=[{"Ref": "PrivateRoutes"}],
        PolicyDocument=_allow(TABLE_ACTIONS, names),
    )


def _service(name: str) -> dict[str, str]:
    return {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{name}"}


def _interface_endpoints(plan: Plan) -> Resources:
    """No way out but to named services of this account and region."""
    here = "${AWS::Region}:${AWS::AccountId}"
    secrets = _allow(("secretsmanager:GetSecretValue",), [f"secretsmanager:{here}:secret:{plan.stage.stack}/*"])
    inward = [rule("from the functions", HTTPS, SourceSecurityGroupId=_functions())]
    made = {"SecretsManagerEndpoint": _interface("secretsmanager", PRIVATE_SUBNETS, secrets)}
    if mails_by_ses_smtp(plan):
        # It takes no policy. Some zones have none of it; from the other zone it is reached all the same.
        made["MailEndpoint"] = _interface("email-smtp", PRIVATE_SUBNETS[:1])
        port = int(plan.stage.settings.get("SMTP_PORT", "587"))
        inward.append(rule("mail from the functions", port, SourceSecurityGroupId=_functions()))
    made["EndpointsSecurityGroup"] = resource(
        "SecurityGroup",
        GroupDescription=f"Interface endpoints of {plan.stage.stack}: from its functions only",
        VpcId=VPC_ID,
        SecurityGroupIngress=inward,
        # Endpoints begin no connection; without a rule of one's own a group has one that allows everything.
        SecurityGroupEgress=[rule("nothing", HTTPS, CidrIp="127.0.0.1/32")],
        Tags=plan.tags("endpoints"),
    )
    return made


def _functions() -> dict[str, list[str]]:
    return {"Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"]}


def mails_by_ses_smtp(plan: Plan) -> bool:
    """SES's SMTP interface has an endpoint of its own in the VPC; who else's mail server is named needs a way out."""
    return plan.stage.settings.get("SMTP_HOST", "") == f"email-smtp.{plan.stage.region}.amazonaws.com"


def _interface(service: str, subnets: tuple[str, ...], policy: dict[str, Any] | None = None) -> dict[str, Any]:
    made = resource(
        "VPCEndpoint",
        VpcId=VPC_ID,
        VpcEndpointType="Interface",
        ServiceName=_service(service),
        PrivateDnsEnabled=True,
        SubnetIds=[{"Ref": name} for name in subnets],
        SecurityGroupIds=[{"Fn::GetAtt": ["EndpointsSecurityGroup", "GroupId"]}],
    )
    if policy:
        made["Properties"]["PolicyDocument"] = policy
    return made


def _ipv6(_: Plan) -> Resources:
    """Out over IPv6 to hosts that have such an address; nothing comes in, and it costs nothing."""
    return {
        "VpcIpv6": resource("VPCCidrBlock", VpcId=VPC_ID, AmazonProvidedIpv6CidrBlock=True),
        "EgressOnlyGateway": resource("EgressOnlyInternetGateway", VpcId=VPC_ID),
        "PrivateIpv6Route": resource(
            "Route",
            RouteTableId={"Ref": "PrivateRoutes"},
            DestinationIpv6CidrBlock=ANY_IPV6,
            EgressOnlyInternetGatewayId={"Ref": "EgressOnlyGateway"},
        ),
    }


def _nat(plan: Plan) -> Resources:
    """Out over IPv4 to everywhere, through one gateway in one zone."""
    return {
        "NatAddress": resource("EIP", Domain="vpc", Tags=plan.tags("nat")) | {"DependsOn": "InternetGatewayAttachment"},
        "NatGateway": resource(
            "NatGateway",
            AllocationId={"Fn::GetAtt": ["NatAddress", "AllocationId"]},
            SubnetId={"Ref": "PublicSubnet"},
            Tags=plan.tags("nat"),
        ),
        "PrivateDefaultRoute": resource(
            "Route",
            RouteTableId={"Ref": "PrivateRoutes"},
            DestinationCidrBlock=ANY_IPV4,
            NatGatewayId={"Ref": "NatGateway"},
        ),
    }

"""A small instance that is the AWS end of a WireGuard tunnel."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from infra.aws.network.placeholders import fill
from infra.aws.network.vpc import ANY_IPV4, VPC_ID, Plan, Resources, resource, rule
from infra.aws.stage_file import StageError

FILES = Path(__file__).parent / "router"
BOUNDARY = "//"
KEY_BYTES = 32
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default"

SESSION_ACTIONS = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
"""What Session Manager asks of an instance; AWS's own policy for it could read every parameter of the account too.

https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-add-permissions-to-existing-profile.html
"""


def resources(plan: Plan) -> Resources:
    """The instance with its address, firewall, role and key, and a route to it for each of `remote_cidrs`."""
    made = _instance(plan) | _identity(plan) | _alarms(plan)
    for index, cidr in enumerate(plan.stage.network.remote_cidrs):
        made[f"RemoteRoute{index}"] = resource(
            "Route",
            RouteTableId={"Ref": "PrivateRoutes"},
            DestinationCidrBlock=cidr,
            InstanceId={"Ref": "Router"},
        )
    return made


def outputs() -> Resources:
    """Where the other end calls, and whom Session Manager talks to."""
    return {
        "RouterAddress": {"Value": {"Ref": "RouterAddress"}},
        "RouterInstanceId": {"Value": {"Ref": "Router"}},
    }


def _instance(plan: Plan) -> Resources:
    network = plan.stage.network
    family = network.wireguard_instance.partition(".")[0]
    architecture = "arm64" if re.fullmatch(r"[a-z]+\d+g[a-z]*", family) else "x86_64"
    return {
        "RouterLaunch": resource(
            "LaunchTemplate",
            LaunchTemplateData={
                # Taken when an instance is made, so an ordinary deployment never replaces the router.
                "ImageId": f"resolve:ssm:{IMAGE}-{architecture}",
                "InstanceType": network.wireguard_instance,
                "IamInstanceProfile": {"Arn": {"Fn::GetAtt": ["RouterProfile", "Arn"]}},
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
                "MaintenanceOptions": {"AutoRecovery": "default"},
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3", "Encrypted": True}}
                ],
                "UserData": {"Fn::Base64": _user_data(plan)},
            },
        ),
        "Router": resource(
            "Instance",
            LaunchTemplate={
                "LaunchTemplateId": {"Ref": "RouterLaunch"},
                "Version": {"Fn::GetAtt": ["RouterLaunch", "LatestVersionNumber"]},
            },
            SubnetId={"Ref": "PublicSubnet"},
            SecurityGroupIds=[{"Fn::GetAtt": ["RouterSecurityGroup", "GroupId"]}],
            SourceDestCheck=False,  # it passes on what is neither from it nor for it
            Tags=plan.tags("router"),
        )
        | {"DependsOn": "PublicDefaultRoute"},
        "RouterAddress": resource("EIP", Domain="vpc", Tags=plan.tags("router"))
        | {"DependsOn": "InternetGatewayAttachment"},
        "RouterAddressAssociation": resource(
            "EIPAssociation",
            AllocationId={"Fn::GetAtt": ["RouterAddress", "AllocationId"]},
            InstanceId={"Ref": "Router"},
        ),
        "RouterSecurityGroup": _group(plan),
    }


def _group(plan: Plan) -> dict[str, Any]:
    """In come the tunnel's packets and the functions' for the other end. There is no SSH: Session Manager calls out."""
    network = plan.stage.network
    peer = str(ip_network(network.wireguard_peer_ip)) if network.wireguard_peer_ip else ANY_IPV4
    inward = [rule("the tunnel", network.wireguard_port, "udp", CidrIp=peer)]
    for subnet in plan.private:
        inward += [rule("functions", port, CidrIp=str(subnet)) for port in plan.remote_ports]
    return resource(
        "SecurityGroup",
        GroupDescription=f"The WireGuard router of {plan.stage.stack}: the tunnel and the functions in",
        VpcId=VPC_ID,
        SecurityGroupIngress=inward,
        SecurityGroupEgress=[
            {"Description": "the tunnel, packages, Session Manager", "IpProtocol": "-1", "CidrIp": ANY_IPV4}
        ],
        Tags=plan.tags("router"),
    )


def secret_name(plan: Plan) -> str:
    """The secret with the router's private key. The operator makes it, as `wg genkey` prints it: docs/vpn.md."""
    return f"{plan.stage.stack}/router"


def _identity(plan: Plan) -> Resources:
    """A role that can read the router's key, and be talked to by Session Manager."""
    place = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    key = {"Fn::Sub": f"{place}{secret_name(plan)}-??????"}  # AWS ends the name with six characters
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": key}
    session = {"Effect": "Allow", "Action": list(SESSION_ACTIONS), "Resource": "*"}  # they know no resources
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [read, session]}
    return {
        "RouterRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [{"PolicyName": "router", "PolicyDocument": policy}],
            },
        },
        "RouterProfile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "RouterRole"}]}},
    }


def _alarms(plan: Plan) -> Resources:
    """A router whose machine fails is started elsewhere with all it has; one that hangs is started again."""
    made = {}
    for name, metric, action in (
        ("RouterRecovery", "StatusCheckFailed_System", "recover"),
        ("RouterReboot", "StatusCheckFailed_Instance", "reboot"),
    ):
        made[name] = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": f"{plan.stage.stack}: {action}s the WireGuard router",
                "Namespace": "AWS/EC2",
                "MetricName": metric,
                "Dimensions": [{"Name": "InstanceId", "Value": {"Ref": "Router"}}],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 3,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "AlarmActions": [{"Fn::Sub": f"arn:${{AWS::Partition}}:automate:${{AWS::Region}}:ec2:{action}"}],
            },
        }
    return made


def wg0_conf(plan: Plan) -> str:
    """The tunnel's configuration; `<private_key>` stays, the router puts it in."""
    network = plan.stage.network
    return fill(
        FILES / "wg0.conf",
        port=str(network.wireguard_port),
        peer_public_key=_checked_key(network.wireguard_peer_key),
        remote_cidrs=", ".join(network.remote_cidrs),
    )


def nftables_conf(plan: Plan) -> str:
    """The router's own firewall, and what it passes on."""
    network = plan.stage.network
    return fill(
        FILES / "nftables.conf",
        port=str(network.wireguard_port),
        vpc_cidr=str(plan.cidr),
        remote_cidrs=", ".join(network.remote_cidrs),
        ports=", ".join(map(str, plan.remote_ports)),
    )


def _checked_key(key: str) -> str:
    try:
        if len(b64decode(key, validate=True)) == KEY_BYTES:
            return key
    except NotBase64:
        pass
    raise StageError("network.wireguard_peer_key is no WireGuard public key: 44 characters, as `wg pubkey` prints them")


def script(plan: Plan) -> str:
    """What the router runs at every start, but for REGION, which CloudFormation knows."""
    files = f"SECRET='{secret_name(plan)}'\n"
    for name, text in (("WG0_CONF", wg0_conf(plan)), ("NFTABLES_CONF", nftables_conf(plan))):
        files += f"{name}=$(cat <<'END'\n{text}END\n)\n"
    return files + (FILES / "configure.sh").read_text()


def _user_data(plan: Plan) -> dict[str, Any]:
    """In two parts, because cloud-init runs a plain script at the first start only.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    """
    head = "\n".join(
        [
            f'Content-Type: multipart/mixed; boundary="{BOUNDARY}"',
            "MIME-Version: 1.0",
            "",
            f"--{BOUNDARY}",
            'Content-Type: text/cloud-config; charset="us-ascii"',
            "",
            "#cloud-config",
            "cloud_final_modules: [[scripts-user, always]]",
            "",
            f"--{BOUNDARY}",
            'Content-Type: text/x-shellscript; charset="us-ascii"',
            "",
            "#!/bin/bash",
            "",
        ]
    )
    static = script(plan).replace("${", "${!")  # what is the shell's, not CloudFormation's
    return {"Fn::Sub": f"{head}REGION='${{AWS::Region}}'\n{static}\n--{BOUNDARY}--\n"}

"""The VPC: two private subnets in two zones for functions, and a public one where something must be reached."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import urlsplit

from infra.aws.stage import Stage

Resources = dict[str, dict[str, Any]]

HTTPS = 443
ANY_IPV4, ANY_IPV6 = "0.0.0.0/0", "::/0"
PRIVATE_SUBNETS = ("PrivateSubnetA", "PrivateSubnetB")
ZONE_PARAMETERS = ("ZoneA", "ZoneB")
VPC_ID = {"Ref": "Vpc"}


@dataclass(frozen=True)
class Plan:
    """A stage, and how the addresses of its VPC are divided."""

    stage: Stage
    cidr: IPv4Network
    private: tuple[IPv4Network, IPv4Network]
    public: IPv4Network

    @property
    def needs_public_subnet(self) -> bool:
        """Whether something in it has a public IPv4 address."""
        return self.stage.network.vpn == "wireguard" or self.stage.network.outbound == "nat"

    @property
    def ipv6(self) -> bool:
        return self.stage.network.outbound == "ipv6"

    @property
    def remote_ports(self) -> list[int]:
        """What functions call behind the VPN: the llama-server, and whatever has an https address there."""
        settings, ports = self.stage.settings, {self.stage.network.llama_port, HTTPS}
        ports |= {urlsplit(settings.get(name, "")).port or HTTPS for name in ("LLAMA_BASE_URL", "BTCPAY_URL")}
        return sorted(ports)

    def tags(self, what: str) -> list[dict[str, str]]:
        """The name that a console shows."""
        return [{"Key": "Name", "Value": f"{self.stage.stack}-{what}"}]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of AWS::EC2."""
    return {"Type": f"AWS::EC2::{kind}", "Properties": properties}


def resources(plan: Plan) -> Resources:
    """VPC, subnets, route tables, the functions' security group, DynamoDB's endpoint."""
    made = {
        "Vpc": resource(
            "VPC",
            CidrBlock=str(plan.cidr),
            EnableDnsSupport=True,
            EnableDnsHostnames=True,  # names of interface endpoints need it
            Tags=plan.tags("vpc"),
        ),
        "PrivateRoutes": resource("RouteTable", VpcId=VPC_ID, Tags=plan.tags("private")),
        "FunctionsSecurityGroup": _functions_group(plan),
    }
    for index, name in enumerate(PRIVATE_SUBNETS):
        made[name] = _subnet(plan, str(plan.private[index]), zone=index, what=f"private-{'ab'[index]}")
        made[f"{name}Routes"] = resource(
            "SubnetRouteTableAssociation", SubnetId={"Ref": name}, RouteTableId={"Ref": "PrivateRoutes"}
        )
        if plan.ipv6:
            made[name]["DependsOn"] = "VpcIpv6"
            made[name]["Properties"]["Ipv6CidrBlock"] = _ipv6_block(index)
    if plan.needs_public_subnet:
        made |= _public(plan)
    return made


def _subnet(plan: Plan, cidr: str, zone: int, what: str) -> dict[str, Any]:
    return resource(
        "Subnet",
        VpcId=VPC_ID,
        CidrBlock=cidr,
        AvailabilityZone=_zone(plan, zone),
        MapPublicIpOnLaunch=False,
        Tags=plan.tags(what),
    )


def parameters(plan: Plan) -> Resources:
    """Zones that the operator named."""
    zones = zip(ZONE_PARAMETERS, plan.stage.network.zones, strict=False)
    return {name: {"Type": "AWS::EC2::AvailabilityZone::Name", "Default": zone} for name, zone in zones}


def _zone(plan: Plan, index: int) -> dict[str, Any]:
    if plan.stage.network.zones:
        return {"Ref": ZONE_PARAMETERS[index]}
    return {"Fn::Select": [index, {"Fn::GetAZs": ""}]}


def _ipv6_block(index: int) -> dict[str, Any]:
    block = {"Fn::Select": [0, {"Fn::GetAtt": ["Vpc", "Ipv6CidrBlocks"]}]}
    return {"Fn::Select": [index, {"Fn::Cidr": [block, 2, 64]}]}


def _public(plan: Plan) -> Resources:
    """For the router or the NAT gateway; never for functions, which have no public address."""
    return {
        "InternetGateway": resource("InternetGateway", Tags=plan.tags("internet")),
        "InternetGatewayAttachment": resource(
            "VPCGatewayAttachment", VpcId=VPC_ID, InternetGatewayId={"Ref": "InternetGateway"}
        ),
        "PublicSubnet": _subnet(plan, str(plan.public), zone=0, what="public"),
        "PublicRoutes": resource("RouteTable", VpcId=VPC_ID, Tags=plan.tags("public")),
        "PublicSubnetRoutes": resource(
            "SubnetRouteTableAssociation", SubnetId={"Ref": "PublicSubnet"}, RouteTableId={"Ref": "PublicRoutes"}
        ),
        "PublicDefaultRoute": resource(
            "Route",
            RouteTableId={"Ref": "PublicRoutes"},
            DestinationCidrBlock=ANY_IPV4,
            GatewayId={"Ref": "InternetGateway"},
        )
        | {"DependsOn": "InternetGatewayAttachment"},
    }


def _functions_group(plan: Plan) -> dict[str, Any]:
    """Nothing comes in; out go https and what the VPN is for.

    https is open to any address, for those of DynamoDB are public ones, also through its endpoint. Routes decide what
    is reached.
    """
    out = [rule("https, as far as routes lead", HTTPS, CidrIp=ANY_IPV4)]
    if plan.ipv6:
        out.append(rule("https over IPv6", HTTPS, CidrIpv6=ANY_IPV6))
    for cidr in plan.stage.network.remote_cidrs:
        out += [rule("behind the VPN", port, CidrIp=cidr) for port in plan.remote_ports if port != HTTPS]
    if plan.stage.settings.get("SMTP_HOST"):
        port = int(plan.stage.settings.get("SMTP_PORT", "587"))
        out.append(rule("mail", port, CidrIp=ANY_IPV4))
        if plan.ipv6:
            out.append(rule("mail over IPv6", port, CidrIpv6=ANY_IPV6))
    return resource(
        "SecurityGroup",
        GroupDescription=f"Functions of {plan.stage.stack}: nothing in, https and the VPN out",
        VpcId=VPC_ID,
        SecurityGroupEgress=out,
        Tags=plan.tags("functions"),
    )


def rule(description: str, port: int, protocol: str = "tcp", **address: Any) -> dict[str, Any]:
    """One rule of a security group, for one port."""
    return {"Description": description, "IpProtocol": protocol, "FromPort": port, "ToPort": port, **address}


def outputs() -> Resources:
    """What is handed to the stage's own stack: its functions join these subnets with this security group."""
    ids = {"Fn::Join": [",", [{"Ref": name} for name in PRIVATE_SUBNETS]]}
    return {
        "SubnetIds": {"Value": ids},
        "SecurityGroupId": {"Value": {"Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"]}},
    }

"""AWS's own Site-to-Site VPN: two IPsec tunnels to a router that the operator has."""

from typing import Any

from infra.aws.network.vpc import VPC_ID, Plan, Resources, resource

INSIDE_CIDRS = ("169.254.80.0/30", "169.254.81.0/30")
"""The ends' addresses within each of the two tunnels; AWS keeps a few others of 169.254 for itself."""
TUNNEL: dict[str, Any] = {
    # Weaker ones would be accepted too, where the other end proposes nothing better.
    "IKEVersions": [{"Value": "ikev2"}],
    "Phase1EncryptionAlgorithms": [{"Value": "AES256"}, {"Value": "AES256-GCM-16"}],
    "Phase1IntegrityAlgorithms": [{"Value": "SHA2-256"}, {"Value": "SHA2-512"}],
    "Phase1DHGroupNumbers": [{"Value": 14}, {"Value": 19}, {"Value": 20}],
    "Phase2EncryptionAlgorithms": [{"Value": "AES256"}, {"Value": "AES256-GCM-16"}],
    "Phase2IntegrityAlgorithms": [{"Value": "SHA2-256"}, {"Value": "SHA2-512"}],
    "Phase2DHGroupNumbers": [{"Value": 14}, {"Value": 19}, {"Value": 20}],
    "DPDTimeoutAction": "restart",
    "StartupAction": "start",
}
"""AWS begins, and begins again, so that a tunnel comes back by itself."""


def resources(plan: Plan) -> Resources:
    """Both ends of the connection, and a static route for each of `remote_cidrs`."""
    network = plan.stage.network
    made = {
        "CustomerGateway": resource(
            "CustomerGateway",
            Type="ipsec.1",
            IpAddress=network.customer_gateway_ip,
            BgpAsn=network.customer_gateway_asn,
            Tags=plan.tags("customer"),
        ),
        "VpnGateway": resource("VPNGateway", Type="ipsec.1", Tags=plan.tags("vpn")),
        "VpnGatewayAttachment": resource("VPCGatewayAttachment", VpcId=VPC_ID, VpnGatewayId={"Ref": "VpnGateway"}),
        "VpnConnection": resource(
            "VPNConnection",
            Type="ipsec.1",
            StaticRoutesOnly=True,
            CustomerGatewayId={"Ref": "CustomerGateway"},
            VpnGatewayId={"Ref": "VpnGateway"},
            VpnTunnelOptionsSpecifications=[TUNNEL | {"TunnelInsideCidr": cidr} for cidr in INSIDE_CIDRS],
            Tags=plan.tags("vpn"),
        ),
        "VpnRoutes": resource(
            "VPNGatewayRoutePropagation", VpnGatewayId={"Ref": "VpnGateway"}, RouteTableIds=[{"Ref": "PrivateRoutes"}]
        )
        | {"DependsOn": "VpnGatewayAttachment"},
    }
    for index, cidr in enumerate(network.remote_cidrs):
        made[f"VpnConnectionRoute{index}"] = resource(
            "VPNConnectionRoute", VpnConnectionId={"Ref": "VpnConnection"}, DestinationCidrBlock=cidr
        )
    return made


def outputs() -> Resources:
    """What finds the configuration that AWS makes for the other end's router."""
    return {"VpnConnectionId": {"Value": {"Ref": "VpnConnection"}}}

"""Puts the network stack's template together: the VPC, one of two ways to the other end, one of three ways out."""

from ipaddress import IPv4Network, ip_network
from typing import Any

from infra.aws.network import outbound, site_to_site, vpc, wireguard
from infra.aws.network.vpc import Plan
from infra.aws.stage import Stage
from infra.aws.stage_file import StageError

PREFIX_MIN, PREFIX_MAX = 16, 24
"""Of a VPC's CIDR: AWS takes no larger one, and a smaller one has no room for functions."""

ZONES = 2


def template(stage: Stage) -> dict[str, Any] | None:
    """The template, None where the stage has no network of its own. Raises StageError, which names the key."""
    if not stage.makes_network:
        return None
    plan = plan_of(stage)
    resources = vpc.resources(plan) | outbound.resources(plan)
    outputs = vpc.outputs()
    if stage.network.vpn == "wireguard":
        resources |= wireguard.resources(plan)
        outputs |= wireguard.outputs()
    else:
        resources |= site_to_site.resources(plan)
        outputs |= site_to_site.outputs()
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Farebox {stage.name}: the way to a llama-server behind a VPN",
        "Parameters": vpc.parameters(plan),
        "Resources": resources,
        "Outputs": outputs,
    }


def plan_of(stage: Stage) -> Plan:
    """Who has which addresses. Raises StageError: a packet for one of `remote_cidrs` must have one way only."""
    network = stage.network
    cidr = ip_network(network.cidr)
    if not isinstance(cidr, IPv4Network) or not PREFIX_MIN <= cidr.prefixlen <= PREFIX_MAX:
        raise StageError(f"network.cidr must be an IPv4 network from /{PREFIX_MIN} to /{PREFIX_MAX}")
    for text in network.remote_cidrs:
        remote = ip_network(text)
        if not isinstance(remote, IPv4Network) or remote.prefixlen == 0:
            raise StageError(f"network.remote_cidrs: {text} must be an IPv4 network, and not all of them")
        if remote.overlaps(cidr):
            raise StageError(f"network.remote_cidrs: {text} overlaps network.cidr, {cidr}")
    if network.zones and len(set(network.zones)) != ZONES:
        raise StageError(f"network.zones must name {ZONES} zones, or none")
    first, second, third, _ = cidr.subnets(prefixlen_diff=2)
    return Plan(stage=stage, cidr=cidr, private=(first, second), public=third)

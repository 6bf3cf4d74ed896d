"""The network stack, in every combination: what cfn-lint sees, and what it does not: who reaches what."""

import base64
import dataclasses
import itertools
import json
import re
import shutil
import stat
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cfnlint import ManualArgs, lint

from functions.ledger import tables
from infra.aws import network
from infra.aws.network import wireguard
from infra.aws.network.stack import plan_of
from infra.aws.stage import Network, Stage
from infra.aws.stage_file import StageError

REMOTE = ("100.64.0.0/24", "192.168.7.0/24")
PEER_KEY = base64.b64encode(bytes(range(32))).decode()
PEER = "203.0.113.9"
SES_SMTP = "email-smtp.us-east-1.amazonaws.com"
VPNS, WAYS_OUT = ("site-to-site", "wireguard"), ("none", "ipv6", "nat")
EVERY = pytest.mark.parametrize(("vpn", "outbound"), list(itertools.product(VPNS, WAYS_OUT)))

Template = dict[str, Any]


def stage(vpn: str = "wireguard", outbound: str = "none", **changes: Any) -> Stage:
    """A stage with a network; `changes` are of its [network], but for `settings`."""
    settings = changes.pop("settings", {"LLAMA_BASE_URL": "http://100.64.0.2:8502"})
    made = Network(
        vpn=vpn,
        outbound=outbound,
        remote_cidrs=REMOTE,
        customer_gateway_ip=PEER,
        wireguard_peer_key=PEER_KEY,
        wireguard_peer_ip=PEER,
    )
    return Stage("staging", settings=settings, network=dataclasses.replace(made, **changes))


def template(vpn: str = "wireguard", outbound: str = "none", **changes: Any) -> Template:
    made = network.template(stage(vpn, outbound, **changes))
    assert made is not None
    return made


def of_kind(made: Template, kind: str) -> dict[str, Template]:
    """Properties by logical id."""
    found = made["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == f"AWS::EC2::{kind}"}


def routes(made: Template, table: str) -> dict[str, str]:
    """Where each destination goes from a route table, as `kind logical id`."""
    ways = ("GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "InstanceId")
    return {
        route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]: next(
            f"{way} {route[way]['Ref']}" for way in ways if way in route
        )
        for route in of_kind(made, "Route").values()
        if route["RouteTableId"] == {"Ref": table}
    }


def ingress(made: Template) -> list[tuple[str, Template]]:
    """Every rule by which something may come in, with its group."""
    groups = of_kind(made, "SecurityGroup").items()
    return [(name, rule) for name, group in groups for rule in group.get("SecurityGroupIngress", [])]


def test_without_a_vpn_there_is_no_template() -> None:
    """vpn = none makes nothing, also where the functions join a VPC of the operator's own."""
    assert network.template(Stage("staging")) is None
    assert network.template(Stage("staging", network=Network(subnet_ids=("subnet-1",)))) is None


@EVERY
def test_every_combination_is_a_valid_template(vpn: str, outbound: str) -> None:
    """cfn-lint finds nothing at all, warnings included, with and without mail through the VPC."""
    for settings in ({}, {"SMTP_HOST": SES_SMTP, "BTCPAY_URL": "http://100.64.0.3:49392"}):
        made = template(vpn, outbound, settings=settings, zones=("us-east-1a", "us-east-1c"))
        found = lint(json.dumps(made), config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["I"]))
        assert not [str(match) for match in found]


@EVERY
def test_functions_are_in_private_subnets_of_two_zones(vpn: str, outbound: str) -> None:
    """The subnets that functions join have no way in from the internet, and one zone may fail."""
    made = template(vpn, outbound)
    joined = [each["Ref"] for each in made["Outputs"]["SubnetIds"]["Value"]["Fn::Join"][1]]
    subnets = of_kind(made, "Subnet")
    assert len({str(subnets[name]["AvailabilityZone"]) for name in joined}) == 2
    assert not any(subnets[name]["MapPublicIpOnLaunch"] for name in joined)
    associations = of_kind(made, "SubnetRouteTableAssociation").values()
    tables_of = {each["SubnetId"]["Ref"]: each["RouteTableId"]["Ref"] for each in associations}
    assert {tables_of[name] for name in joined} == {"PrivateRoutes"}
    assert not any(way.startswith("GatewayId") for way in routes(made, "PrivateRoutes").values())
    cidrs = [ip_network(each["CidrBlock"]) for each in subnets.values()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(cidrs, 2))
    assert (made["Outputs"]["SecurityGroupId"]["Value"]) == {"Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"]}


@EVERY
def test_routes_lead_where_the_choice_says_and_nowhere_else(vpn: str, outbound: str) -> None:
    """The router gets packets for the remote networks only; a default route is there only for a way out."""
    made = template(vpn, outbound)
    out = {"none": {}, "ipv6": {"::/0": "EgressOnlyInternetGatewayId EgressOnlyGateway"}}
    out["nat"] = {"0.0.0.0/0": "NatGatewayId NatGateway"}
    remote = dict.fromkeys(REMOTE, "InstanceId Router") if vpn == "wireguard" else {}
    assert routes(made, "PrivateRoutes") == out[outbound] | remote
    has_public = vpn == "wireguard" or outbound == "nat"
    assert routes(made, "PublicRoutes") == ({"0.0.0.0/0": "GatewayId InternetGateway"} if has_public else {})


def test_site_to_site_routes_are_static_and_reach_the_private_subnets() -> None:
    """Both ends know the remote networks: the connection by static routes, the private table by propagation."""
    made = template("site-to-site")
    (connection,) = of_kind(made, "VPNConnection").values()
    assert connection["StaticRoutesOnly"] is True
    destinations = [each["DestinationCidrBlock"] for each in of_kind(made, "VPNConnectionRoute").values()]
    assert tuple(destinations) == REMOTE
    (propagation,) = of_kind(made, "VPNGatewayRoutePropagation").values()
    assert propagation["RouteTableIds"] == [{"Ref": "PrivateRoutes"}]
    (gateway,) = of_kind(made, "CustomerGateway").values()
    assert gateway["IpAddress"] == PEER
    assert all(tunnel["IKEVersions"] == [{"Value": "ikev2"}] for tunnel in connection["VpnTunnelOptionsSpecifications"])


@EVERY
def test_nothing_comes_in_from_everywhere(vpn: str, outbound: str) -> None:
    """Functions take no connection; nobody else takes one from any address, nor one for SSH."""
    made = template(vpn, outbound)
    assert not [rule for name, rule in ingress(made) if name == "FunctionsSecurityGroup"]
    for _, rule in ingress(made):
        assert rule.get("CidrIp") not in ("0.0.0.0/0", "::/0")
        assert "CidrIpv6" not in rule
        assert not rule["FromPort"] <= 22 <= rule["ToPort"]


def test_the_tunnel_is_open_to_its_peer_or_to_all() -> None:
    """WireGuard's port takes packets of the peer's address; of any, where that is not known; and only UDP."""
    for peer, cidr in ((PEER, f"{PEER}/32"), ("", "0.0.0.0/0")):
        made = template(wireguard_peer_ip=peer, wireguard_port=51999)
        udp = [rule for _, rule in ingress(made) if rule["IpProtocol"] == "udp"]
        assert [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in udp] == [(cidr, 51999, 51999)]
        others = [rule for _, rule in ingress(made) if rule["IpProtocol"] != "udp"]
        assert all(rule.get("CidrIp") != "0.0.0.0/0" for rule in others)


def test_functions_go_out_by_https_and_to_the_vpn_only() -> None:
    """443 to wherever routes lead; behind the VPN the ports of the llama-server and BTCPay; mail's only where set."""
    settings = {"LLAMA_BASE_URL": "http://100.64.0.2:8502", "BTCPAY_URL": "http://100.64.0.3:49392"}
    out = of_kind(template(settings=settings), "SecurityGroup")["FunctionsSecurityGroup"]["SecurityGroupEgress"]
    ports = {cidr: {rule["FromPort"] for rule in out if rule["CidrIp"] == cidr} for cidr in ("0.0.0.0/0", *REMOTE)}
    assert ports == {"0.0.0.0/0": {443}} | {cidr: {8502, 49392} for cidr in REMOTE}
    assert all(rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"] for rule in out)
    mailing = of_kind(template(settings={"SMTP_HOST": "mail.example.com", "SMTP_PORT": "465"}), "SecurityGroup")
    assert 465 in {rule["FromPort"] for rule in mailing["FunctionsSecurityGroup"]["SecurityGroupEgress"]}


def statements(made: Template, name: str) -> tuple[list[str], list[str]]:
    """Actions and resources of an endpoint's one statement."""
    (statement,) = made["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
    return statement["Action"], [each["Fn::Sub"] for each in statement["Resource"]]


@EVERY
def test_dynamodb_is_always_reached_and_only_the_stages_tables(vpn: str, outbound: str) -> None:
    """The free endpoint is there, on the functions' routes, for every table of the stage and no other one."""
    made = template(vpn, outbound)
    endpoint = of_kind(made, "VPCEndpoint")["DynamoDBEndpoint"]
    assert (endpoint["VpcEndpointType"], endpoint["RouteTableIds"]) == ("Gateway", [{"Ref": "PrivateRoutes"}])
    actions, arns = statements(made, "DynamoDBEndpoint")
    assert sorted(arn.rpartition("/")[2] for arn in arns) == sorted(
        f"farebox-staging-{model.Meta.table_name}" for model in tables.TABLES
    )
    assert not [each for each in (*actions, *arns) if "*" in each]


def test_interface_endpoints_stand_in_for_a_way_out() -> None:
    """With outbound = none secrets and SES by SMTP are reached inside the VPC, and nothing that no function calls.

    SES has its endpoint in the first zone alone, for some zones have none of it. With a way out none is paid.
    """
    made = template("site-to-site", "none", settings={"SMTP_HOST": SES_SMTP})
    services = {each["ServiceName"]["Fn::Sub"].rpartition(".")[2] for each in of_kind(made, "VPCEndpoint").values()}
    assert services == {"dynamodb", "secretsmanager", "email-smtp"}
    zones = {"SecretsManagerEndpoint": ["PrivateSubnetA", "PrivateSubnetB"], "MailEndpoint": ["PrivateSubnetA"]}
    for name, subnets in zones.items():
        properties = made["Resources"][name]["Properties"]
        assert properties["PrivateDnsEnabled"] is True
        assert [each["Ref"] for each in properties["SubnetIds"]] == subnets
    first = template("site-to-site", "none", zones=("us-east-1d", "us-east-1b"))
    assert first["Resources"]["PrivateSubnetA"]["Properties"]["AvailabilityZone"] == {"Ref": "ZoneA"}
    assert first["Parameters"]["ZoneA"]["Default"] == "us-east-1d"
    actions, arns = statements(made, "SecretsManagerEndpoint")
    assert actions == ["secretsmanager:GetSecretValue"]
    assert [arn.rpartition(":")[2] for arn in arns] == ["farebox-staging/*"]
    sources = [rule["SourceSecurityGroupId"] for name, rule in ingress(made) if name == "EndpointsSecurityGroup"]
    assert sources == [{"Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"]}] * 2
    for outbound in ("ipv6", "nat"):
        assert list(of_kind(template("site-to-site", outbound), "VPCEndpoint")) == ["DynamoDBEndpoint"]


def test_ipv6_is_dual_stack_and_lets_nothing_in() -> None:
    """Functions get IPv6 addresses whose only way is an egress-only gateway, and AWS's names that have such ones."""
    made = template("site-to-site", "ipv6")
    subnets = of_kind(made, "Subnet")
    assert all("Ipv6CidrBlock" in subnets[name] for name in ("PrivateSubnetA", "PrivateSubnetB"))
    assert len({json.dumps(subnet.get("Ipv6CidrBlock")) for subnet in subnets.values()}) == 2
    egress = of_kind(made, "SecurityGroup")["FunctionsSecurityGroup"]["SecurityGroupEgress"]
    assert [rule["FromPort"] for rule in egress if rule.get("CidrIpv6") == "::/0"] == [443]
    assert not of_kind(made, "InternetGateway")
    settings = network.settings(stage("site-to-site", "ipv6"))
    assert settings["SECRETS_ENDPOINT_URL"] == "https://secretsmanager.us-east-1.api.aws"
    assert settings["SES_ENDPOINT_URL"] == "https://email.us-east-1.api.aws"
    assert network.settings(stage("site-to-site", "nat")) == {}


def test_the_router_passes_packets_on_and_has_the_image_of_its_processor() -> None:
    """SourceDestCheck is off, its address is its own, it recovers by itself, and metadata needs a token."""
    for kind, architecture in (("t4g.nano", "arm64"), ("c7gn.medium", "arm64"), ("t3.nano", "x86_64")):
        made = template(wireguard_instance=kind)
        data = of_kind(made, "LaunchTemplate")["RouterLaunch"]["LaunchTemplateData"]
        assert data["ImageId"].endswith(f"al2023-ami-kernel-default-{architecture}")
    (router,) = of_kind(made, "Instance").values()
    assert router["SourceDestCheck"] is False
    assert router["SubnetId"] == {"Ref": "PublicSubnet"}
    assert "KeyName" not in router | data
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    (association,) = of_kind(made, "EIPAssociation").values()
    assert association["InstanceId"] == {"Ref": "Router"}
    alarms = [each for each in made["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    actions = {each["Properties"]["AlarmActions"][0]["Fn::Sub"].rpartition(":")[2] for each in alarms}
    assert actions == {"recover", "reboot"}


def test_the_router_reads_its_own_key_and_nothing_else() -> None:
    """Its role names one secret; what Session Manager needs knows no resources, and is not AWS's broad policy."""
    role = template()["Resources"]["RouterRole"]["Properties"]
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    read, session = policy["PolicyDocument"]["Statement"]
    assert read["Action"] == "secretsmanager:GetSecretValue"
    assert read["Resource"]["Fn::Sub"].endswith(":secret:farebox-staging/router-??????")
    assert all(
        re.match(r"ssm:UpdateInstanceInformation|ssmmessages:(Create|Open)\w+Channel", a) for a in session["Action"]
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cidr": "10.0.0.0/26"}, "network.cidr"),
        ({"cidr": "fd00::/56"}, "network.cidr"),
        ({"remote_cidrs": ("10.80.4.0/24",)}, "overlaps"),
        ({"remote_cidrs": ("0.0.0.0/0",)}, "network.remote_cidrs"),
        ({"wireguard_peer_key": "not a key"}, "network.wireguard_peer_key"),
        ({"zones": ("us-east-1a",)}, "network.zones"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(changes: dict[str, Any], named: str) -> None:
    """A network that would be deployed and not work is refused before, with the key to change."""
    with pytest.raises(StageError, match=named):
        template(**changes)


def test_what_the_network_does_not_reach_is_told() -> None:
    """Without a way out a mail server and a hosted provider are doubts; with NAT, or behind the VPN, they are not."""
    hosted = {"LLAMA_BASE_URL": "https://api.example.com", "SMTP_HOST": "mail.example.com"}
    assert len(network.doubts(stage(outbound="none", settings=hosted))) == 2
    assert network.doubts(stage(outbound="nat", settings=hosted)) == []
    inside = {"LLAMA_BASE_URL": "http://100.64.0.2:8502", "SMTP_HOST": SES_SMTP}
    assert network.doubts(stage(outbound="none", settings=inside)) == []


PROGRAMS = {
    "dnf": 'echo "dnf $*" >> "$OUT/installed"; cp "$OUT/wg" "$OUT/nft" "$OUT/bin/"',
    "dd": 'test "$2" = "of=$OUT/swap" && echo made > "$OUT/swap"',
    "mkswap": 'echo swap > "$1"',
    "swapon": 'test "$(cat "$1")" = swap && echo "swapon $1" >> "$OUT/installed"',
    "nft": 'cp "$2" "$OUT/loaded.nft"',
    "sysctl": "exit 0",
    "wg": "cat > /dev/null; echo the-public-key",
    "systemctl": 'echo "$*" >> "$OUT/systemctl"',
    "aws": 'test "$6" = "farebox-staging/router" && echo "PRIVATE/KEY+with=signs"',
}
"""Stand-ins for what the router's script calls."""
REAL = ("sh", "cat", "chmod", "cp", "rm", "seq", "sleep")
PACKAGES = ("wg", "nft")


def configured(folder: Path, *missing: str) -> subprocess.CompletedProcess[str]:
    """The router's script, run where programs are missing that a package brings."""
    for name in ("bin", "etc/wireguard", "etc/nftables", "etc/sysctl.d"):
        (folder / name).mkdir(parents=True)
    for name in REAL:
        (folder / "bin" / name).symlink_to(str(shutil.which(name)))
    for name, body in PROGRAMS.items():
        places = [folder] if name in missing else [folder / "bin", *([folder] if name in PACKAGES else [])]
        for place in places:
            (place / name).write_text(f"#!{folder}/bin/sh\n{body}\n")
            (place / name).chmod(0o755)
    text = wireguard.script(plan_of(stage())).replace("/etc/", f"{folder}/etc/").replace("/swap", f"{folder}/swap")
    environment = {"PATH": f"{folder}/bin", "OUT": str(folder)}
    command = [str(shutil.which("bash")), "-c", f"REGION=us-east-1\n{text}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_the_routers_script_writes_what_the_tunnel_needs(tmp_path: Path) -> None:
    """With stand-ins: the firewall is loaded, the key is in wg0.conf alone, for root alone, and the tunnel starts."""
    ran = configured(tmp_path)
    assert ran.returncode == 0, ran.stderr
    written = tmp_path / "etc/wireguard/wg0.conf"
    assert "PrivateKey = PRIVATE/KEY+with=signs\n" in written.read_text()
    assert f"PublicKey = {PEER_KEY}\nAllowedIPs = 100.64.0.0/24, 192.168.7.0/24\n" in written.read_text()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert (tmp_path / "loaded.nft").read_text() == wireguard.nftables_conf(plan_of(stage()))
    assert (tmp_path / "systemctl").read_text().splitlines()[-1] == "restart wg-quick@wg0.service"
    assert "PRIVATE" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("missing", [(), ("wg",), ("nft",), ("wg", "nft")], ids=str)
@pytest.mark.parametrize("swap", [None, "half of i", "swap"])
def test_what_the_router_lacks_is_installed(tmp_path: Path, missing: tuple[str, ...], swap: str | None) -> None:
    """Either program is enough, and swap comes first, also where a first try left half of it; else neither."""
    if swap:
        (tmp_path / "swap").write_text(swap)
        (tmp_path / "swap").chmod(0o644)
    ran = configured(tmp_path, *missing)
    assert ran.returncode == 0, ran.stderr
    done = (tmp_path / "installed").read_text().splitlines() if (tmp_path / "installed").exists() else []
    steps = [f"swapon {tmp_path}/swap", "dnf install --assumeyes --quiet wireguard-tools nftables"]
    assert done == (steps if missing else [])
    if missing and swap != "swap":
        assert stat.S_IMODE((tmp_path / "swap").stat().st_mode) == 0o600


def test_a_router_without_room_for_swap_goes_on(tmp_path: Path) -> None:
    """It says so, and dnf is tried all the same."""
    ran = configured(tmp_path, "wg", "mkswap")
    assert ran.returncode == 0, ran.stderr
    assert "no swap" in ran.stderr
    assert (tmp_path / "installed").read_text().startswith("dnf install")


def test_user_data_runs_at_every_start() -> None:
    """It is cloud-init's two parts, fits into 16 KB, and holds no key."""
    data = of_kind(template(), "LaunchTemplate")["RouterLaunch"]["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert len(text.encode()) < 16_384
    assert "cloud_final_modules: [[scripts-user, always]]" in text
    assert (text.count("\n--//\n"), text.count("\n--//--\n")) == (2, 1)
    assert "PrivateKey = <private_key>\n" in text
    assert set(re.findall(r"\$\{(?!!)([^}]*)", text)) == {"AWS::Region"}
    assert wireguard.script(plan_of(stage())) in text.replace("${!", "${")

"""The firewalls of both ends, as they are deployed: only the tunnel reaches the llama-server, and nothing comes back.

Skipped, with a word, where there is no `nft`.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from infra.aws.network import wireguard as router
from tests.network.conftest import Connected
from tests.network.namespace import Namespace, wire
from tests.network.site import firewall, has_nftables, plan
from tests.network.wireguard import Tunnel

NEIGHBOUR, FUNCTION, VPC_SIDE = "198.51.100.9", "10.80.0.9", "10.80.0.1"
REACH_TIMEOUT_S = 1.5


@pytest.fixture(autouse=True)
def nftables() -> None:
    if not has_nftables():
        pytest.skip("NO PROOF OF THE FIREWALLS: there is no `nft` (Debian: apt install nftables)")


@pytest.fixture
def neighbour(connected: Connected) -> Iterator[Namespace]:
    """A machine beside the llama-server's, which sends packets for the tunnel's address over their common network."""
    with ExitStack() as ended:
        machine = Namespace()
        ended.callback(machine.end)
        wire(machine, connected.site.far, "lan", (f"{NEIGHBOUR}/24", "198.51.100.1/24"))
        machine.run("ip", "route", "add", connected.served.host, "via", "198.51.100.1")
        yield machine


@pytest.fixture
def function(connected: Connected) -> Iterator[Namespace]:
    """A machine of the VPC behind the router; the other end knows no way to it."""
    near = connected.site.near
    with ExitStack() as ended:
        machine = Namespace()
        ended.callback(machine.end)
        wire(machine, near, "vpc", (f"{FUNCTION}/20", f"{VPC_SIDE}/20"))
        machine.run("ip", "route", "add", "100.64.0.0/24", "via", VPC_SIDE)
        near.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        ended.enter_context(firewall(near, router.nftables_conf(plan(connected.site.keys[1]))))
        yield machine


def reaches(machine: Namespace, host: str, port: int) -> bool:
    """Whether a connection can be made from there."""
    with machine.inside():
        try:
            socket.create_connection((host, port), timeout=REACH_TIMEOUT_S).close()
            return True
        except OSError:
            return False


def test_a_neighbour_does_not_get_past_the_tunnel(connected: Connected, neighbour: Namespace) -> None:
    """Linux answers for the tunnel's address on every interface; with the firewall only the tunnel gets an answer."""
    served, far = connected.served, connected.site.far
    assert not reaches(neighbour, served.host, served.port)
    assert reaches(connected.site.near, served.host, served.port)
    rules = far.run("nft", "list", "ruleset")
    far.run("nft", "flush", "ruleset")
    try:
        assert reaches(neighbour, served.host, served.port)  # it was the firewall that held it off
    finally:
        far.run("nft", "-f", "-", text=rules)


def test_the_tunnel_reaches_nothing_but_the_llama_server(connected: Connected) -> None:
    """Whoever holds the AWS end gets to the llama-server's port, and to no other one of that machine."""
    with connected.site.far.inside(), socket.create_server((connected.served.host, 0)) as other:
        port = other.getsockname()[1]
        assert reaches(connected.site.far, connected.served.host, port)
        assert not reaches(connected.site.near, connected.served.host, port)


def test_functions_reach_the_llama_server_through_the_router(connected: Connected, function: Namespace) -> None:
    """The router passes a function's connection on under its own address, the only one the other end lets in."""
    served = connected.served
    assert reaches(function, served.host, served.port)
    assert not reaches(function, served.host, served.port + 1)
    near = connected.site.near
    rules = near.run("nft", "list", "ruleset")
    near.run("nft", "flush", "chain", "inet", "farebox", "postrouting")
    try:
        assert not reaches(function, served.host, served.port)
    finally:
        near.run("nft", "-f", "-", text=f"flush ruleset\n{rules}")


def test_nothing_comes_from_the_tunnel_into_the_vpc(connected: Connected, function: Namespace) -> None:
    """A llama-server's end that turned hostile begins no connection to the VPC, whatever its own files say."""
    far, near = connected.site.far, connected.site.near
    hostile = Tunnel(far, connected.near.configuration)
    hostile.ask(f"set=1\npublic_key={connected.router_key}\nupdate_only=true\nallowed_ip=10.80.0.0/20")
    far.run("ip", "route", "add", "10.80.0.0/20", "dev", "wg0")
    far_rules = far.run("nft", "list", "ruleset")
    far.run("nft", "flush", "ruleset")
    try:
        with function.inside(), socket.create_server((FUNCTION, 0)) as server:
            port = server.getsockname()[1]
            assert not reaches(far, FUNCTION, port)
            near.run("nft", "flush", "ruleset")
            assert reaches(far, FUNCTION, port)  # it was the router's firewall that held it off
    finally:
        far.run("ip", "route", "del", "10.80.0.0/20")
        far.run("nft", "-f", "-", text=far_rules)

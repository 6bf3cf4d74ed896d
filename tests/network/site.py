"""Two machines and the wire between them: the AWS end of the tunnel with the gateway, and the end of the llama-server.

Both are set up from the files that a deployment and an operator use: infra/aws/network/router, infra/aws/llama_server.
"""

import argparse
import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

from infra.aws.network import wireguard as router
from infra.aws.network.placeholders import fill
from infra.aws.network.stack import plan_of
from infra.aws.network.vpc import Plan
from infra.aws.stage import Network, Stage
from tests import stand
from tests.network.namespace import Namespace, wire
from tests.network.wireguard import Keys, Tunnel, new_keys, tunnel

FILES = stand.ROOT / "infra/aws/llama_server"
LLAMA_KEY = "llama-key-behind-the-tunnel"
ROUTER, HOME = "192.0.2.1", "192.0.2.2"
"""Public addresses of both ends, from the block for documentation."""
INTERNET = "internet"


def plan(peer: Keys) -> Plan:
    """The deployment whose router this is."""
    network = Network(vpn="wireguard", remote_cidrs=("100.64.0.0/24",), wireguard_peer_key=peer.public)
    return plan_of(Stage("test", network=network))


@dataclass(frozen=True)
class Served:
    """How the unit file starts llama-server."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


def served() -> Served:
    """What an operator's llama-server.service says; its key must come from a file that only root reads."""
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FILES / "llama-server.service")
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key-file", required=True)
    arguments, _ = parser.parse_known_args(shlex.split(unit["Service"]["ExecStart"])[1:])
    name = arguments.api_key_file.removeprefix("%d/")
    assert unit["Service"]["LoadCredential"].startswith(f"{name}:/etc/farebox/")
    return Served(arguments.host, arguments.port)


@dataclass
class Site:
    """Both ends. `near` has the gateway, `far` the llama-server."""

    near: Namespace
    far: Namespace
    keys: tuple[Keys, Keys]
    folder: Path

    @contextlib.contextmanager
    def near_tunnel(self) -> Iterator[Tunnel]:
        """The router's end, as its own script configures it."""
        text = router.wg0_conf(plan(self.keys[1])).replace("<private_key>", self.keys[0].private)
        with tunnel(self.near, text, self.folder / "near.log") as made:
            yield made

    @contextlib.contextmanager
    def far_tunnel(self) -> Iterator[Tunnel]:
        """The llama-server's end, as docs/vpn.md has it set up."""
        values = {"private_key": self.keys[1].private, "router_public_key": self.keys[0].public}
        text = fill(FILES / "wg0.conf", **values, router_address=ROUTER)
        with tunnel(self.far, text, self.folder / "far.log") as made:
            yield made

    def cut(self) -> None:
        """Pull the plug of the wire between the two: packets are lost, and nobody is told."""
        self.far.run("ip", "link", "set", INTERNET, "down")

    def mend(self) -> None:
        """Plug it in again."""
        self.far.run("ip", "link", "set", INTERNET, "up")


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Two machines with a wire between them, and no tunnel yet."""
    with contextlib.ExitStack() as ended:
        near, far = Namespace(), Namespace()
        ended.callback(far.end)
        ended.callback(near.end)
        wire(near, far, INTERNET, (f"{ROUTER}/24", f"{HOME}/24"))
        yield Site(near, far, (new_keys(), new_keys()), folder)


@contextlib.contextmanager
def firewall(machine: Namespace, rules: str) -> Iterator[None]:
    """Load rules of nftables; they end with the context."""
    machine.run("nft", "-f", "-", text=rules)
    try:
        yield
    finally:
        machine.run("nft", "flush", "ruleset")


def has_nftables() -> bool:
    return shutil.which("nft") is not None


@contextlib.contextmanager
def llama(machine: Namespace, folder: Path) -> Iterator[Served]:
    """A real llama.cpp on a machine that has the tunnel, at the address and with the kind of key of the unit file."""
    unit = served()
    key = folder / "api-key"
    key.write_text(f"{LLAMA_KEY}\n")
    arguments = ["-m", "infra.local.llama", "--host", unit.host, "--port", str(unit.port), "--api-key-file", str(key)]
    with machine.inside(), stand.process(arguments, dict(os.environ), folder / "llama.log"):
        stand.wait_until(lambda: stand.answers(f"{unit.url}/health"), "llama.cpp")
        yield unit

"""WireGuard in userspace, from its own source, set up from the configuration files that operators get.

wg-quick would need a kernel module or tools; this talks to wireguard-go's socket itself:
https://www.wireguard.com/xplatform/
"""

import base64
import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from infra.aws.network.placeholders import NAME
from tests import stand
from tests.go_tool import built
from tests.network.namespace import Namespace

VERSION = "v0.0.0-20260522210424-ecfc5a8d5446"
"""Pinned."""
MODULE = "golang.zx2c4.com/wireguard"
INTERFACE = "wg0"
SOCKET = f"/run/wireguard/{INTERFACE}.sock"


def binary() -> Path:
    """wireguard-go. Raises Missing."""
    return built("wireguard", MODULE, VERSION)


@dataclass(frozen=True)
class Keys:
    """One end's keys, as `wg genkey` and `wg pubkey` print them."""

    private: str
    public: str


def new_keys() -> Keys:
    private = X25519PrivateKey.generate()
    raw = private.private_bytes_raw(), private.public_key().public_bytes_raw()
    return Keys(*(base64.b64encode(each).decode() for each in raw))


@dataclass
class Tunnel:
    """One end of a tunnel: wg0 of one machine."""

    machine: Namespace
    configuration: ConfigParser

    def ask(self, request: str) -> dict[str, str]:
        """One request of wireguard-go's configuration protocol; the last value of each name in the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.machine.path(SOCKET)))
            connection.sendall(request.encode() + b"\n\n")
            answer = b""
            while not answer.endswith(b"\n\n"):
                answer += connection.recv(65536)
        values = dict(line.split("=", 1) for line in answer.decode().split())
        assert values["errno"] == "0", values
        return values

    def configure(self) -> None:
        """What wg-quick does with the file: keys and peer, address, MTU, a route for what the peer may be."""
        interface, peer = self.configuration["Interface"], self.configuration["Peer"]
        lines = ["set=1", f"private_key={_hex(interface['PrivateKey'])}", "replace_peers=true"]
        lines += [f"listen_port={interface['ListenPort']}"] if "ListenPort" in interface else []
        lines += [f"public_key={_hex(peer['PublicKey'])}"]
        lines += [f"endpoint={peer['Endpoint']}"] if "Endpoint" in peer else []
        if "PersistentKeepalive" in peer:
            lines += [f"persistent_keepalive_interval={peer['PersistentKeepalive']}"]
        allowed = [part.strip() for part in peer["AllowedIPs"].split(",")]
        self.ask("\n".join([*lines, *(f"allowed_ip={network}" for network in allowed)]))
        self.machine.run("ip", "address", "add", interface["Address"], "dev", INTERFACE)
        self.machine.run("ip", "link", "set", INTERFACE, "mtu", interface["MTU"])
        self.up()

    def up(self) -> None:
        """The interface up, and the routes through it, which do not outlive `down`."""
        self.machine.run("ip", "link", "set", INTERFACE, "up")
        for network in self.configuration["Peer"]["AllowedIPs"].split(","):
            self.machine.run("ip", "route", "replace", network.strip(), "dev", INTERFACE)

    def down(self) -> None:
        self.machine.run("ip", "link", "set", INTERFACE, "down")

    def received_bytes(self) -> int:
        """How much came through the tunnel to this end."""
        return int(self.ask("get=1").get("rx_bytes", "0"))


def parsed(text: str) -> ConfigParser:
    """A wg-quick file. Raises AssertionError where a placeholder was left in it."""
    assert not NAME.search(text), text
    configuration = ConfigParser()
    configuration.optionxform = str  # type: ignore[assignment,method-assign]
    configuration.read_string(text)
    return configuration


@contextlib.contextmanager
def tunnel(machine: Namespace, text: str, log: Path) -> Iterator[Tunnel]:
    """wg0 on a machine, as a wg-quick file describes it; gone with the context, as after `wg-quick down`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*machine.enter(), str(binary()), "--foreground", INTERFACE],
            env=os.environ | {"LOG_LEVEL": "error"},
            stdout=output,
            stderr=output,
        )
    try:
        stand.wait_until(lambda: machine.path(SOCKET).exists() or child.poll() is not None, "wireguard-go's socket")
        assert child.poll() is None, log.read_text()
        made = Tunnel(machine, parsed(text))
        made.configure()
        yield made
    finally:
        stand.end(child)


def _hex(key: str) -> str:
    return base64.b64decode(key, validate=True).hex()

"""The gateway with its tables on one machine, a llama.cpp on another, and a WireGuard tunnel between them."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import stand
from tests.go_tool import Missing
from tests.network import namespace, wireguard
from tests.network.site import FILES, LLAMA_KEY, Served, Site, firewall, has_nftables, llama, site
from tests.network.wireguard import Tunnel

CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S = 2, 8


@dataclass
class Connected:
    """Both ends, the tunnel between them as it is now, and how the llama-server is reached through it."""

    site: Site
    near: Tunnel
    served: Served
    far_end: ExitStack

    @property
    def router_key(self) -> str:
        """The router's public key, in hexadecimal digits."""
        return base64.b64decode(self.site.keys[0].public).hex()

    def end_far_tunnel(self) -> None:
        """As when WireGuard ends over there, by hand or with its machine."""
        self.far_end.close()

    def start_far_tunnel(self) -> None:
        self.far_end.enter_context(self.site.far_tunnel())

    def passes(self) -> bool:
        """Whether the llama-server can be asked from here."""
        return stand.answers(f"{self.served.url}/health")


@pytest.fixture(scope="session")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    """Skipped, with what is missing, where this machine can make no namespaces or cannot build wireguard-go."""
    try:
        namespace.check()
        wireguard.binary()
    except Missing as missing:
        pytest.skip(f"NO PROOF OF THE TUNNEL: {missing}")
    folder = tmp_path_factory.mktemp("network")
    with ExitStack() as running:
        place = running.enter_context(site(folder))
        near = running.enter_context(place.near_tunnel())
        far_end = running.enter_context(ExitStack())
        far_end.enter_context(place.far_tunnel())
        if has_nftables():
            running.enter_context(firewall(place.far, (FILES / "nftables.conf").read_text()))
        served = running.enter_context(llama(place.far, folder))
        yield Connected(place, near, served, far_end)


@pytest.fixture(autouse=True)
def on_the_near_machine(connected: Connected) -> Iterator[None]:
    """Every test here runs at the gateway's end, and begins with a tunnel that works."""
    with connected.site.near.inside():
        stand.wait_until(connected.passes, "a tunnel")
        yield


@pytest.fixture(scope="session")
def dynamodb_url(connected: Connected, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MiniStack at the gateway's end."""
    with ExitStack() as running:
        with connected.site.near.inside():
            url = running.enter_context(stand.ministack(tmp_path_factory.mktemp("ministack")))
        yield url


@pytest.fixture(scope="session")
def tunnelled(
    connected: Connected, dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A gateway whose llama-server is behind the tunnel, and which does not wait long for it."""
    with ExitStack() as running:
        with connected.site.near.inside():
            folder: Path = tmp_path_factory.mktemp("gateway")
            start = running.enter_context(stand.gateways(dynamodb_url, folder))
            gateway = start(
                LLAMA_BASE_URL=connected.served.url,
                LLAMA_API_KEY=LLAMA_KEY,
                UPSTREAM_CONNECT_TIMEOUT_S=str(CONNECT_TIMEOUT_S),
                UPSTREAM_IDLE_TIMEOUT_S=str(IDLE_TIMEOUT_S),
            )
        yield gateway

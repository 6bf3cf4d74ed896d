"""What a stage is: everything that an operator sets for one deployment.

`infra/aws/stage_file.py` reads one from `infra/aws/stages/<name>.toml`. Each field's default and metadata are the rules
of its key there: `choices`, `range`, `pattern`, `network` and `address`; a key that is added here needs nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

FUNCTIONS = ("api", "stream", "webhooks", "console", "admin", "authorizer", "maintenance", "errands")

MEMORY_MB = dict.fromkeys(FUNCTIONS, 256) | {"authorizer": 128}
RESERVED = dict.fromkeys(FUNCTIONS, 0)


@dataclass(frozen=True)
class Network:
    """Where the functions run, and how they reach a llama-server behind a VPN."""

    vpn: str = field(default="none", metadata={"choices": ("none", "site-to-site", "wireguard")})
    outbound: str = field(default="none", metadata={"choices": ("none", "ipv6", "nat")})
    cidr: str = field(default="10.80.0.0/20", metadata={"network": True})
    """Of the VPC that is made."""
    zones: tuple[str, ...] = field(default=(), metadata={"pattern": "[a-z0-9-]+[0-9][a-z]"})
    """Two availability zones, such as us-east-1a; () takes the region's first two. SES's endpoint is in the first."""
    remote_cidrs: tuple[str, ...] = field(default=(), metadata={"network": True})
    """What lies behind the VPN, such as 100.64.0.0/24."""
    customer_gateway_ip: str = field(default="", metadata={"address": True})
    """site-to-site: the public address of the other end."""
    customer_gateway_asn: int = field(default=65000, metadata={"range": (1, 2**32 - 1)})
    wireguard_peer_key: str = ""
    """wireguard: the public key of the llama-server's end."""
    wireguard_peer_ip: str = field(default="", metadata={"address": True})
    """wireguard: the only address the tunnel may come from, where it is always the same; "" takes any."""
    wireguard_port: int = field(default=51820, metadata={"range": (1, 65535)})
    wireguard_instance: str = "t4g.nano"
    llama_port: int = field(default=8502, metadata={"range": (1, 65535)})
    subnet_ids: tuple[str, ...] = field(default=(), metadata={"pattern": "subnet-[0-9a-f]+"})
    """vpn = "none": subnets of a VPC of one's own, which the functions join."""
    security_group_ids: tuple[str, ...] = field(default=(), metadata={"pattern": "sg-[0-9a-f]+"})


@dataclass(frozen=True)
class Capacity:
    """How much there may be at once. `memory_mb` and `reserved_concurrency` have an entry for every function."""

    memory_mb: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(MEMORY_MB), metadata={"functions": MEMORY_MB, "range": (128, 10240)}
    )
    reserved_concurrency: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(RESERVED), metadata={"functions": RESERVED, "range": (0, 100_000)}
    )
    """0 reserves nothing: the function shares the account's concurrency."""
    throttle_rate: int = field(default=100, metadata={"range": (1, 100_000)})
    """Requests a second that API Gateway lets through, of all clients together."""
    throttle_burst: int = field(default=200, metadata={"range": (1, 100_000)})


@dataclass(frozen=True)
class Alarms:
    """Who is told."""

    mail: str = field(default="", metadata={"pattern": r"[^@\s]+@[^@\s]+"})


@dataclass(frozen=True)
class Mail:
    """From whom mails come: a domain or an address that is verified in SES; "" gives no permission to send by SES."""

    identity: str = ""


@dataclass(frozen=True)
class Admin:
    """Who may reach /admin, before any key is looked at. No network: nobody."""

    allowed_cidrs: tuple[str, ...] = field(default=(), metadata={"network": True})
    iam: bool = False
    """Ask for a signature of this AWS account instead of the admin key."""


@dataclass(frozen=True)
class Logs:
    """How long CloudWatch keeps them."""

    retention_days: int = field(
        default=30, metadata={"choices": (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)}
    )


@dataclass(frozen=True)
class Stage:
    """One deployment. `settings` are environment variables of the functions, as text."""

    name: str
    region: str = field(default="us-east-1", metadata={"pattern": "[a-z]{2}(-[a-z]+)+-[0-9]"})
    streaming: bool = True
    """False where API Gateway cannot stream: answers come in one piece."""
    architecture: str = field(default="arm64", metadata={"choices": ("arm64", "x86_64")})
    python: str = field(default="3.13", metadata={"choices": ("3.11", "3.12", "3.13", "3.14")})
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    network: Network = Network()
    capacity: Capacity = Capacity()
    alarms: Alarms = Alarms()
    mail: Mail = Mail()
    admin: Admin = Admin()
    logs: Logs = Logs()

    @property
    def stack(self) -> str:
        """The name of the stack, and what the names of all that belongs to the stage begin with."""
        return f"farebox-{self.name}"

    @property
    def table_prefix(self) -> str:
        """What table names begin with: TABLE_PREFIX."""
        return f"{self.stack}-"

    @property
    def makes_network(self) -> bool:
        """Whether there is a network stack."""
        return self.network.vpn != "none"

    @property
    def in_vpc(self) -> bool:
        """Whether functions that call the llama-server join a VPC: the network stack's, or one's own."""
        return self.makes_network or bool(self.network.subnet_ids)

"""A gateway in front of stand-ins of all four payment providers, and what people do there: buy, and look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.ledger import orders, tables
from functions.ledger.audit import Finding, audit_account
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from tests.payments.standins.base import Delivery, StandIn
from tests.projects.shop import Project
from tests.projects.shop import Shop as ProjectShop
from tests.stand import Answer, RunningGateway, StartGateway

PROVIDERS = ("stripe", "polar", "mollie", "btcpay")
PRODUCT = "6f0f1f0e-3b1c-4f0e-9c1d-2b5a8a1c7d3e"
STORE = "9Cd1mVq2Xk7sTzYw4bLhRn5pQaGfJeUo6Bt8Mi3WxKyZ"
STARTER, STANDARD, PRO = 5_000_000, 25_000_000, 100_000_000
"""Credits of the built-in packs."""
STRIPE_KEY, STRIPE_SECRET = "sk_test_canary_1", "whsec_canary-of-stripe-1"
POLAR_KEY, POLAR_SECRET = "polar_oat_canary_1", "polar-secret-canary-1"
MOLLIE_KEY = "test_canary1canary1canary1canary"
BTCPAY_KEY, BTCPAY_SECRET = "btcpay_key_canary_1", "btcpay-secret-canary-1"
CANARIES = (STRIPE_KEY, STRIPE_SECRET, POLAR_KEY, POLAR_SECRET, MOLLIE_KEY, BTCPAY_KEY, BTCPAY_SECRET)
"""Keys and secrets at the providers."""
PURCHASES: dict[str, Any] = {"credits": {"purchases": {"small": 1000, "large": 10_000}}}
PACKS = [{"id": "small", "amount": 100, "currency": "eur"}, {"id": "large", "amount": 900, "currency": "eur"}]
"""Of a project."""


@dataclass
class Market:
    """Two gateways on the same tables, and the providers that both ask."""

    gateway: RunningGateway
    other: RunningGateway
    standins: dict[str, StandIn]
    ledger: Ledger
    projects: ProjectShop
    start: StartGateway
    """Starts another gateway on the same tables."""
    settings: dict[str, str]
    """Of the two gateways."""

    def buy(self, provider: str, key: str, pack: str = "starter", **more: Any) -> tuple[dict[str, Any], str]:
        """Begin a purchase; gives the answer, and the provider's reference of the checkout."""
        before = set(self.standins[provider].references())
        answer = self.gateway.request("POST", "/checkout", {"pack": pack, "method": provider} | more, key=key)
        assert answer.status == 200, answer.body
        (reference,) = set(self.standins[provider].references()) - before
        return answer.json(), reference

    def deliver(
        self, provider: str, deliveries: Sequence[Delivery], project_id: str = "", *, other: bool = False
    ) -> list[Answer]:
        """Send events as the provider does; to the address of a project, or of the built-in one."""
        gateway = self.other if other else self.gateway
        path = (f"/projects/{project_id}" if project_id else "") + f"/{provider}/webhook"
        return [gateway.request("POST", path, sent.body, headers=dict(sent.headers)) for sent in deliveries]

    def pay(self, provider: str, reference: str, project_id: str = "") -> None:
        """Pay a checkout, and tell of it."""
        for answer in self.deliver(provider, self.standins[provider].pay(reference), project_id):
            assert answer.status == 200, answer.body

    def paid(self, key: str) -> float:
        """The credits that do not expire."""
        balance: float = self.gateway.account(key)["balance"]["paid"]
        return balance

    def order(self, provider: str, reference: str, project_id: str = "default") -> Order:
        """An order as it is stored."""
        found = tables.drive(orders.read(self.ledger, project_id, provider, reference))
        assert found
        return found

    def audit(self, account_id: str) -> Finding:
        """The audit of an account, from its beginning."""
        return tables.drive(audit_account(self.ledger, account_id, full=True))

    def selling(self, provider: str = "stripe", *, live: bool = False, **changes: Any) -> Project:
        """A project in managed mode that sells two packs to signed-in users by one provider, its secrets given."""
        standin = self.standins[provider]
        terms: dict[str, Any] = {"mode": "live" if live else standin.mode}
        terms |= {"product": PRODUCT} if provider == "polar" else {}
        terms |= {"url": standin.url, "store": STORE} if provider == "btcpay" else {}
        auth = {"jwt": self.projects.jwt(**PURCHASES), "test": {"rules": PURCHASES}, "no_auth": {}}
        project = self.projects.managed(auth=auth, packs=PACKS, payments={provider: terms}, **changes)
        place = f"{provider}:{terms['mode']}:{terms.get('url', '')}"
        project.seal(f"payments/{provider}/key", place, standin.key)
        if provider != "mollie":
            project.seal(f"payments/{provider}/webhook", place, standin.secret)
        return project

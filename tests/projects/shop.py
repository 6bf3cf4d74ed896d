"""Projects in front of scripted providers: what an owner makes, and what a user of the app sends."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from functions.authenticate.tokens import make_test_token
from functions.ledger import projects, tables
from functions.ledger.pages import recent_receipts
from functions.ledger.projects import Stored, TestToken
from functions.ledger.store import Ledger
from functions.owners.shown import owners_receipt
from functions.projects import vault
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.issuer import LocalIssuer
from tests.stand import Answer, RunningGateway

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Say hello."}]
OWNER = "owner@farebox.test"
SECRET = "a secret of projects, for tests, and long enough"
SYSTEM = {"role": "system", "content": "Be brief."}
AUDIENCE = "the-app"
PRICES = [{"model": "*", "input": 1_000_000, "output": 1_000_000}]
SIGNUP = {"credits": {"signup": 1000}, "prices": PRICES}
"""Rules by which a user begins with 1,000 credits, and a token costs one."""


@dataclass
class Shop:
    """A gateway, two providers and an issuer; projects are made straight in the ledger, as the console makes them."""

    gateway: RunningGateway
    other: RunningGateway
    """A second process on the same tables."""
    first: ScriptedUpstream
    second: ScriptedUpstream
    issuer: LocalIssuer
    ledger: Ledger

    def managed(self, **changes: Any) -> "Project":
        """A project in managed mode: two providers in turn, everybody may come in."""
        document: dict[str, Any] = {
            "name": "App",
            "mode": "managed",
            "auth": {"no_auth": {}},
            "providers": self.providers(),
            "models": [
                {"model": "small", "providers": [{"provider": "first"}, {"provider": "second", "model": "other-small"}]}
            ],
            "endpoints": {CHAT: {"template": {"model": "small", "messages": [SYSTEM]}, "client_sets": ["temperature"]}},
        }
        return self.make(document | changes, "publishable")

    def forward(self, **changes: Any) -> "Project":
        """A project in forward mode, whose models go to the first provider."""
        document: dict[str, Any] = {
            "name": "Back-end",
            "mode": "forward",
            "auth": {"no_auth": {}},
            "providers": self.providers(),
            "models": [{"model": "*", "providers": [{"provider": "first"}]}],
        }
        return self.make(document | changes, "secret")

    def providers(self) -> dict[str, Any]:
        return {
            "first": {"kind": "openai", "base_url": f"{self.first.url}/v1", "first_byte_s": 2, "idle_s": 2},
            "second": {"kind": "openai", "base_url": f"{self.second.url}/v1", "first_byte_s": 2, "idle_s": 2},
        }

    def jwt(self, **rules: Any) -> dict[str, Any]:
        """The auth method of users of the local issuer."""
        return {"issuers": [{"issuer": self.issuer.url, "audience": [AUDIENCE]}], "rules": rules}

    def make(self, document: dict[str, Any], kind: str) -> "Project":
        stored = tables.drive(projects.create(self.ledger, OWNER, document))
        key = tables.drive(projects.add_key(self.ledger, stored.project_id, kind, "for a test"))[0]
        return Project(self, stored.project_id, key, document)


@dataclass
class Project:
    """One project, and its key."""

    shop: Shop
    project_id: str
    key: str
    document: dict[str, Any] = field(repr=False)

    @property
    def stored(self) -> Stored:
        stored = tables.drive(projects.read(self.shop.ledger, self.project_id))
        assert stored
        return stored

    def change(self, **changes: Any) -> int:
        """Change its document; gives the new version."""
        self.document = self.document | changes
        changed = projects.change(self.shop.ledger, self.project_id, self.document, self.stored.version)
        return int(tables.drive(changed).version)

    def seal(self, name: str, place: str, secret: str) -> None:
        """Give it a provider's key, or an issuer's secret."""
        sealed = vault.seal(SECRET, self.project_id, name, place, secret)
        tables.drive(projects.put_sealed(self.shop.ledger, self.project_id, name, sealed, secret[-4:]))

    def test_token(self, lasts_s: int = 3600) -> str:
        """A token for testing, as the console makes it."""
        token_id, now = secrets.token_hex(8), int(time.time())
        token = TestToken("for a test", now, now + lasts_s)
        tables.drive(projects.add_test_token(self.shop.ledger, self.project_id, token_id, token))
        return make_test_token(SECRET, self.project_id, token_id, now, lasts_s)

    def token(self, user: str = "", **claims: Any) -> str:
        """An ID token of the local issuer; without a name, of a new user."""
        return self.shop.issuer.token(**({"aud": AUDIENCE, "sub": user or secrets.token_hex(8)} | claims))

    def post(self, body: Any, path: str = CHAT, token: str = "", other: bool = False, **headers: str) -> Answer:
        gateway = self.shop.other if other else self.shop.gateway
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"X-User-Token": token} if token else {}
        return gateway.request("POST", path, body, key=self.key, headers=sent)

    def chat(self, content: str = "Say hello.", token: str = "", other: bool = False, **fields: Any) -> Answer:
        return self.post({"messages": [{"role": "user", "content": content}], **fields}, token=token, other=other)

    def account(self, token: str = "") -> dict[str, Any]:
        """What GET /account shows a user."""
        headers = {"X-PromptProxy-Key": token} if token else {}
        answer = self.shop.gateway.request("GET", "/account", key=self.key, headers=headers)
        assert answer.status == 200, answer.body
        account: dict[str, Any] = answer.json()
        return account

    def receipt(self, token: str = "") -> dict[str, Any]:
        """A user's only receipt, as the owner sees it."""
        account_id = f"{self.project_id}/{self.account(token)['user_id']}"
        tables.bind(self.shop.gateway.settings)
        (receipt,) = recent_receipts(account_id, 2)
        return owners_receipt(receipt)

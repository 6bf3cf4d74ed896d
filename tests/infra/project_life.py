"""What an owner, the operator and a user do with a project, through any gateway: on this machine, or deployed."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.owners.owner import JWT, LINK, led
from tests.payments.standins.base import Delivery, StandIn
from tests.stand import Answer, RunningGateway

CHAT = "/v1/chat/completions"
MODEL = "the-model"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}]}
DOCUMENT: dict[str, Any] = {
    "format": 1,
    "name": "Travel helper",
    "mode": "managed",
    "auth": {"no_auth": {}, "test": {}, "key": {"rules": {"limits": {"user": {"day": 50}}}}, "jwt": JWT},
    "providers": {"home": {"operator": "llama"}, "openai": {"preset": "openai"}},
    "models": [{"model": MODEL, "providers": [{"provider": "home"}]}],
    "endpoints": {CHAT: {"template": {"model": MODEL, "max_tokens": 8, "messages": []}}},
    "payments": {"stripe": {"mode": "test"}},
    "notices": {"url": "https://travel.example/told"},
}
"""Its model is the operator's, which has to be granted; its users come without anything, or in any other way."""
PACK = {"id": "small", "amount": 100, "currency": "eur"}
GAIN = {"credits": {"purchases": {"small": 1000}}}
SHOP = DOCUMENT | {
    "auth": {**DOCUMENT["auth"], "key": {"rules": DOCUMENT["auth"]["key"]["rules"] | GAIN}},
    "packs": [PACK],
}
"""The same, selling to users with keys."""


@dataclass
class Life:
    """One owner, and their gateway. `mail_to` gives the text of the last mail to an address."""

    gateway: RunningGateway
    mail_to: Callable[[str], str]
    admin_key: str
    email: str = field(default_factory=lambda: f"{secrets.token_hex(6)}@farebox-people.com")
    session: str = ""
    project: str = ""
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Method and path of all that was asked of the console, and answered."""

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """The console's answer, which must be 200."""
        answer = self.gateway.request(method, f"/console{path}", body, key=self.session)
        assert answer.status == 200, (method, path, answer.status, answer.body)
        self.asked.add((method, f"/console{path.partition('?')[0]}"))
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.body

    def of_project(self, method: str, path: str = "", body: Any = None) -> Any:
        return self.told(method, f"/projects/{self.project}{path}", body)

    def sign_in(self) -> None:
        """By the mailed link, which works once."""
        self.told("POST", "/sign-in", {"email": self.email})
        found = LINK.search(self.mail_to(self.email))
        assert found
        status, told = led(self.gateway, "/console/enter")
        assert (status, told["location"].endswith("/console.html")) == (303, True)
        self.asked.add(("GET", "/console/enter"))
        self.session = self.told("POST", "/sessions", {"token": found[2]})["session"]
        again = self.gateway.request("POST", "/console/sessions", {"token": found[2]})
        assert again.status == 400

    def make(self) -> None:
        """A project as new ones are."""
        self.project = self.told("POST", "/projects", {"name": "Travel helper"})["id"]

    def change(self) -> str:
        """Give it the document above, for which it needs the operator's grant; gives its publishable key."""
        changed = self.of_project("PUT", "", {"version": 1, "document": DOCUMENT})
        assert changed["version"] == 2
        key: str = self.of_project("POST", "/keys", {"kind": "publishable", "label": "page"})["key"]
        return key

    def grant(self) -> None:
        """The operator lets the project use the llama-server."""
        path = f"/admin/projects/{self.project}"
        answer = self.gateway.request("PUT", f"{path}/grants", {"providers": ["llama"]}, key=self.admin_key)
        assert (answer.status, answer.json()["grants"]) == (200, ["llama"]), answer.body
        assert self.gateway.request("GET", path, key=self.admin_key).json()["grants"] == ["llama"]

    def sell(self, api_key: str, webhook_secret: str) -> str:
        """Make it a shop, with its own account at Stripe; gives the key of a user."""
        version = self.of_project("GET")["version"]
        self.of_project("PUT", "", {"version": version, "document": SHOP})
        self.of_project("PUT", "/payments/stripe/key", {"api_key": api_key})
        self.of_project("PUT", "/payments/stripe/webhook-secret", {"secret": f"of-before-{webhook_secret}"})
        self.of_project("PUT", "/payments/stripe/webhook-secret", {"secret": webhook_secret})
        key: str = self.of_project("POST", "/users", {"reference": "a buyer"})["key"]
        return key

    def buy(self, stripe: StandIn, key: str, project: str = "", **asked: Any) -> str:
        """Begin a purchase of the pack, or of what is `asked`; gives the provider's reference of the checkout."""
        body = {"pack": PACK["id"], "method": "stripe"} if project else asked
        answer = self.gateway.request("POST", "/checkout", body, key=key)
        assert answer.status == 200, answer.body
        assert answer.json()["url"].startswith("http")
        return stripe.references()[-1]

    def deliver(self, deliveries: Sequence[Delivery], project: str = "") -> None:
        """Send events of Stripe, which must be taken; to the address of a project, or of the built-in one."""
        path = (f"/projects/{project}" if project else "") + "/stripe/webhook"
        for sent in deliveries:
            answer = self.gateway.request("POST", path, sent.body, headers=dict(sent.headers))
            assert answer.status == 200, answer.body

    def chat(self, key: str, token: str = "", path: str = CHAT) -> Answer:
        """What a page of the app asks."""
        return self.gateway.request("POST", path, HELLO, key=key, headers={"X-User-Token": token} if token else {})

    def look_after_users(self) -> None:
        """All that an owner does about users: one is made, has keys and credits, is blocked and let in again."""
        number = self.of_project("POST", "/users", {"reference": "customer 7"})["user_id"]
        user = f"/users/{number}"
        made = self.of_project("POST", f"{user}/keys")
        self.of_project("DELETE", f"{user}/keys/{made['key_id']}")
        assert self.of_project("POST", f"{user}/credits", {"credits": "5.5", "reference": "gift"})["available"] == 5.5
        granted = self.of_project("POST", f"{user}/grants", {"credits": 2, "days": 7, "reference": "gift"})
        assert granted["available"] == 7.5
        assert self.of_project("POST", f"{user}/block", {"seconds": 60, "why": "a test"})["blocked"] is True
        assert [one["user_id"] for one in self.of_project("GET", "/abuse")["data"]] == [number]
        assert self.of_project("POST", f"{user}/unblock")["blocked"] is False
        assert self.of_project("GET", user)["shown"] == "customer 7"
        assert number in [one["user_id"] for one in self.of_project("GET", "/users")["data"]]
        assert [one["user_id"] for one in self.of_project("GET", "/users?q=customer")["data"]] == [number]
        self.of_project("GET", f"/receipts?user={number}")
        assert self.of_project("DELETE", user, {"why": "a test"})["deleted"] is True
        assert self.of_project("GET", "/actions")["data"][0]["what"] == "delete_user"

    def look_after_it(self) -> None:
        """All else that an owner does with a project, and with a copy of it that is closed again."""
        assert [one["id"] for one in self.told("GET", "/projects")["data"]] == [self.project]
        assert self.of_project("GET")["document"]["name"] == "Travel helper"
        key = self.of_project("POST", "/keys", {"kind": "publishable"})
        rotated = self.of_project("POST", f"/keys/{key['id']}/rotate")
        self.of_project("DELETE", f"/keys/{rotated['id']}")
        self.of_project("PUT", "/providers/openai/key", {"api_key": "sk-of-an-owner"})
        self.of_project("DELETE", "/providers/openai/key")
        self.of_project("PUT", "/issuers/0/secret", {"secret": "s" * 40})
        self.of_project("DELETE", "/issuers/0/secret")
        self.of_project("PUT", "/notices/secret", {"secret": "whsec_" + "c2VjcmV0" * 4})
        self.of_project("DELETE", "/notices/secret")
        assert len(self.of_project("GET", "/usage?days=3")["days"]) == 3
        assert sorted(self.of_project("GET", "/notices")) == ["failed", "told", "waiting"]
        self.look_after_payments()
        made = self.of_project("POST", "/test-tokens", {"label": "mine", "days": 1})
        self.of_project("DELETE", f"/test-tokens/{made['id']}")
        self.of_project("PUT", "/owners", {"emails": [self.email, f"other-{self.email}"]})
        self.of_project("PUT", "/owners", {"emails": [self.email]})
        leaving = f"/console/projects/{self.project}/owners/me"  # whoever is alone cannot
        assert self.gateway.request("DELETE", leaving, key=self.session).status == 400
        self.asked.add(("DELETE", leaving))
        exported = self.of_project("GET", "/export")
        copy = self.told("POST", "/projects/import", exported)
        assert copy["needs_grant"] == ["llama"]
        self.told("DELETE", f"/projects/{copy['id']}")

    def look_after_payments(self) -> None:
        """A connection is made whole, and taken apart again."""
        self.of_project("PUT", "/payments/stripe/key", {"api_key": "sk_test_of-an-owner"})
        self.of_project("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_of-an-owner"})
        (connection,) = self.of_project("GET", "/payments")["data"]
        assert connection["ready"]
        assert connection["webhook_url"].endswith(f"/projects/{self.project}/stripe/webhook")
        self.of_project("DELETE", "/payments/stripe/key")
        self.of_project("DELETE", "/payments/stripe/webhook-secret")
        self.of_project("GET", "/orders")
        looking = f"/console/projects/{self.project}/payments/stripe/looked-at"
        answer = self.gateway.request("POST", looking, {"about": "ch_none"}, key=self.session)
        assert answer.status == 400  # nothing is listed
        self.asked.add(("POST", looking))

    def sign_out(self) -> None:
        self.told("DELETE", "/sessions")
        assert self.gateway.request("GET", "/console/projects", key=self.session).status == 401

"""What is asked: a gateway in front of a real model, with stand-ins for all else; and people of every kind."""

import itertools
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions.ledger import grants, tables
from functions.projects.project import MANAGED
from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.forward import scripted_hosted
from tests.forward.scripted_upstream import Call, scripted_upstream
from tests.issuer import local_issuer
from tests.owners.owner import Owner, new_owner
from tests.payments.conftest import settings_of, stand_ins
from tests.payments.shop import PACKS, PRODUCT, PURCHASES, STORE
from tests.payments.standins.base import StandIn
from tests.projects.conftest import SETTINGS
from tests.projects.shop import OWNER, Project, Shop

CREDITS = 10**12
"""Microcredits of somebody who runs out of none: a million."""
RULES = {"limits": {"input_tokens": 500, "output_tokens": 4}}
"""What a small model reads and makes in a moment."""
MODEL, HOSTED = "small", "hosted"
CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
MESSAGES, EMBEDDINGS, MODERATIONS = "/v1/messages", "/v1/embeddings", "/v1/moderations"
SAID = [{"role": "system", "content": "Be brief."}]
VECTOR = {"object": "embedding", "index": 0, "embedding": [0.1, -0.2]}

Headers = dict[str, str]


def hosted(call: Call) -> None:
    """What hosted providers would answer, at any of their endpoints."""
    path, streams = call.target.split(" ")[1], call.json.get("stream") is True
    if path.endswith("/messages"):
        scripted_hosted.anthropic()(call) if streams else call.answer(scripted_hosted.message())
    elif path.endswith("/responses"):
        ended = ("response.completed", {"response": scripted_hosted.response()})
        scripted_hosted.responses(ended)(call) if streams else call.answer(scripted_hosted.response())
    elif path.endswith("/embeddings"):
        usage = {"prompt_tokens": 8, "total_tokens": 8}
        call.answer({"object": "list", "data": [VECTOR], "model": HOSTED, "usage": usage})
    elif path.endswith("/moderations"):
        found = {"flagged": False, "categories": {}, "category_scores": {}}
        call.answer({"id": "modr-1", "model": HOSTED, "results": [found] * 64})
    elif streams:
        scripted_hosted.openai()(call)
    else:
        call.answer(scripted_hosted.completion())


def hangs_up(turn: Iterator[int], call: Call) -> None:
    """At once, in the head, before the body, and in the middle of an answer, by turns."""
    number = next(turn) % 4
    if number == 0:
        return call.reset()
    if number == 1:
        call.raw(b"HTTP/1.1 200 OK\r\nContent-Ty")
        return call.drop()
    if number == 2 and b'"stream":true' in call.body:
        call.stream()
        call.event(scripted_hosted.delta("Hel"))
        return call.drop()
    call.head(content_length="400")
    call.write(b'{"id": "c", "choices": [')
    return call.drop()


@dataclass
class Stage:
    """A gateway, who asks it, and what there is to ask for."""

    gateway: stand.RunningGateway
    shop: Shop
    standins: dict[str, StandIn]
    owner: Owner
    another: Owner
    projects: dict[str, Project]
    """By mode."""
    user: str
    """The key of a user of the built-in project who has credits."""
    poor: str
    """The key of one who has none."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_user(self, microcredits: int = CREDITS) -> str:
        """The key of somebody new, of the built-in project."""
        address = grants.Address("default", f"{next(self.numbers)}-{secrets.token_hex(4)}@farebox.test")
        return tables.drive(grants.register(self.shop.ledger, address, grants.Trial(microcredits, 30 * 86400)))

    def new_user_id(self) -> int:
        """The number of somebody new, as the operator knows them."""
        key = self.new_user()
        return int(self.gateway.account(key)["user_id"])

    def signed_in(self, name: str = "ada") -> Headers:
        """A user of the managed project, by a token of the issuer."""
        return {"Authorization": f"Bearer {self.managed.key}", "X-User-Token": self.managed.token(name)}

    @property
    def managed(self) -> Project:
        return self.projects[MANAGED]

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """What the owner is answered below the managed project."""
        return self.owner.told(method, f"/projects/{self.managed.project_id}{path}", body)


def bearer(key: str) -> Headers:
    return {"Authorization": f"Bearer {key}"}


def _terms(found: dict[str, StandIn]) -> dict[str, Any]:
    btcpay = {"mode": "test", "url": found["btcpay"].url, "store": STORE}
    polar = {"mode": "test", "product": PRODUCT}
    return {"stripe": {"mode": "test"}, "polar": polar, "mollie": {"mode": "test"}, "btcpay": btcpay}


def _managed(shop: Shop, found: dict[str, StandIn], llama_url: str) -> Project:
    """A project that serves every endpoint, in every way to be known, and sells."""
    model = {"model": HOSTED}
    project = shop.managed(
        auth={"no_auth": {}, "key": {}, "test": {"rules": PURCHASES}, "jwt": shop.jwt(**PURCHASES)},
        providers={
            "llama": {"kind": "llama", "base_url": llama_url},
            "first": {"kind": "openai", "base_url": f"{shop.first.url}/v1"},
            "claude": {"kind": "anthropic", "base_url": f"{shop.first.url}/v1"},
        },
        models=[
            {"model": MODEL, "providers": [{"provider": "llama"}]},
            {"model": HOSTED, "providers": [{"provider": "first"}, {"provider": "claude"}]},
        ],
        endpoints={
            CHAT: {"template": {"model": MODEL, "messages": SAID, "max_tokens": 4}, "client_sets": ["temperature"]},
            COMPLETIONS: {"template": {"model": MODEL, "max_tokens": 4}, "client_sets": ["stop"]},
            RESPONSES: {"template": {**model, "max_output_tokens": 4}},
            MESSAGES: {"template": {**model, "max_tokens": 4}, "client_sets": ["temperature"]},
            EMBEDDINGS: {"template": model, "client_sets": ["dimensions"]},
            MODERATIONS: {"template": model},
        },
        packs=PACKS,
        payments=_terms(found),
        notices={"url": f"{shop.first.url}/told"},
    )
    for name, terms in _terms(found).items():
        place = f"{name}:{terms['mode']}:{terms.get('url', '')}"
        project.seal(f"payments/{name}/key", place, found[name].key)
        if name != "mollie":
            project.seal(f"payments/{name}/webhook", place, found[name].secret)
    return project


@contextmanager
def opened(folder: Path, **more: str) -> Iterator[tuple[Stage, stand.StartGateway, dict[str, str]]]:
    """The stage; what starts more gateways on its tables, and the settings of its own."""
    with ExitStack() as running:
        dynamodb_url = running.enter_context(stand.ministack(folder))
        llama_url = running.enter_context(stand.llama(folder))
        provider = running.enter_context(scripted_upstream())
        provider.play(hosted)
        found = stand_ins(running)
        start = running.enter_context(stand.gateways(dynamodb_url, folder))
        settings = {
            **SETTINGS,
            **settings_of(found),
            "LLAMA_BASE_URL": llama_url,
            "ADMIN_KEY": ADMIN_KEY,
            "RULES": json.dumps(RULES),
            "PROJECTS_PER_OWNER": "1000",
            "CHECKOUT_RATE_LIMIT": "100000",
            "OUTBOUND_ALLOWED_CIDRS": "127.0.0.0/8,::1/128",
            **more,
        }
        gateway = start(**settings)
        shop = Shop(gateway, gateway, provider, provider, running.enter_context(local_issuer()), gateway.ledger())
        forward = shop.forward(
            providers={
                "first": {"kind": "openai", "base_url": f"{provider.url}/v1"},
                "claude": {"kind": "anthropic", "base_url": f"{provider.url}/v1"},
            },
            models=[{"model": "*", "providers": [{"provider": "first"}, {"provider": "claude"}]}],
        )
        projects = {"managed": _managed(shop, found, llama_url), "forward": forward}
        owner, another = new_owner(gateway, OWNER), new_owner(gateway)
        stage = Stage(gateway, shop, found, owner, another, projects, "", "")
        stage.user, stage.poor = stage.new_user(), stage.new_user(0)
        yield stage, start, settings

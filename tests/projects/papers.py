"""Documents of projects, and what comes of them, for tests that need no gateway."""

import copy
import json
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import pytest

from functions import settings as settings_module
from functions.errors import BadRequest
from functions.projects import document, requests
from functions.projects.operators import OperatorProvider, operators
from functions.projects.project import Project
from functions.projects.requests import Order

OPERATORS: Mapping[str, OperatorProvider] = operators(
    settings_module.read({"OPERATOR_PROVIDERS": '{"shared": {"preset": "openai", "api_key": "sk-operator"}}'})
)
ALLOWED = (ip_network("10.9.0.0/16"),)

FULL: dict[str, Any] = {
    "format": 1,
    "name": "Travel helper",
    "mode": "managed",
    "auth": {
        "no_auth": {"rules": {"limits": {"user": {"minute": 5}}}},
        "test": {},
        "key": {},
        "jwt": {
            "rules": {"credits": {"signup": 7}},
            "issuers": [
                {"preset": "firebase", "project": "my-app"},
                {"preset": "supabase", "project": "abcdefgh"},
                {"preset": "supabase", "project": "abcdefgh", "shared_secret": True},
                {"preset": "auth0", "domain": "x.eu.auth0.com", "audience": "client-id"},
                {"issuer": "https://issuer.example", "audience": ["a", "b"], "algorithms": ["ES256"]},
                {"issuer": "https://other.example/", "audience": "c", "jwks_url": "https://other.example/keys"},
            ],
        },
    },
    "providers": {
        "openai": {"preset": "openai"},
        "router": {"preset": "openrouter", "first_byte_s": 20},
        "claude": {"preset": "anthropic"},
        "mine": {
            "kind": "openai",
            "base_url": "https://llm.example/v1/",
            "limit_name": "max_completion_tokens",
            "output_tokens": 4096,
            "connect_s": 4,
            "first_byte_s": 60,
            "idle_s": 70,
            "cooldown_s": 0,
            "client_left": "stop",
        },
        "home": {"operator": "llama"},
    },
    "models": [
        {
            "model": "gpt-4.1-nano",
            "providers": [{"provider": "openai"}, {"provider": "router", "model": "openai/gpt-4.1-nano"}],
        },
        {"model": "claude-*", "providers": [{"provider": "claude"}]},
        {"model": "small", "providers": [{"provider": "home"}]},
    ],
    "endpoints": {
        "/v1/chat/completions": {
            "template": {"model": "gpt-4.1-nano", "messages": [{"role": "system", "content": "You help travellers."}]},
            "client_sets": ["temperature", "model"],
        },
        "/v1/messages": {"template": {"model": "claude-x", "max_tokens": 100, "system": "Be kind."}},
    },
    "fields": [],
    "images": False,
    "origins": ["https://app.example", "HTTPS://Other.Example:443", "http://localhost:8080", "null"],
    "abuse": {
        "threshold": 3,
        "window": "hour",
        "block_s": None,
        "patterns": ["make * bomb"],
        "moderation": {"provider": "openai", "model": "omni-moderation-latest"},
    },
    "packs": [{"id": "starter", "amount": 50, "currency": "usd"}],
    "payments": {
        "stripe": {"mode": "live"},
        "polar": {"mode": "test", "product": "5d6b3a2e-0f61-4a52-9c5e-3f1d2c4b5a69"},
        "mollie": {"mode": "live"},
        "btcpay": {"mode": "test", "url": "https://pay.example/btcpay/", "store": "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrw"},
    },
}

SMALL: dict[str, Any] = {"name": "n", "mode": "forward", "auth": {"key": {}}}


def changed(paper: dict[str, Any], path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of a document in which one field is another; () is the document itself."""
    if not path:
        return value
    whole = copy.deepcopy(paper)
    inside: Any = whole
    for name in path[:-1]:
        inside = inside[name]
    if isinstance(inside, list) and path[-1] == len(inside):
        inside.append(value)
    else:
        inside[path[-1]] = value
    return whole


def without(paper: dict[str, Any], *path: str | int) -> dict[str, Any]:
    whole = copy.deepcopy(paper)
    inside: Any = whole
    for name in path[:-1]:
        inside = inside[name]
    del inside[path[-1]]
    return whole


def project(paper: Any, **more: Any) -> Project:
    return document.parse("p-1", 3, paper, allowed=ALLOWED, operators=OPERATORS, **more)


def refused(paper: Any) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        project(paper)
    return raised.value


def asked(served: Project, endpoint: str, body: Any) -> Order:
    return requests.prepare(served, endpoint, json.dumps(body).encode(), 256)


def sent(order: Order, number: int = 0, output_limit: int = 10**9) -> dict[str, Any]:
    """The body that goes to one of the candidates, as parsed JSON."""
    body: dict[str, Any] = json.loads(order.candidates[number][2].body(output_limit))
    return body

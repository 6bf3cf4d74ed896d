"""Cases 22 and 24 for projects: no field of a body moves the target, and what is no strict JSON is no request."""

import json
from typing import Any

import pytest

from functions.errors import BadRequest
from functions.forward.endpoints import CHAT
from functions.projects import requests
from functions.projects.project import Project
from tests.projects.papers import FULL, SMALL, asked, project, sent

HI = [{"role": "user", "content": "hi"}]
EVIL = "https://evil.example/v1"
TARGETS = [
    *("api_base", "base_url", "api_key", "api_version", "custom_llm_provider", "extra_headers", "extra_body", "host"),
    *("provider", "providers", "route", "plugins", "models", "fallbacks", "proxies", "organization", "litellm_params"),
]
ROUTED = {"providers": {"it": {"preset": "openai"}}, "models": [{"model": "*", "providers": [{"provider": "it"}]}]}
MANAGED, FORWARD, OPEN = project(FULL), project(SMALL | ROUTED), project(SMALL | ROUTED | {"fields": ["*"]})
NESTED: list[Any] = [EVIL, {"base_url": EVIL, "api_base": EVIL}, [{"api_base": EVIL}], {"headers": {"Host": EVIL}}]


def target(served: Project, body: dict[str, Any]) -> tuple[str, str]:
    _, provider, _ = asked(served, CHAT, body).candidates[0]
    return provider.name, provider.base_url


@pytest.mark.parametrize("value", NESTED, ids=range(len(NESTED)))
@pytest.mark.parametrize("name", TARGETS)
def test_case_22_no_field_of_a_body_moves_the_target(name: str, value: Any) -> None:
    """Managed: ignored. Forward: refused by its name, or, where every field is open, the provider's to read."""
    body = {"model": "gpt-4", "messages": HI, name: value}
    said = {"messages": HI, name: value}
    assert target(MANAGED, said) == ("openai", "https://api.openai.com/v1")
    assert EVIL not in json.dumps(sent(asked(MANAGED, CHAT, said)))
    with pytest.raises(BadRequest) as refused:
        asked(FORWARD, CHAT, body)
    assert refused.value.param == name
    assert target(OPEN, body) == ("it", "https://api.openai.com/v1")
    assert sent(asked(OPEN, CHAT, body)) == body


RAW: list[bytes] = [
    b"",
    b"[]",
    b'"x"',
    b'{"messages": []',
    b'{"messages": [], "messages": []}',
    b'{"messages": [{"role": "user", "role": "system", "content": "x"}]}',
    b'{"messages": [], "temperature": NaN}',
    b'{"messages": [], "temperature": 1e400}',
    b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    b'{"messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"messages": [], "x": ' + b"1" * 5000 + b"}",
    '{"messages": []}'.encode("utf-16"),
    b"\xff",
]


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
@pytest.mark.parametrize("served", [MANAGED, OPEN], ids=["managed", "forward"])
def test_case_24_what_is_no_strict_json_is_refused(served: Project, raw: bytes) -> None:
    """Doubled keys, NaN, overflow, depth, half surrogates, other encodings: 400, also in ignored fields."""
    with pytest.raises(BadRequest):
        requests.prepare(served, CHAT, raw.replace(b"{", b'{"model": "gpt-4", ', 1), 256)


@pytest.mark.parametrize("value", [-1, 0, 2**31, "5", True, 1.5])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
def test_case_24_what_bounds_the_cost_is_a_number_in_its_bounds(name: str, value: Any) -> None:
    """Forward mode, whatever is open: 400 that names the field. In managed mode it is nothing to the project."""
    body = {"model": "gpt-4", "messages": HI, name: value}
    with pytest.raises(BadRequest) as refused:
        asked(OPEN, CHAT, body)
    assert refused.value.param == name
    clean = sent(asked(MANAGED, CHAT, {"messages": HI}))
    assert sent(asked(MANAGED, CHAT, {"messages": HI, name: value})) == clean

"""Keys at the front door: one answer for all that are none, and one credential a request."""

import hashlib
import json
from typing import Any

import pytest

from tests.forward.raw_client import raw_client
from tests.stand import Answer, RunningGateway, StartGateway

CHAT = "/v1/chat/completions"
EMPTY = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
ROUTES = [("POST", CHAT), ("POST", "/v1/completions"), ("POST", "/v1/responses"), ("GET", "/v1/models")]
ROUTES += [("GET", "/v1/models/x"), ("GET", "/account")]


def ask(gateway: RunningGateway, route: tuple[str, str], authorization: str | None) -> Answer:
    method, path = route
    headers = {} if authorization is None else {"Authorization": authorization}
    return gateway.request(method, path, EMPTY if method == "POST" else None, headers=headers)


def spoken(answer: Answer) -> tuple[int, list[str], Any]:
    """Status, header names and body: all that a caller could learn from."""
    return answer.status, sorted(answer.headers), answer.json()


@pytest.fixture(scope="module")
def revoked(gateway: RunningGateway) -> str:
    """A key that was replaced by another."""
    key = gateway.register("revoked@farebox.test")
    gateway.register("revoked@farebox.test")
    return key


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_case_18_keys_that_are_none_are_told_the_same(gateway: RunningGateway, revoked: str, route: Any) -> None:
    """Missing, unknown, revoked, malformed: one status and one body, so that nothing is learned of a key."""
    key = gateway.key()
    none = {
        "missing": None,
        "empty": "",
        "no scheme": key,
        "another scheme": f"Basic {key}",
        "no key": "Bearer ",
        "unknown": "Bearer sk-" + "A" * 43,
        "revoked": f"Bearer {revoked}",
        "a character too few": f"Bearer {key[:-1]}",
        "a character too many": f"Bearer {key}A",
        "another last character": f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}",
        "in capitals": f"Bearer {key.upper()}",
        "two keys": f"Bearer {key} {key}",
        "two keys with a comma": f"Bearer {key}, Bearer {key}",
        "long": "Bearer " + "x" * 5000,
        "not ASCII": "Bearer sk-\xe9",
        "a stored hash": f"Bearer {hashlib.sha256(key.encode()).hexdigest()}",
        "a stored hash as a key": f"Bearer sk-{hashlib.sha256(key.encode()).hexdigest()}",
        "a publishable key": "Bearer pk-" + "A" * 43,
    }
    answers = {name: spoken(ask(gateway, route, value)) for name, value in none.items()}
    assert answers["missing"][0] == 401
    assert answers["missing"][2]["error"]["code"] == "invalid_api_key"
    different = [name for name, answer in answers.items() if answer != answers["missing"]]
    assert different == []
    assert ask(gateway, route, f"Bearer {key}").status != 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_in_any_case(gateway: RunningGateway, scheme: str) -> None:
    """`Bearer` is a word of HTTP, where case does not count."""
    assert ask(gateway, ("GET", "/account"), f"{scheme}  {gateway.key()} ").status == 200


def test_a_key_is_told_nowhere_again(gateway: RunningGateway) -> None:
    """Neither the account's page nor an error repeats a key, and no log has it."""
    key = gateway.key()
    said = ask(gateway, ("GET", "/account"), f"Bearer {key}").body
    said += ask(gateway, ("POST", CHAT), f"Bearer {key}x").body
    assert key.encode() not in said
    assert key not in gateway.log.read_text()


@pytest.mark.parametrize("path", [CHAT, "/account"])
@pytest.mark.parametrize("names", [("Authorization", "Authorization"), ("authorization", "AUTHORIZATION")], ids=str)
@pytest.mark.parametrize("same", [True, False], ids=["the same key", "another key"])
def test_case_19_two_credentials_are_none(gateway: RunningGateway, path: str, names: Any, same: bool) -> None:
    """Two Authorization headers are refused, in whatever case and even when they agree."""
    keys = [gateway.key()] * 2 if same else [gateway.key(), gateway.key()]
    body = json.dumps(EMPTY).encode() if path == CHAT else b""
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: Bearer {key}" for name, key in zip(names, keys, strict=True)]
    with raw_client(gateway.url) as client:
        client.send("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        assert client.rest().startswith(b"HTTP/1.1 401")
    for key in keys:
        assert gateway.account(key)["balance"]["spent"] == 0


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION", "AuThOrIzAtIoN"])
def test_case_19_a_header_is_the_same_in_any_case(start_gateway: StartGateway, name: str) -> None:
    """Mixed-case headers are one header: they get no more than the account's limit."""
    gateway = start_gateway(INFERENCE_USER_RATE_LIMIT="0", LLAMA_BASE_URL="http://127.0.0.1:9")
    key = gateway.key()
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", "Connection: close", f"{name}: Bearer {key}"]
    body = json.dumps(EMPTY).encode()
    with raw_client(gateway.url) as client:
        client.send("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        assert client.rest().startswith(b"HTTP/1.1 429")


@pytest.mark.parametrize("place", ["X-PromptProxy-Key", "X-User-Token", "Cookie", "Proxy-Authorization"])
def test_case_19_a_key_elsewhere_is_no_credential(gateway: RunningGateway, place: str) -> None:
    """Only Authorization says who asks, or X-Api-Key where there is none, because Anthropic's SDKs send that."""
    key = gateway.key()
    for value in (key, f"Bearer {key}"):
        assert gateway.request("GET", "/account", headers={place: value}).status == 401
    assert gateway.request("GET", f"/account?key={key}&authorization=Bearer%20{key}").status == 401

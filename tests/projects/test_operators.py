"""The operator's own providers: the llama-server of the settings, and those of OPERATOR_PROVIDERS."""

import json
from typing import Any

import pytest

from functions import settings as settings_module
from functions.forward.providers import Provider
from functions.projects.operators import OperatorProvider, operators
from functions.settings import SettingsError

KEY = "sk-secret-of-the-operator"


def read(value: Any = None, **more: str) -> dict[str, OperatorProvider]:
    text = value if isinstance(value, str) else json.dumps(value)
    return dict(operators(settings_module.read(more | ({"OPERATOR_PROVIDERS": text} if value is not None else {}))))


def test_the_llama_server_is_always_there() -> None:
    """With its address, key, limits and times, as the settings say."""
    more = {"LLAMA_BASE_URL": "http://10.0.0.9:8080/v1/", "LLAMA_API_KEY": KEY, "LLAMA_MAX_OUTPUT_TOKENS": "99"}
    found = read(**more, UPSTREAM_CONNECT_TIMEOUT_S="1.5", UPSTREAM_IDLE_TIMEOUT_S="7", LLAMA_CLIENT_LEFT="drain")
    base_url = "http://10.0.0.9:8080/v1"
    llama = Provider(
        "llama", "llama", base_url, output_tokens=99, connect_s=1.5, first_byte_s=7, idle_s=7, client_left="drain"
    )
    assert found == {"llama": OperatorProvider(llama, KEY)}


def test_others_are_described_as_an_owner_describes_his_with_a_key_beside() -> None:
    """Preset or address; inside the operator's network, without TLS; the key may be left out."""
    found = read(
        {
            "openai": {"preset": "openai", "api_key": KEY, "idle_s": 9},
            "mine": {"kind": "llama", "base_url": "http://10.0.0.5:8000/v1"},
        }
    )
    assert (found["openai"].provider.base_url, found["openai"].provider.idle_s) == ("https://api.openai.com/v1", 9.0)
    assert found["openai"].api_key == KEY
    assert (found["mine"].provider.kind, found["mine"].provider.base_url) == ("llama", "http://10.0.0.5:8000/v1")
    assert found["mine"].api_key == ""


WRONG: list[Any] = [
    "{",
    "[]",
    '{"a": {"preset": "openai"}, "a": {"preset": "openai"}}',
    {"a": 1},
    {"a": {}},
    {"llama": {"preset": "openai"}},
    {"A": {"preset": "openai"}},
    {"a": {"preset": "x", "api_key": KEY}},
    {"a": {"preset": "openai", "api_key": 1}},
    {"a": {"preset": "openai", "api_key": KEY + "é"}},
    {"a": {"preset": "openai", "key": KEY}},
    {"a": {"operator": "llama", "api_key": KEY}},
    {"a": {"kind": "openai", "base_url": "ftp://10.0.0.5", "api_key": KEY}},
    {"a": {"kind": "openai", "base_url": f"http://user:{KEY}@10.0.0.5/v1"}},
    {"a": {"kind": "openai", "base_url": "http://10.0.0.5:0/v1"}},
    {"a": {"kind": "openai", "base_url": "http://10.0.0.5:99999/v1"}},
    {"a": {"kind": "openai", "base_url": "http://10.0.0.5/v1?a=1"}},
    {"a": {"kind": "openai", "base_url": "http://"}},
]


@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_what_is_malformed_starts_nothing_and_repeats_no_secret(value: Any) -> None:
    """SettingsError that names the setting; the key is not in it."""
    with pytest.raises(SettingsError, match=r"^OPERATOR_PROVIDERS: ") as refused:
        read(value)
    assert KEY not in str(refused.value)


def test_a_provider_is_shown_without_its_key() -> None:
    """In a traceback, a log, a debugger."""
    assert KEY not in repr(read({"openai": {"preset": "openai", "api_key": KEY}}))

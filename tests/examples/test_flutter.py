"""examples/flutter: what can be known of it without Flutter, and the requests that its provider sends."""

import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from tests.examples.made import CREDITS, EXAMPLES, SAID, Made, in_pieces
from tests.forward.scripted_upstream import ScriptedUpstream

FOLDER = EXAMPLES / "flutter"
DART = (FOLDER / "lib/main.dart").read_text()
MODEL = "gpt-4.1-nano"


def sent_by_provider(messages: list[dict[str, str]], *, penalties: bool) -> dict[str, Any]:
    """What OpenAIProvider of flutter_ai_providers 0.3 sends: the defaults of openai_dart's request are in it.

    Older versions of openai_dart send two penalties more. The provider adds the answer to its history before it
    asks for it, so that the last message is an assistant's without text.
    https://github.com/davidmigloz/flutter_ai_community/tree/main/packages/flutter_ai_providers
    """
    body: dict[str, Any] = {"model": MODEL, "messages": [*messages, {"role": "assistant", "content": ""}]}
    if penalties:
        body |= {"frequency_penalty": 0.0, "presence_penalty": 0.0}
    return body | {"n": 1, "stream": True, "temperature": 1.0, "top_p": 1.0}


def test_the_app_is_told_where_farebox_is() -> None:
    """The app's address ends in /v1, its provider is OpenAI's, and its key comes from the build, not the source."""
    base_url = re.search(r"'FAREBOX_BASE_URL',\s*defaultValue: '([^']+)'", DART)
    assert base_url
    assert base_url[1] == "http://127.0.0.1:8503/v1"
    assert re.search(rf"OpenAIProvider\(\s*baseUrl: baseUrl,\s*apiKey: apiKey,\s*model: '{re.escape(MODEL)}'", DART)
    assert "String.fromEnvironment('FAREBOX_KEY')" in DART
    assert not re.search(r"\b[ps]k-[A-Za-z0-9]", DART)


def test_the_source_is_balanced() -> None:
    """Every bracket outside strings and comments is closed; every package that is imported is depended on."""
    code = re.sub(r"//[^\n]*|'[^'\n]*'", "''", DART)
    open_ones: list[str] = []
    for letter in code:
        if letter in "([{":
            open_ones.append(letter)
        elif letter in ")]}":
            assert open_ones.pop() + letter in ("()", "[]", "{}")
    assert not open_ones
    imported = set(re.findall(r"import 'package:([a-z_]+)/", DART))
    assert imported <= set(yaml.safe_load((FOLDER / "pubspec.yaml").read_text())["dependencies"])


def test_the_pubspec_is_one() -> None:
    """pubspec.yaml has a name, an SDK, and versions that a release can be found for."""
    pubspec = yaml.safe_load((FOLDER / "pubspec.yaml").read_text())
    assert re.fullmatch("[a-z][a-z0-9_]*", pubspec["name"])
    assert pubspec["publish_to"] == "none"
    assert pubspec["dependencies"]["flutter"] == {"sdk": "flutter"}
    versions = {name: version for name, version in pubspec["dependencies"].items() if name != "flutter"}
    assert all(re.fullmatch(r"\^\d+\.\d+\.\d+(\+\d+)?", version) for version in versions.values())
    assert re.fullmatch(r"\^3\.\d+\.\d+", pubspec["environment"]["sdk"])
    assert yaml.safe_load((FOLDER / "analysis_options.yaml").read_text())


@pytest.mark.parametrize("penalties", [False, True], ids=["now", "older"])
def test_the_providers_request_is_answered(guests: Made, upstream: ScriptedUpstream, penalties: bool) -> None:
    """What the provider sends is answered event by event; the empty message at its end never reaches the model."""
    upstream.play(in_pieces("Paris ", "lies on the Seine."))
    talk = [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Where is Paris?"},
    ]
    body = sent_by_provider(talk, penalties=penalties)
    headers = {"OpenAI-Beta": "assistants=v2", "Accept": "application/json", "User-Agent": "Dart/3.8 (dart:io)"}
    answer = guests.gateway.request("POST", "/v1/chat/completions", body, key=guests.key, headers=headers)
    assert answer.status == 200, answer.body
    assert words(answer.body) == SAID
    sent = upstream.call.json
    assert sent["messages"][1:] == talk
    assert {name: sent.get(name) for name in ("model", "temperature", "n", "top_p")} == {
        "model": "m",
        "temperature": None,
        "n": None,
        "top_p": None,
    }
    assert guests.balance()["available"] == CREDITS - 7


def test_the_first_question_is_answered(guests: Made, upstream: ScriptedUpstream) -> None:
    """The first question of a conversation goes with an empty message alone, and is answered."""
    upstream.play(in_pieces(SAID))
    body = sent_by_provider([{"role": "user", "content": "Where is Paris?"}], penalties=False)
    answer = guests.gateway.request("POST", "/v1/chat/completions", body, key=guests.key)
    assert words(answer.body) == SAID
    assert [message["role"] for message in upstream.call.json["messages"]] == ["system", "user"]


def words(body: bytes) -> str:
    """An answer as openai_dart reads it: lines that begin with `data: `, all of them JSON but the last."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1].endswith("[DONE]")
    chosen = [json.loads(line)["choices"] for line in lines[:-1]]
    return "".join(choices[0]["delta"].get("content") or "" for choices in chosen if choices)


def test_a_refusal_carries_its_status(guests: Made) -> None:
    """The app looks for `"code": 401` in the provider's error, which is the answer's status; so it is a status."""
    body = sent_by_provider([{"role": "user", "content": "Where is Paris?"}], penalties=False)
    answer = guests.gateway.request("POST", "/v1/chat/completions", body, key="pk-" + "x" * 43)
    assert answer.status == 401
    assert not re.search(r'"code": ?\d{3}\b', answer.body.decode())
    assert r'RegExp(r\'"code": (\d{3})\b\')'.replace("\\'", "'") in DART

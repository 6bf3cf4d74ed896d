"""Secrets come from Secrets Manager, are never told, and are read again when they are too old."""

import json
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions import settings as settings_module
from functions.secrets_manager import SecretsUnavailable, fetch
from functions.settings import RENEW_AGAIN_S, SettingsError, Source
from functions.signature import Keys
from tests import stand

KEYS = Keys("local", "local", "")
ENVIRON = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "SECRETS": "farebox-Test/gateway"}
HASH_SECRET = "a secret for tests, long enough"


class Fetched:
    """Stands where Secrets Manager is asked; what it answers can be changed."""

    def __init__(self, **values: str) -> None:
        self.values, self.asked = values, 0
        self.failure: Exception | None = None
        self.names: Sequence[str] = ()

    def __call__(self, names: Sequence[str], endpoint_url: str, region: str, keys: Keys) -> dict[str, str]:
        self.asked += 1
        self.names = names
        if self.failure:
            raise self.failure
        return dict(self.values)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def secrets_manager(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Secrets Manager with its own signatures, paths and errors: MiniStack's. Gives (url, client)."""
    with stand.ministack(tmp_path_factory.mktemp("secrets")) as url:
        client = boto3.client(
            "secretsmanager",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        yield url, client


def create(client: Any, text: str) -> str:
    name = f"farebox-test/{secrets.token_hex(4)}"
    client.create_secret(Name=name, SecretString=text)
    return name


def test_secrets_are_one_map_of_settings(secrets_manager: Any) -> None:
    """Several secrets, each a JSON object, make one map, and the value that stands there now counts."""
    url, client = secrets_manager
    first = create(client, json.dumps({"HASH_SECRET": "ä" * 16}))
    second = create(client, json.dumps({"LLAMA_API_KEY": "one"}))
    assert fetch([first, second], url, "us-east-1", KEYS) == {"HASH_SECRET": "ä" * 16, "LLAMA_API_KEY": "one"}
    client.put_secret_value(SecretId=second, SecretString=json.dumps({"LLAMA_API_KEY": "two"}))
    assert fetch([second], url, "us-east-1", KEYS) == {"LLAMA_API_KEY": "two"}


def test_a_secret_that_cannot_be_read_is_named(secrets_manager: Any) -> None:
    """Missing, not JSON, not an object, not of strings: its name, and never what is in it."""
    url, client = secrets_manager
    with pytest.raises(SecretsUnavailable, match="farebox-test/none cannot be read: ResourceNotFoundException"):
        fetch(["farebox-test/none"], url, "us-east-1", KEYS)
    for text in ("canary-text", '["canary"]', '{"HASH_SECRET": 12345}', '"canary"'):
        name = create(client, text)
        with pytest.raises(SecretsUnavailable, match=name) as told:
            fetch([name], url, "us-east-1", KEYS)
        assert "canary" not in str(told.value)
        assert "12345" not in str(told.value)


def test_no_secrets_manager_is_told_in_one_line() -> None:
    """Nobody listens: which secret, and what kind of failure."""
    with pytest.raises(SecretsUnavailable, match="the secret s cannot be read: ConnectionRefusedError"):
        fetch(["s"], f"http://127.0.0.1:{stand.free_port()}", "us-east-1", KEYS)


def test_secrets_win_over_the_environment() -> None:
    """What stands in a secret is what counts; the names of secrets keep their case."""
    fetched = Fetched(HASH_SECRET=HASH_SECRET)
    source = Source({**ENVIRON, "HASH_SECRET": "from the environment"}, fetched, Clock())
    assert source.settings.hash_secret == HASH_SECRET
    assert fetched.names == ("farebox-Test/gateway",)


def test_secrets_are_read_again_when_they_are_too_old() -> None:
    """Not before SECRETS_MAX_AGE_S, then once; settings stay the same object while nothing changed."""
    fetched, clock = Fetched(HASH_SECRET=HASH_SECRET, LLAMA_API_KEY="one"), Clock()
    source = Source({**ENVIRON, "SECRETS_MAX_AGE_S": "60"}, fetched, clock)
    first = source.settings
    clock.now_s += 59
    assert (source.is_due(), source.renew() is first, fetched.asked) == (False, True, 1)
    clock.now_s += 1
    assert (source.is_due(), source.renew() is first, fetched.asked) == (True, True, 2)
    fetched.values["LLAMA_API_KEY"] = "two"
    clock.now_s += 59
    assert source.renew().llama_api_key == "one"
    clock.now_s += 1
    assert (source.renew().llama_api_key, source.settings.llama_api_key, fetched.asked) == ("two", "two", 3)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"HASH_SECRET": "short"},
        {"HASH_SECRET": HASH_SECRET, "HASH_SECRT": "canary-value"},
        {"LLAMA_API_KEY": "canary-value"},  # HASH_SECRET is gone: addresses would be hashed with nothing
    ],
)
def test_what_cannot_be_read_again_stays(values: dict[str, str] | None, caplog: pytest.LogCaptureFixture) -> None:
    """Unreachable or wrong: the old ones go on, it is logged without a value, and tried again soon, not at once."""
    fetched, clock = Fetched(HASH_SECRET=HASH_SECRET), Clock()
    source = Source({**ENVIRON, "SECRETS_MAX_AGE_S": "60"}, fetched, clock)
    fetched.values = values or {}
    fetched.failure = None if values else SecretsUnavailable("the secret x cannot be read: Timeout")
    clock.now_s += 60
    assert source.renew().hash_secret == HASH_SECRET
    assert "stay as they are" in caplog.text
    assert "canary" not in caplog.text
    assert "short" not in caplog.text.replace("shorter", "")
    clock.now_s += RENEW_AGAIN_S - 1
    source.renew()
    assert fetched.asked == 2
    fetched.failure, fetched.values = None, {"HASH_SECRET": HASH_SECRET[::-1]}
    clock.now_s += 1
    assert source.renew().hash_secret == HASH_SECRET[::-1]


def test_whatever_goes_wrong_it_is_not_tried_at_every_request() -> None:
    """An error that nobody thought of comes out once; requests after it go on with what there is."""
    fetched, clock = Fetched(HASH_SECRET=HASH_SECRET), Clock()
    source = Source({**ENVIRON, "SECRETS_MAX_AGE_S": "60"}, fetched, clock)
    fetched.failure = RecursionError()
    clock.now_s += 60
    with pytest.raises(RecursionError):
        source.renew()
    assert (source.is_due(), source.renew().hash_secret) == (False, HASH_SECRET)


def test_a_secrets_manager_that_is_silent_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A reading that does not come back is given up, whatever it hangs in, and the old secrets go on."""
    answer, clock = threading.Event(), Clock()
    fetched = Fetched(HASH_SECRET=HASH_SECRET)
    source = Source({**ENVIRON, "SECRETS_MAX_AGE_S": "60"}, fetched, clock)
    monkeypatch.setattr(settings_module, "RENEW_WITHIN_S", 0.05)
    monkeypatch.setattr(source, "_fetch", lambda *_: answer.wait() and {})
    clock.now_s += 60
    try:
        assert source.renew().hash_secret == HASH_SECRET
        assert "no answer within 0.05 s" in caplog.text
        assert not source.is_due()
    finally:
        answer.set()


def test_without_its_secrets_a_process_does_not_start() -> None:
    """At the start there are no old ones to go on with."""
    fetched = Fetched()
    fetched.failure = SecretsUnavailable("the secret x cannot be read: Timeout")
    with pytest.raises(SecretsUnavailable):
        Source(ENVIRON, fetched, Clock())
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
        Source({"SECRETS": "a"}, Fetched(), Clock())


@pytest.mark.parametrize("name", ["TRIAL_TOKENS", "HASH_SECRT", "AWS_SECRET_ACCESS_KEY", "PATH"])
def test_a_secret_that_is_no_secret_is_refused(name: str) -> None:
    """A misspelled name is not silently nothing, and a secret cannot change what is no secret."""
    with pytest.raises(SettingsError, match=name):
        Source(ENVIRON, Fetched(HASH_SECRET=HASH_SECRET, **{name: "5" * 20}), Clock())


def test_one_machine_asks_for_no_secrets(tmp_path: Path) -> None:
    """Where SECRETS is not set nothing is fetched, ever."""
    fetched, clock = Fetched(), Clock()
    source = Source({"HASH_SECRET": HASH_SECRET}, fetched, clock)
    clock.now_s += 10**9
    assert (source.is_due(), source.renew(), fetched.asked) == (False, source.settings, 0)

"""A lost key: a new one comes by mail, the old one dies as KEY_REISSUE says, the balance stays."""

import secrets
from collections.abc import Iterator

import pytest

from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.forward.stage import CHAT, HELLO
from tests.stand import RunningGateway, StartGateway


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture
def email() -> str:
    return f"{secrets.token_hex(6)}@farebox.test"


def chat(gateway: RunningGateway, key: str) -> int:
    """The status of a chat that costs 7 credits."""
    return gateway.request("POST", CHAT, {"messages": HELLO, "max_tokens": 2}, key=key).status


def two(start: StartGateway, upstream: ScriptedUpstream, reissue: str) -> list[RunningGateway]:
    return [start(LLAMA_BASE_URL=upstream.url, KEY_REISSUE=reissue) for _ in range(2)]


def test_immediate_the_old_key_is_dead_in_the_very_next_request(
    start_gateway: StartGateway, upstream: ScriptedUpstream, email: str
) -> None:
    """A key that another process knows and has just used is dead the moment a new one is mailed."""
    first, second = two(start_gateway, upstream, "immediate")
    old = first.register(email)
    assert [chat(gateway, old) for gateway in (first, second)] == [200, 200]
    new = first.register(email)
    assert [chat(gateway, old) for gateway in (second, first)] == [401, 401]
    assert second.request("GET", "/account", key=old).status == 401
    assert [chat(gateway, new) for gateway in (second, first)] == [200, 200]
    assert first.account(new)["balance"]["available"] == 100_000 - 4 * 7


def test_immediate_every_old_key_is_dead(start_gateway: StartGateway, upstream: ScriptedUpstream, email: str) -> None:
    """Of several keys only the newest lives."""
    gateway, _ = two(start_gateway, upstream, "immediate")
    keys = [gateway.register(email) for _ in range(4)]
    assert len(set(keys)) == 4
    assert [chat(gateway, key) for key in keys] == [401, 401, 401, 200]


def test_on_first_use_the_old_key_lives_until_the_new_one_is_used(
    start_gateway: StartGateway, upstream: ScriptedUpstream, email: str
) -> None:
    """A stranger who asks for a key of somebody's address kills nothing; who uses the new key does."""
    first, second = two(start_gateway, upstream, "on_first_use")
    old = first.register(email)
    assert chat(second, old) == 200
    new = first.register(email)
    assert [chat(gateway, old) for gateway in (second, first)] == [200, 200]
    assert chat(first, new) == 200
    assert [chat(gateway, old) for gateway in (second, first)] == [401, 401]
    assert chat(second, new) == 200
    assert second.account(new)["balance"]["available"] == 100_000 - 5 * 7


def test_on_first_use_looking_at_the_account_is_a_use(
    start_gateway: StartGateway, upstream: ScriptedUpstream, email: str
) -> None:
    """The first request of a new key counts, whatever it asks for."""
    first, second = two(start_gateway, upstream, "on_first_use")
    old, new = first.register(email), first.register(email)
    assert second.account(new)["balance"]["available"] == 100_000
    assert chat(first, old) == 401


def test_on_first_use_a_later_key_outlives_an_earlier_one(
    start_gateway: StartGateway, upstream: ScriptedUpstream, email: str
) -> None:
    """Of several keys that wait, the one used kills those before it; later ones still wait."""
    gateway, _ = two(start_gateway, upstream, "on_first_use")
    live, first, second, third = (gateway.register(email) for _ in range(4))
    assert chat(gateway, second) == 200
    assert [chat(gateway, key) for key in (live, first)] == [401, 401]
    assert chat(gateway, second) == 200
    assert chat(gateway, third) == 200
    assert chat(gateway, second) == 401


def test_on_first_use_keys_that_wait_are_bounded(
    start_gateway: StartGateway, upstream: ScriptedUpstream, email: str
) -> None:
    """Asking for many keys leaves the live one and the newest few."""
    gateway, _ = two(start_gateway, upstream, "on_first_use")
    live, *waiting = (gateway.register(email) for _ in range(8))
    assert chat(gateway, live) == 200
    assert chat(gateway, waiting[0]) == 401
    assert chat(gateway, waiting[-1]) == 200


@pytest.mark.parametrize(("per_mailbox", "trials"), [("true", [100_000, 0, 0]), ("false", [100_000] * 3)])
def test_a_mailbox_gets_one_trial(start_gateway: StartGateway, email: str, per_mailbox: str, trials: list[int]) -> None:
    """Plus-tags lead to one mailbox, which gets one trial, unless TRIAL_PER_MAILBOX is off."""
    gateway = start_gateway(TRIAL_PER_MAILBOX=per_mailbox)
    tagged = [email.replace("@", tag + "@") for tag in ("+one", "", "+two")]
    keys = [gateway.register(address) for address in tagged]
    accounts = [gateway.account(key) for key in keys]
    assert [account["balance"]["available"] for account in accounts] == trials
    assert len({account["user_id"] for account in accounts}) == 3
    again = gateway.register(tagged[0])
    assert gateway.account(again)["balance"]["available"] == trials[0]


def test_the_trial_is_a_setting(start_gateway: StartGateway, email: str) -> None:
    """How many credits a new account gets, and for how long."""
    gateway = start_gateway(TRIAL_TOKENS="5000", TRIAL_EXPIRY_DAYS="2")
    account = gateway.account(gateway.register(email))
    assert account["balance"]["trial"] == account["balance"]["available"] == 5000
    assert account["balance"]["trial_expires"][:10] > account["created"][:10]
    told = gateway.request("GET", "/register", headers={"Accept": "application/json"}).json()
    assert told == {"trial": {"credits": 5000, "days": 2}}


def test_without_a_trial_an_account_begins_with_nothing(start_gateway: StartGateway, email: str) -> None:
    """A trial of 0 is none: the account exists and has no credits."""
    gateway = start_gateway(TRIAL_TOKENS="0")
    key = gateway.register(email)
    assert gateway.account(key)["balance"]["available"] == 0
    assert chat(gateway, key) == 402

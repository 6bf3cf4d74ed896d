"""A user's own keys: several, by name; a rotated one works on for a while, a revoked one not once."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions.ledger import audit, credentials, own_keys, tables
from functions.ledger.expression import Expression
from tests.stand import Answer, RunningGateway, gateways

GRACE_S_MAX = 604_800


@pytest.fixture(scope="module", params=["immediate", "on_first_use"])
def two(
    request: pytest.FixtureRequest, dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningGateway, RunningGateway]]:
    """Two gateways on the same tables, for both ways in which a mailed key is replaced."""
    with gateways(dynamodb_url, tmp_path_factory.mktemp("keys")) as start:
        yield start(KEY_REISSUE=request.param), start(KEY_REISSUE=request.param)


@pytest.fixture
def front(two: tuple[RunningGateway, RunningGateway]) -> RunningGateway:
    return two[0]


def told(gateway: RunningGateway, method: str, path: str, key: str, body: Any = None) -> Any:
    answer = gateway.request(method, f"/account/keys{path}", body, key=key)
    assert answer.status == 200, (method, path, answer.status, answer.body)
    return answer.json()


def works(gateway: RunningGateway, key: str) -> bool:
    """Whether a key opens the account, in both functions: the one that remembers, too."""
    statuses = {gateway.request("GET", "/account", key=key).status}
    asked = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    statuses.add(gateway.request("POST", "/v1/chat/completions", asked, key=key).status == 401)
    assert statuses in ({200, False}, {401, True})
    return 200 in statuses


def only(listed: Any, **fields: Any) -> Any:
    (found,) = [one for one in listed["data"] if all(one[name] == value for name, value in fields.items())]
    return found


def refused(answer: Answer, status: int, *, param: str | None = None, code: str | None = None) -> None:
    assert answer.status == status, answer.body
    assert (answer.error["param"], answer.error["code"])[: 1 if code is None else 2] == (
        (param,) if code is None else (param, code)
    )


def test_several_keys_by_name(two: tuple[RunningGateway, RunningGateway]) -> None:
    """Each opens the same account, on each gateway; the list says which one asks, and only how each begins."""
    front, other = two
    key = front.key()
    made = told(front, "POST", "", key, {"label": "the laptop <b>"})
    assert made["id"] == credentials.credential_id(made["key"])
    assert works(other, made["key"])
    assert front.account(key)["user_id"] == other.account(made["key"])["user_id"]
    found = told(other, "GET", "", made["key"])
    assert [one["label"] for one in found["data"]] == ["", "the laptop <b>"]
    assert [one["asking"] for one in found["data"]] == [False, True]
    assert [one["mailed"] for one in found["data"]] == [True, False]
    assert [one["shown"] for one in found["data"]] == [key[:10], made["key"][:10]]
    assert made["key"] not in str(found)


def test_a_revoked_key_is_dead_in_the_very_next_request(two: tuple[RunningGateway, RunningGateway]) -> None:
    """On the gateway that remembers it too; the other keys go on, when the mailed one has ended itself as well."""
    front, other = two
    key = front.key()
    made = told(front, "POST", "", key)
    assert works(other, made["key"])
    assert works(other, key)
    assert told(front, "DELETE", f"/{made['id']}", key) == {"id": made["id"], "deleted": True}
    assert not works(other, made["key"])
    last = told(front, "POST", "", key)
    told(front, "DELETE", f"/{credentials.credential_id(key)}", key)
    assert not works(other, key)
    assert [one["id"] for one in told(front, "GET", "", last["key"])["data"]] == [last["id"]]


@pytest.mark.parametrize("mailed", [True, False])
def test_a_rotated_key_works_on_for_its_time(two: tuple[RunningGateway, RunningGateway], mailed: bool) -> None:
    """Both work within the grace; after it the old one is refused, remembered or not. With 0 at once."""
    front, other = two
    key = front.key()
    old = key if mailed else told(front, "POST", "", key, {"label": "phone"})["key"]
    old_id = credentials.credential_id(old)
    made = told(front, "POST", f"/{old_id}/rotate", old, {"grace_s": 3})
    until = time.time() + 3
    assert (made["replaces"], made["label"]) == (old_id, "" if mailed else "phone")
    assert works(other, old)
    assert works(other, made["key"])
    listed = told(front, "GET", "", made["key"])
    assert only(listed, id=old_id)["ends"] == made["ends"]
    assert only(listed, id=made["id"])["ends"] is None
    time.sleep(max(0.0, until + 0.1 - time.time()))
    assert not works(other, old)
    assert not works(front, old)
    assert old_id not in [one["id"] for one in told(front, "GET", "", made["key"])["data"]]
    again = told(front, "POST", f"/{made['id']}/rotate", made["key"], {"grace_s": 0})
    assert not works(other, made["key"])
    assert works(other, again["key"])


def test_a_key_is_rotated_once(front: RunningGateway) -> None:
    """A key that is ending has its successor; without a number the grace is a day."""
    key = front.key()
    key_id = credentials.credential_id(key)
    made = told(front, "POST", f"/{key_id}/rotate", key)
    refused(front.request("POST", f"/account/keys/{key_id}/rotate", {}, key=key), 400, param="key_id")
    ending = only(told(front, "GET", "", key), id=key_id)
    lasts = time.mktime(time.strptime(ending["ends"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 86_300 < lasts < 86_500
    told(front, "DELETE", f"/{key_id}", made["key"])
    assert not works(front, key)


def test_registering_again_replaces_the_key_that_was_rotated(front: RunningGateway) -> None:
    """The successor of a mailed key is the address's key: a new mail replaces it, other keys go on."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    first = front.register(email)
    other = told(front, "POST", "", first, {"label": "server"})["key"]
    second = told(front, "POST", f"/{credentials.credential_id(first)}/rotate", first, {"grace_s": 0})["key"]
    third = front.register(email)
    assert works(front, third)
    assert not works(front, second)
    assert works(front, other)
    assert front.account(third)["user_id"] == front.account(other)["user_id"]


def test_a_mail_gets_the_account_back_from_a_thief(front: RunningGateway) -> None:
    """Who found the mailed key, rotated it and added another: the next mail's key ends what came of it, and what was
    added can neither end that key nor replace it, and is ended by it."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    stolen = front.register(email)
    rotated = told(front, "POST", f"/{credentials.credential_id(stolen)}/rotate", stolen, {"grace_s": GRACE_S_MAX})
    added = told(front, "POST", "", rotated["key"], {"label": "the thief's"})
    mailed = front.register(email)
    assert works(front, mailed)
    assert [works(front, key) for key in (stolen, rotated["key"], added["key"])] == [False, False, True]
    path = f"/account/keys/{credentials.credential_id(mailed)}"
    refused(front.request("DELETE", path, key=added["key"]), 403, code="mailed_key")
    refused(front.request("POST", f"{path}/rotate", {"grace_s": 0}, key=added["key"]), 403, code="mailed_key")
    told(front, "DELETE", f"/{added['id']}", mailed)
    assert [works(front, key) for key in (mailed, added["key"])] == [True, False]


def test_a_rotated_key_keeps_its_age_and_its_name(front: RunningGateway) -> None:
    """The list says since when each is there, and the mailed one comes first."""
    key = front.key()
    old = told(front, "POST", "", key, {"label": "phone"})
    time.sleep(1.1)
    new = told(front, "POST", f"/{old['id']}/rotate", key, {"grace_s": 60})
    listed = told(front, "GET", "", key)
    ages = [only(listed, id=one["id"])["created"] for one in (old, new)]
    assert ages == [old["created"], new["created"]] == sorted({*ages})
    assert [one["label"] for one in listed["data"]] == ["", "phone", "phone"]


def test_a_key_that_waits_for_its_first_use_is_listed(two: tuple[RunningGateway, RunningGateway]) -> None:
    """It is for who reads the mail: no key ends it, or nobody could get an account back from who holds its key."""
    front = two[0]
    if front.settings.key_reissue == "immediate":
        return
    email = f"{secrets.token_hex(6)}@farebox.test"
    key, waiting = front.register(email), front.register(email)
    found = only(told(front, "GET", "", key), waiting=True)
    refused(front.request("DELETE", f"/account/keys/{found['id']}", key=key), 403, code="mailed_key")
    refused(front.request("POST", f"/account/keys/{found['id']}/rotate", {}, key=key), 403, code="mailed_key")
    second = told(front, "POST", f"/{credentials.credential_id(key)}/rotate", key)["key"]
    assert works(front, waiting)
    assert [works(front, one) for one in (key, second)] == [False, False]
    assert works(front, front.register(email))


def test_what_is_wrong_is_told_by_its_field(front: RunningGateway) -> None:
    """Labels of one line, graces of at most a week, keys of one's own; nothing is changed."""
    key, stranger = front.key(), front.key()
    before = told(front, "GET", "", key)
    theirs = credentials.credential_id(stranger)
    for body, param in (({"label": "two\nlines"}, "label"), ({"label": 5}, "label"), ({"labels": "x"}, "labels")):
        refused(front.request("POST", "/account/keys", body, key=key), 400, param=param)
    own = f"/account/keys/{credentials.credential_id(key)}"
    for grace in (-1, GRACE_S_MAX + 1, 1.5, "60", True):
        refused(front.request("POST", f"{own}/rotate", {"grace_s": grace}, key=key), 400, param="grace_s")
    for key_id in (theirs, "0" * 64, "none", key):
        refused(front.request("POST", f"/account/keys/{key_id}/rotate", {}, key=key), 404)
        refused(front.request("DELETE", f"/account/keys/{key_id}", key=key), 404)
    assert told(front, "GET", "", key) == before
    assert works(front, stranger)


def test_there_are_at_most_twenty(front: RunningGateway) -> None:
    """The twenty-first is refused, and so is a rotation with a grace; one that is revoked or has ended makes room."""
    key = front.key()
    made = [told(front, "POST", "", key, {"label": str(number)}) for number in range(19)]
    refused(front.request("POST", "/account/keys", {}, key=key), 403, code="too_many_keys")
    refused(front.request("POST", f"/account/keys/{made[0]['id']}/rotate", {}, key=key), 403, code="too_many_keys")
    made[0] = told(front, "POST", f"/{made[0]['id']}/rotate", key, {"grace_s": 0})
    told(front, "DELETE", f"/{made[0]['id']}", key)
    second = told(front, "POST", f"/{made[1]['id']}/rotate", key, {"grace_s": 1})
    time.sleep(1.2)
    third = told(front, "POST", "", key, {"label": "20"})
    assert works(front, second["key"])
    assert works(front, third["key"])
    assert not works(front, made[1]["key"])


def test_the_books_stay_right(front: RunningGateway) -> None:
    """Keys move no credits."""
    key = front.key()
    key = told(front, "POST", f"/{credentials.credential_id(key)}/rotate", key, {"grace_s": 0})["key"]
    finding = tables.drive(audit.audit_account(front.ledger(), f"default/{front.account(key)['user_id']}", full=True))
    assert finding.drift == 0


def test_two_who_rotate_one_key_at_once_make_one_successor(front: RunningGateway) -> None:
    """Whoever comes second, between the first one's reading and writing, is told that it is ending already."""
    key = front.key()
    ledger, key_id = front.ledger(), credentials.credential_id(key)
    found = tables.drive(credentials.find(ledger, key_id))
    assert found
    won = tables.drive(own_keys.rotate(ledger, found[1].account_id, key_id, 60, key_id))
    answer = front.request("POST", f"/account/keys/{key_id}/rotate", {"grace_s": 0}, key=key)
    refused(answer, 400, param="key_id")
    assert works(front, won.key)
    assert works(front, key)


def test_an_end_is_a_matter_of_the_credential(front: RunningGateway) -> None:
    """Whatever a process remembers: what the table says of a key's end holds from the next change of keys on."""
    key = front.key()
    assert works(front, key)
    end = Expression()
    end.sets.append(f"ends = {end.number(':ends', int(time.time()) - 1)}")
    ledger = front.ledger()
    key_id = credentials.credential_id(key)
    tables.drive(ledger.write("UpdateItem", end.request(ledger.table("credentials"), credentials.key_of(key_id))))
    assert front.request("GET", "/account", key=key).status == 401

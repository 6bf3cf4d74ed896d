"""Registration: an address gets an account and a key, and nobody learns who has one."""

import secrets
import time
from urllib.parse import quote, urlencode

import pytest

from functions.accounts.registration import REGISTRATION_TAKES_S
from tests.stand import Answer, RunningGateway, StartGateway, key_in

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def address() -> str:
    return f"{secrets.token_hex(6)}@farebox.test"


def by_form(gateway: RunningGateway, email: str) -> Answer:
    return gateway.request("POST", "/register", urlencode({"email": email}), headers=FORM)


def by_json(gateway: RunningGateway, email: object) -> Answer:
    return gateway.request("POST", "/register", {"email": email})


def mails(gateway: RunningGateway) -> int:
    return len(list(gateway.outbox.glob("*.eml"))) if gateway.outbox.exists() else 0


def available(gateway: RunningGateway, key: str) -> int:
    return int(gateway.account(key)["balance"]["available"])


def test_a_json_registration_brings_a_key_that_works(gateway: RunningGateway) -> None:
    """POST /register with JSON answers 200 with the address; the mail has a key with the trial."""
    email = address()
    answer = by_json(gateway, email)
    assert (answer.status, answer.json()["email"]) == (200, email)
    key = gateway.register(email)
    assert gateway.account(key)["email"] == email
    assert available(gateway, key) == 100_000


def test_a_form_registration_brings_a_key_that_works(gateway: RunningGateway) -> None:
    """POST /register with a form answers a page with the address in it, and never with the key."""
    email = address()
    before = set(gateway.outbox.glob("*.eml")) if gateway.outbox.exists() else set()
    answer = by_form(gateway, email)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert email in answer.body.decode()
    found = {key_in(path) for path in set(gateway.outbox.glob("*.eml")) - before if email in path.read_text()}
    (key,) = found
    assert key not in answer.body.decode()
    assert available(gateway, key) == 100_000


@pytest.mark.parametrize("register", [by_form, by_json])
def test_known_and_unknown_addresses_are_answered_alike(gateway: RunningGateway, register: object) -> None:
    """Nothing in an answer tells whether the address has an account: not the body, not a header."""
    assert callable(register)
    email = address()
    first, second, other = register(gateway, email), register(gateway, email), register(gateway, "z" + email)

    def told(answer: Answer) -> tuple[object, ...]:
        return answer.status, sorted(answer.headers), answer.body.replace(b"z" + email.encode(), email.encode())

    assert told(first) == told(second) == told(other)


def test_known_and_unknown_addresses_take_the_same_time(gateway: RunningGateway) -> None:
    """Neither is answered sooner than REGISTRATION_TAKES_S, which is longer than either takes."""
    email = address()
    for _ in range(2):
        started_s = time.monotonic()
        by_json(gateway, email)
        assert time.monotonic() - started_s >= REGISTRATION_TAKES_S


def test_addresses_are_compared_in_lower_case(gateway: RunningGateway) -> None:
    """Ada@… and ada@… are one account."""
    email = address()
    first = gateway.account(gateway.register(email))
    answer = by_json(gateway, f" {email.upper()} ")
    assert answer.json()["email"] == email
    assert gateway.account(gateway.register(email))["user_id"] == first["user_id"]


BAD = [
    None,
    "",
    5,
    True,
    ["a@b.test"],
    {"a": 1},
    "nobody",
    "@b.test",
    "a@",
    "a@b",
    "a@b@c.test",
    "a b@c.test",
    "a@c..test",
    "a@-c.test",
    "a@[127.0.0.1]",
    '"a b"@c.test',
    "ä@c.test",
    "a@ü.test",
    "a" * 65 + "@c.test",
    "a@" + "b" * 250 + ".test",
    "a@b.test\nBcc: c@d.test",
    "a@b.test\r\nSubject: x",
    "a\r\nTo: c@d.test@b.test",
    "a@b.test,c@d.test",
    "a@b.test>",
    "<a@b.test>",
    "Ada <a@b.test>",
    "a@b.test\x00",
]


@pytest.mark.parametrize("email", BAD, ids=repr)
def test_what_is_no_address_is_refused(gateway: RunningGateway, email: object) -> None:
    """No address, two addresses, header injection: 400 that names `email`, and no mail."""
    before = mails(gateway)
    answers = [by_json(gateway, email)] + ([by_form(gateway, email)] if isinstance(email, str) else [])
    assert {(answer.status, answer.error["param"]) for answer in answers} == {(400, "email")}
    assert mails(gateway) == before


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("email=a@b.test&email=c@d.test", FORM["Content-Type"], 400),
        ("", FORM["Content-Type"], 400),
        ("email=%ff@b.test", FORM["Content-Type"], 400),
        ("&".join(f"f{n}=1" for n in range(1000)), FORM["Content-Type"], 400),
        ('{"email": "a@b.test", "email": "c@d.test"}', "application/json", 400),
        ("[]", "application/json", 400),
        ("", "application/json", 400),
        ("{", "application/json", 400),
        ("email", "text/plain", 415),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(
    gateway: RunningGateway, body: str, content_type: str, status: int
) -> None:
    """A body that is neither a form nor JSON, or says two things, is a client's error in OpenAI's shape."""
    before = mails(gateway)
    answer = gateway.request("POST", "/register", body, headers={"Content-Type": content_type})
    assert (answer.status, answer.error["type"]) == (status, "invalid_request_error")
    assert answer.headers["x-request-id"]
    assert mails(gateway) == before


def test_the_page_escapes_the_address(gateway: RunningGateway) -> None:
    """What the page shows of an address is text, never markup."""
    email = f"a&'{address()}"
    page = by_form(gateway, email).body.decode()
    assert "a&amp;&#x27;" in page
    assert "a&'" not in page
    refused = by_form(gateway, "<script>alert(1)</script>@b.test")
    assert (refused.status, b"<script" in refused.body) == (400, False)


def test_a_get_changes_nothing(gateway: RunningGateway) -> None:
    """Whoever only fetches, a scanner of links for one, registers nobody and replaces no key."""
    email = address()
    key = gateway.register(email)
    before = mails(gateway)
    for path in ("/register", f"/register?email={quote(email)}", f"/register?email={address()}&confirm=1"):
        assert gateway.visit(path).status == 303
    assert mails(gateway) == before
    assert available(gateway, key) == 100_000


def test_three_a_day_for_one_address(start_gateway: StartGateway) -> None:
    """The fourth registration of an address within a day is 429, for it alone, and its key stays."""
    gateway = start_gateway(REGISTRATION_ADDRESS_LIMIT="3")
    email = address()
    keys = [gateway.register(email) for _ in range(3)]
    refused = by_json(gateway, email)
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert int(refused.headers["retry-after"]) > 0
    assert by_json(gateway, email.upper()).status == 429
    assert available(gateway, keys[-1]) == 100_000
    assert by_json(gateway, address()).status == 200


def test_ten_an_hour_from_one_client(start_gateway: StartGateway) -> None:
    """The limit of a client counts across processes, also what is refused, and no header changes it."""
    gateways = [start_gateway(REGISTRATION_RATE_LIMIT="3") for _ in range(2)]
    assert [by_json(gateways[turn % 2], address()).status for turn in range(2)] == [200, 200]
    assert by_json(gateways[0], "nobody").status == 400
    before = mails(gateways[0])
    forged = {"X-Forwarded-For": "203.0.113.9"}
    refused = gateways[1].request("POST", "/register", {"email": address()}, headers=forged)
    assert (refused.status, refused.headers["x-ratelimit-limit-requests"]) == (429, "3")
    assert mails(gateways[0]) == before


def test_refused_domains_register_nobody(start_gateway: StartGateway) -> None:
    """A refused domain, and what is below it, is 400; one that only ends alike is not."""
    gateway = start_gateway(REFUSED_EMAIL_DOMAINS="mailinator.test, throwaway.test")
    for email in ("a@mailinator.test", "a@x.throwaway.test", "A@MAILINATOR.TEST"):
        answer = by_json(gateway, email)
        assert (answer.status, answer.error["param"]) == (400, "email")
    assert by_json(gateway, "a@notmailinator.test").status == 200


@pytest.mark.parametrize("domain", ["example.invalid", "a.test", "b.example", "c.localhost"])
def test_reserved_domains_register(gateway: RunningGateway, domain: str) -> None:
    """Domains that nobody can own register: tests and demonstrations use them."""
    key = gateway.register(f"{secrets.token_hex(6)}@{domain}")
    assert available(gateway, key) == 100_000

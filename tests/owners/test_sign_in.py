"""Owners sign in by a mailed link: it works once, says nothing about anybody, and no token stands in an address."""

import re
import time
from typing import Any

import pytest

from functions.ledger import sessions, tables
from functions.owners.sign_in import TAKES_S
from tests.forward.stage import ledger_of, new_key
from tests.owners.owner import LINK, address, led, link, mails_to, new_owner, signed_in
from tests.stand import Answer, RunningGateway, StartGateway, text_of

SIGN_IN, SESSIONS = "/console/sign-in", "/console/sessions"
WRONG_LINK = (400, "token")


def ask(gateway: RunningGateway, email: Any) -> Answer:
    return gateway.request("POST", SIGN_IN, {"email": email})


def enter(gateway: RunningGateway, token: Any) -> Answer:
    return gateway.request("POST", SESSIONS, {"token": token})


def test_a_mailed_link_becomes_a_session(front: RunningGateway) -> None:
    """Address, mail, link, session, and the session opens the console; it is of this address."""
    owner = signed_in(front)
    assert re.fullmatch(r"os-[A-Za-z0-9_-]{43}", owner.session)
    assert owner.project().shown["owners"] == [owner.email]


def test_a_link_works_once(front: RunningGateway) -> None:
    """Whoever comes second with it gets what a link that never was gets."""
    token = link(front, address())
    assert enter(front, token).status == 200
    again, never = enter(front, token), enter(front, "A" * 43)
    assert (again.status, again.error["param"]) == WRONG_LINK
    assert again.body == never.body


@pytest.mark.parametrize("token", [None, "", 5, True, ["x"], {"a": 1}, "é", "x" * 5000, "a\x00b", "#", "os-"], ids=repr)
def test_what_is_no_token_is_refused(front: RunningGateway, token: Any) -> None:
    """In the words for a link that is over."""
    answer = enter(front, token)
    assert (answer.status, answer.error["param"]) == WRONG_LINK


def test_a_link_is_for_half_an_hour(front: RunningGateway) -> None:
    """One that is over opens nothing."""
    token = tables.drive(sessions.new_link(ledger_of(front), address(), -1))
    assert enter(front, token).status == 400


def test_a_session_is_over_when_its_time_is(front: RunningGateway) -> None:
    """Whether or not the table has dropped it."""
    over = tables.drive(sessions.new_session(ledger_of(front), address(), -1))
    assert front.request("GET", "/console/projects", key=over).status == 401


def test_a_session_says_when_it_ends(front: RunningGateway) -> None:
    """In a week, in UTC."""
    answer = enter(front, link(front, address())).json()
    ends_s = time.mktime(time.strptime(answer["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(ends_s - time.time() - 7 * 86400) < 60


def test_who_leaves_is_out(front: RunningGateway) -> None:
    """DELETE ends this session at once, and no other."""
    owner = new_owner(front)
    other = new_owner(front, owner.email)
    assert owner.ask("DELETE", "/sessions").status == 200
    assert [who.ask("GET", "/projects").status for who in (owner, other)] == [401, 200]
    assert owner.ask("DELETE", "/sessions").status == 401


def test_a_link_is_no_session_and_a_session_no_link(front: RunningGateway) -> None:
    """Each opens only its own door."""
    owner = new_owner(front)
    token = link(front, owner.email)
    assert front.request("GET", "/console/projects", key=token).status == 401
    assert front.request("GET", "/console/projects", key="os-" + token).status == 401
    assert enter(front, owner.session).status == 400
    assert enter(front, owner.session.removeprefix("os-")).status == 400
    assert owner.ask("GET", "/projects").status == 200


def test_known_and_unknown_addresses_are_answered_alike(front: RunningGateway) -> None:
    """Body, headers and time tell nothing of who has projects or signed in before."""
    known = new_owner(front)
    known.project()
    answers = []
    for email in (known.email, address(), known.email.upper()):
        started_s = time.monotonic()
        answers.append(ask(front, email))
        assert time.monotonic() - started_s >= TAKES_S
    assert len({(answer.status, answer.body, tuple(sorted(answer.headers))) for answer in answers}) == 1


@pytest.fixture(scope="module")
def closed(starts: StartGateway) -> RunningGateway:
    """A gateway that only some may sign in to, on the tables of `front`."""
    return starts(OWNER_EMAILS="Ada@owners.test, @farebox.test")


def test_who_may_not_sign_in_is_answered_alike_and_gets_no_link(closed: RunningGateway) -> None:
    """OWNER_EMAILS names addresses and domains; others get the same answer, and a mail that says so."""
    who = {"ada@owners.test": True, address(): True, "eve@owners.test": False, "ada@xfarebox.test": False}
    who |= {"ada@sub.farebox.test": False}
    answers = {email: ask(closed, email) for email in who}
    assert len({(answer.status, answer.body) for answer in answers.values()}) == 1
    for email, may in who.items():
        (mail,) = mails_to(closed, email)
        assert bool(LINK.search(text_of(mail))) == may, email


def test_who_may_not_sign_in_any_more_is_out(front: RunningGateway, closed: RunningGateway) -> None:
    """The operator takes an address from OWNER_EMAILS: its sessions and links open nothing from then on."""
    owner, token = new_owner(front, "eve@elsewhere.test"), link(front, "eve@elsewhere.test")
    assert closed.request("GET", "/console/projects", key=owner.session).status == 401
    assert enter(closed, token).status == 400
    assert owner.ask("GET", "/projects").status == 200


def test_sign_ins_are_counted_by_mailbox_and_by_client(start_gateway: StartGateway) -> None:
    """Tags and capitals are the same mailbox; a client counts whatever it sends, and no header makes it another."""
    gateway = start_gateway(REGISTRATION_ADDRESS_LIMIT="2", REGISTRATION_RATE_LIMIT="5")
    name = address()
    emails = [name, name.replace("@", "+news@"), name.upper(), "nobody", address()]
    assert [ask(gateway, email).status for email in emails] == [200, 200, 429, 400, 200]
    forged = {"X-Forwarded-For": "203.0.113.9"}
    assert gateway.request("POST", SIGN_IN, {"email": address()}, headers=forged).status == 429
    assert len(list(gateway.outbox.glob("*.eml"))) == 3


def test_case_35_without_the_ledger_nobody_signs_in(starts: StartGateway) -> None:
    """503 on every door, and no mail: what cannot be counted or looked up is refused."""
    gateway = starts(DYNAMODB_ENDPOINT_URL="http://127.0.0.1:9", LEDGER_TIMEOUT_S="1")
    email = address()
    answers = [ask(gateway, email), enter(gateway, "A" * 43), gateway.request("GET", "/console/projects", key="os-x")]
    assert {(answer.status, answer.error["code"]) for answer in answers} == {(503, "ledger_unavailable")}
    assert mails_to(gateway, email) == []


@pytest.mark.parametrize("email", [None, "", 5, "nobody", "a@b.test\r\nBcc: c@d.test", "a@b.test,c@d.test"], ids=repr)
def test_what_is_no_address_is_refused(front: RunningGateway, email: Any) -> None:
    """400 that names the field, and no mail."""
    before = len(list(front.outbox.glob("*.eml")))
    answer = ask(front, email)
    assert (answer.status, answer.error["param"]) == (400, "email")
    assert len(list(front.outbox.glob("*.eml"))) == before


def test_case_31_fetching_the_link_changes_nothing(front: RunningGateway) -> None:
    """Scanners of mail fetch links: with a token and without they are led to one page, and the link still works."""
    token = link(front, address())
    for path in ("/console/enter", "/console/enter", f"/console/enter?token={token}"):
        status, told = led(front, path)
        assert (status, told["location"]) == (303, f"{front.url}/console.html")
    for query in (f"?token={token}", f"?email={address()}"):
        assert front.request("GET", f"/console/sessions{query}").status == 405
        assert front.request("GET", f"/console/sign-in{query}").status == 405
    assert enter(front, token).status == 200


def test_case_31_no_token_is_taken_from_an_address(front: RunningGateway) -> None:
    """A link's token and a session in the query open nothing, and a cookie does not either."""
    token, owner = link(front, address()), new_owner(front)
    assert front.request("POST", f"{SESSIONS}?token={token}", {}).status == 400
    assert front.request("POST", f"{SESSIONS}?token={token}", {"token": token}).status == 400
    for path in (f"?session={owner.session}", f"?key={owner.session}", f"?access_token={owner.session}"):
        assert front.request("GET", f"/console/projects{path}").status == 401
    assert front.request("GET", "/console/projects", headers={"Cookie": f"session={owner.session}"}).status == 401
    assert enter(front, token).status == 200


def test_case_31_no_answer_sets_a_cookie_or_leads_elsewhere(front: RunningGateway) -> None:
    """But for the link's, which leads to the page; and none may be kept or told on."""
    answers = [
        enter(front, link(front, address())),
        enter(front, "wrong"),
        new_owner(front).ask("GET", "/projects"),
        front.request("GET", "/console/projects"),
    ]
    for answer in answers:
        assert not {"set-cookie", "location", "refresh"} & set(answer.headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_case_34_the_link_leads_to_the_page_and_nothing_sent_leads_elsewhere(front: RunningGateway) -> None:
    """303 to the site's own page whatever stands in the query or in headers: the browser keeps what stands behind #."""
    evil = {"Host": "evil.example", "Origin": "", "Referer": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/console/enter", "/console/enter?x=<script>alert(1)</script>&site=//evil.example", "/console"):
        for headers in ({}, evil):
            status, told = led(front, path, **{name: value for name, value in headers.items() if value})
            assert (status, told["location"]) == (303, f"{front.url}/console.html")
            assert not {"set-cookie", "refresh"} & set(told)
            assert (told["cache-control"], told["referrer-policy"]) == ("no-store", "no-referrer")
    assert front.request("GET", "/console").error["code"] == "not_found"  # a program is no reader of pages


def test_other_keys_are_no_sessions(front: RunningGateway) -> None:
    """A user's key, the operator's, and a session in other clothes: 401 in one body."""
    owner = new_owner(front)
    session = owner.session
    wrong = ["", new_key(front), front.settings.admin_key, session.removeprefix("os-"), "os-" + "A" * 43]
    wrong += [session.replace("os-", "OS-"), session + "x", session[:-1], f"{session}, {session}"]
    answers = [front.request("GET", "/console/projects", key=key) for key in wrong]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


def test_a_session_opens_nothing_else(front: RunningGateway) -> None:
    """It is no user's key, no project's, and not the operator's."""
    session = new_owner(front).session
    asked = {"messages": [{"role": "user", "content": "Hi"}]}
    assert front.request("GET", "/account", key=session).status == 401
    assert front.request("POST", "/v1/chat/completions", asked, key=session).status == 401
    assert front.request("GET", "/admin/status", key=session).status == 403


def test_the_tables_hold_no_token(front: RunningGateway) -> None:
    """A link's token and a session are stored as hashes only."""
    import boto3

    owner, token = new_owner(front), link(front, address())
    settings = front.settings
    client = boto3.client("dynamodb", region_name=settings.aws_region, endpoint_url=settings.dynamodb_endpoint_url,
                          aws_access_key_id="local", aws_secret_access_key="local")  # fmt: skip
    items = str(client.scan(TableName=f"{settings.table_prefix}claims")["Items"])
    assert items != "[]"
    assert owner.session.removeprefix("os-") not in items
    assert token not in items

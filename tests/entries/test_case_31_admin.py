"""The operator's endpoints and pages of other sites: forms, GET, origins, cookies. The seed's scripts work."""

import hmac
import subprocess
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from functions.authenticate import admin
from functions.settings import Settings
from tests.entries.keys import ADMIN_KEY, as_admin, refused
from tests.entries.operating import CHANGES, FORM, User, actions, change, form, send, user
from tests.forward.stage import new_key
from tests.owners.test_case_32_origins import of_cors
from tests.stand import RunningGateway, StartGateway

STRANGERS = ["https://evil.example", "null", "", "*"]
PATHS = [f"/admin/{name}" for name in CHANGES]
SCRIPTS = {
    "adjust": """curl -X POST http://100.64.0.1:8503/admin/adjust \\
-d "key=<ADMIN_KEY>&email=user@example.com&delta=1000000" \\
--data-urlencode ""
""",
    "grant": """curl -X POST http://100.64.0.1:8503/admin/grant \\
-d "key=<ADMIN_KEY>&email=user@example.com&tokens=100000&days=7"
""",
    "delete": """curl -X POST http://100.64.0.1:8503/admin/delete \\
-d "key=<ADMIN_KEY>&user_id=42"
""",
}
"""As the seed writes them."""


@pytest.fixture
def somebody(front: RunningGateway) -> User:
    return user(front)


def test_case_31_the_seeds_scripts_work_unchanged(front: RunningGateway, somebody: User) -> None:
    """But for address, key and user: credits come, a trial is granted, the user is deleted; each is 200 with JSON."""

    def run(name: str, key: str = ADMIN_KEY) -> str:
        line = SCRIPTS[name].replace("http://100.64.0.1:8503", front.url).replace("<ADMIN_KEY>", key)
        line = line.replace("user@example.com", somebody.email).replace("user_id=42", f"user_id={number}")
        line = line.replace("curl ", "curl -s -w '\\n%{http_code} %{content_type}' ")
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True).stdout

    number = somebody.number
    for name in SCRIPTS:
        assert run(name, "wrong").endswith("\n403 application/json")
    assert somebody.balance["paid"] == 0
    assert run("adjust").endswith("\n200 application/json")
    assert somebody.balance["paid"] == 1_000_000
    assert run("grant").endswith("\n200 application/json")
    assert somebody.balance["trial"] == 200_000
    assert run("delete").endswith("\n200 application/json")
    assert front.request("GET", "/account", key=somebody.key).status == 401


@pytest.mark.parametrize("body", ["{pairs}&", "{pairs}&=", "&{pairs}&&", "=&{pairs}&why=&reference=&user_id="])
def test_case_31_pairs_of_a_form_that_are_empty_count_as_absent(somebody: User, body: str) -> None:
    """`--data-urlencode ""` appends one, and pages send fields that nobody filled in."""
    pairs = urlencode({"key": ADMIN_KEY, "email": somebody.email, "delta": 5})
    kind = {"Content-Type": f"{FORM}; charset=utf-8"}
    answer = send(somebody.gateway, "POST", "/admin/adjust", body.format(pairs=pairs), kind)
    assert (answer.status, answer.json()["credits"]) == (200, 5)


@pytest.mark.parametrize("origin", STRANGERS, ids=repr)
def test_case_31_a_page_of_another_site_does_nothing(somebody: User, origin: str) -> None:
    """With the right key, in a form, JSON or the header: 403, nothing is changed, nothing may be read by the page."""
    gateway, who = somebody.gateway, {"email": somebody.email}
    before = actions(gateway)
    for name, more in CHANGES.items():
        answers = [
            form(gateway, name, who | more, Origin=origin),
            gateway.request("POST", f"/admin/{name}", who | more, headers=as_admin() | {"Origin": origin}),
            gateway.request("POST", f"/admin/{name}", who | more | {"key": ADMIN_KEY}, headers={"Origin": origin}),
        ]
        assert {refused(answer) for answer in answers} == {(403, "origin_not_allowed")}
        assert not any(of_cors(answer) for answer in answers)
    for path in ("/admin", f"/admin?key={ADMIN_KEY}", "/admin/users", "/admin/none"):
        answer = send(gateway, "GET", path, headers=as_admin() | {"Origin": origin})
        assert (answer.status, of_cors(answer), "location" in answer.headers) == (403, {}, False)
    assert actions(gateway) == before
    assert (somebody.balance["paid"], somebody.chat()) == (0, 200)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "form"])
def test_case_31_other_content_types_are_not_read(somebody: User, kind: str) -> None:
    """415 for the operator, though the body be JSON or a form; with the key only in there it is 403."""
    gateway = somebody.gateway
    for body in (f'{{"key": "{ADMIN_KEY}", "email": "{somebody.email}", "delta": 5}}', f"key={ADMIN_KEY}&delta=5"):
        for path in PATHS:
            with_header = as_admin() | {"Content-Type": kind}
            assert send(gateway, "POST", path, body, with_header).status == 415
            assert send(gateway, "POST", path, body, {"Content-Type": kind}).status in (403, 415)
    assert somebody.balance["paid"] == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_case_31_only_post_changes_anything(somebody: User, method: str) -> None:
    """A GET with everything in its address changes nothing, whatever the key; it is no way to ask for a change."""
    gateway, before = somebody.gateway, actions(somebody.gateway)
    for name, more in CHANGES.items():
        query = urlencode({"key": ADMIN_KEY, "email": somebody.email} | more)
        assert send(gateway, method, f"/admin/{name}?{query}", headers=as_admin()).status in (404, 405)
        assert send(gateway, method, f"/admin/{name}?{query}").status == 403
        sent = {"Content-Type": FORM}
        assert send(gateway, method, f"/admin/{name}", query, sent).status == 403
    assert actions(gateway) == before
    assert (somebody.balance["paid"], somebody.chat()) == (0, 200)


def test_case_31_an_address_brings_no_change(somebody: User) -> None:
    """Fields, and the key, count in the body alone: a parameter is refused by its name."""
    gateway, query = somebody.gateway, urlencode({"email": somebody.email, "delta": 5})
    answer = send(gateway, "POST", f"/admin/adjust?{query}", headers=as_admin())
    assert (answer.status, answer.error["param"]) == (400, "email")
    assert send(gateway, "POST", f"/admin/adjust?key={ADMIN_KEY}&{query}").status == 403
    for path in ("/admin/users", "/admin/status", "/admin/overview"):
        assert send(gateway, "GET", f"{path}?key={ADMIN_KEY}").status == 403


def test_case_31_there_are_no_cookies(somebody: User) -> None:
    """None is set by any answer, and one that has the key opens nothing."""
    gateway, cookie = somebody.gateway, {"Cookie": f"key={ADMIN_KEY}; admin={ADMIN_KEY}; session={ADMIN_KEY}"}
    answers = [send(gateway, "GET", path, headers=as_admin()) for path in ("/admin", "/admin/users", "/admin/none")]
    answers += [send(gateway, "GET", f"/admin?key={ADMIN_KEY}"), send(gateway, "GET", "/admin?key=wrong")]
    answers += [form(gateway, "adjust", {"email": somebody.email, "delta": 5}, Accept="text/html")]
    assert not any("set-cookie" in answer.headers for answer in answers)
    for path in ("/admin/users", "/admin/status"):
        assert send(gateway, "GET", path, headers=cookie).status == 403
    sent = send(gateway, "POST", "/admin/adjust", f"email={somebody.email}&delta=5", cookie | {"Content-Type": FORM})
    assert sent.status == 403
    assert somebody.balance["paid"] == 5


def test_case_31_a_key_may_come_in_three_ways_and_each_must_be_right(somebody: User) -> None:
    """One that is wrong is not made up for by another; of JSON, the key must be text."""
    gateway, who = somebody.gateway, {"email": somebody.email, "delta": 1}
    wrong: list[Any] = ["", "wrong", ADMIN_KEY + "x", ADMIN_KEY.lower(), 5, True, [ADMIN_KEY], {"key": ADMIN_KEY}]
    for key in wrong:
        assert gateway.request("POST", "/admin/adjust", who | {"key": key}).status == 403
        assert gateway.request("POST", "/admin/adjust", who | {"key": key}, headers=as_admin()).status == 403
    for header in (as_admin("wrong"), as_admin(new_key(gateway)), {"Authorization": ""}):
        assert form(gateway, "adjust", who, **header).status == 403
        assert send(gateway, "GET", f"/admin?key={ADMIN_KEY}", headers=header).status == 403
    twice = f"key={ADMIN_KEY}&key={ADMIN_KEY}&email={somebody.email}&delta=1"
    assert send(gateway, "POST", "/admin/adjust", twice, {"Content-Type": FORM}).status == 403
    assert somebody.balance["paid"] == 0
    assert form(gateway, "adjust", who).status == 200
    assert form(gateway, "adjust", who, **as_admin()).status == 200
    assert gateway.request("POST", "/admin/adjust", who | {"key": ADMIN_KEY}).status == 200
    assert gateway.request("POST", "/admin/adjust", who, headers=as_admin()).status == 200
    assert somebody.balance["paid"] == 4


def test_case_31_a_body_that_cannot_be_read_has_no_key(front: RunningGateway) -> None:
    """403 without the header; with it, 400 that says what is wrong."""
    for kind, body in (
        ("application/json", f'{{"key": "{ADMIN_KEY}"'),
        ("application/json", f'["{ADMIN_KEY}"]'),
        ("application/json", f'{{"key": "{ADMIN_KEY}", "key": "{ADMIN_KEY}"}}'),
        (FORM, "&".join(f"f{number}=1" for number in range(60)) + f"&key={ADMIN_KEY}"),
        (FORM, b"email=\xff&key=" + ADMIN_KEY.encode()),
        (FORM, f"email=%ff&key={ADMIN_KEY}"),
    ):
        assert send(front, "POST", "/admin/adjust", body, {"Content-Type": kind}).status == 403
        told = send(front, "POST", "/admin/adjust", body, as_admin() | {"Content-Type": kind})
        assert told.status == 400
        assert ADMIN_KEY not in told.body.decode()


def test_case_31_a_browser_goes_on_to_the_page_without_the_key(somebody: User) -> None:
    """303 after the change was made: to the page, with no key, no user and no reason in the address."""
    gateway = somebody.gateway
    for name, more in CHANGES.items():
        fields = {"email": somebody.email, "why": "<b>x</b>\u00e9"} | more
        answer = form(gateway, name, fields, Accept="text/html,application/xhtml+xml;q=0.9")
        assert (answer.status, answer.body) == (303, b"")
        assert answer.headers["location"] == f"{gateway.url}/admin.html"
        assert answer.headers["cache-control"] == "no-store"
    assert {action["what"] for action in actions(gateway)[: len(CHANGES)]} == set(CHANGES)
    wrong = form(gateway, "adjust", {"email": somebody.email, "delta": "x"}, Accept="text/html")
    assert (wrong.status, "location" in wrong.headers) == (400, False)


def test_case_31_the_page_is_led_to_with_the_key_behind_a_hash(front: RunningGateway) -> None:
    """Right: handed over. None, inside: the page, which asks for it. Wrong: 403, as everything is from outside."""
    for query, place in ((f"?key={ADMIN_KEY}", f"#key={quote(ADMIN_KEY)}"), ("", ""), ("?key=", "")):
        for method in ("GET", "HEAD"):
            answer = send(front, method, f"/admin{query}")
            assert (answer.status, answer.headers["location"]) == (303, f"{front.url}/admin.html{place}")
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.body == b""
    for query in ("?key=wrong", f"?key={ADMIN_KEY}&key={ADMIN_KEY}", f"?key=x&key={ADMIN_KEY}", f"?key={ADMIN_KEY}%20"):
        answer = send(front, "GET", f"/admin{query}")
        assert (answer.status, "location" in answer.headers) == (403, False)
        assert ADMIN_KEY not in answer.body.decode()


def test_case_31_outside_everything_is_403_whatever_the_key(starts: StartGateway) -> None:
    """The address is judged first: the key in a header, a form or the address, a preflight, the page: one answer."""
    outside = starts(ADMIN_ALLOWED_CIDRS="10.0.0.0/8")
    somebody = user(outside)
    who = {"email": somebody.email}
    answers = [form(outside, name, who | more) for name, more in CHANGES.items()]
    answers += [change(outside, name, who | more) for name, more in CHANGES.items()]
    answers += [send(outside, "GET", path) for path in ("/admin", f"/admin?key={ADMIN_KEY}", "/admin?key=wrong")]
    preflight = {"Origin": outside.url, "Access-Control-Request-Method": "GET"}
    answers += [send(outside, "OPTIONS", path, headers=preflight) for path in ("/admin", "/admin/users")]
    answers += [send(outside, "GET", "/admin/users", headers=as_admin() | {"Origin": "https://evil.example"})]
    assert {(answer.status, str(answer.error)) for answer in answers} == {(403, str(answers[0].error))}
    assert not any(of_cors(answer) for answer in answers)
    assert somebody.balance["paid"] == 0


def test_case_32_a_page_of_the_site_reads_answers_and_errors(somebody: User, starts: StartGateway) -> None:
    """Of the base URL, of SITE_URL and of SITE_ORIGINS, by name; preflights pass without a key; never `*`."""
    gateway = starts(SITE_URL="https://pages.example/here", SITE_ORIGINS="https://third.example")
    for origin in (gateway.url, "https://pages.example", "https://third.example"):
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        for path in (*PATHS, "/admin/users", "/admin/users/1"):
            answer = send(gateway, "OPTIONS", path, headers=asked | {"Origin": origin})
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
            assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
            assert "access-control-allow-credentials" not in answer.headers
        told = as_admin() | {"Origin": origin}
        answers = [
            (200, send(gateway, "GET", "/admin/users", headers=told)),
            (400, send(gateway, "GET", "/admin/users?limit=x", headers=told)),
            (404, send(gateway, "GET", "/admin/users/1", headers=told)),
            (405, send(gateway, "DELETE", "/admin/users", headers=told)),
            (403, form(gateway, "adjust", {"email": somebody.email, "delta": 5}, key="wrong", Origin=origin)),
        ]
        for status, answer in answers:
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, origin)
            assert (answer.headers["vary"], answer.headers["x-content-type-options"]) == ("origin", "nosniff")
    answer = form(gateway, "adjust", {"email": somebody.email, "delta": 5}, Accept="text/html")
    assert answer.headers["location"] == "https://pages.example/here/admin.html"


def test_case_33_the_key_stands_in_no_log_and_no_answer(front: RunningGateway, somebody: User) -> None:
    """However it came, rightly or wrongly; but in the one redirect, behind the #. Nothing broke on the way."""
    wrong = "canary-of-the-admin-key-0123456789"
    who = {"email": somebody.email, "delta": 1}
    answers = []
    for key in (ADMIN_KEY, wrong):
        answers += [form(front, "adjust", who, key), form(front, "adjust", {"delta": key, "why": key}, key)]
        answers += [front.request("POST", "/admin/adjust", who | {"key": key, key: 1})]
        answers += [send(front, "GET", f"/admin?key={key}x"), send(front, "GET", f"/admin/users?key={key}")]
        answers += [send(front, "GET", f"/admin/{key}", headers=as_admin(key))]
        send(front, "GET", f"/admin?key={key}")
    log = front.log.read_text()
    for key in (ADMIN_KEY, wrong):
        assert key not in log
        named = [answer for answer in answers if key in str(answer.headers)]
        assert named == []
    assert not any(wrong in answer.body.decode() for answer in answers)
    assert "Traceback" not in log


def test_case_31_every_key_is_compared_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests of one length, by a comparison that takes as long for each: neither place nor length shows."""
    compared: list[tuple[int, int]] = []

    def compare(given: bytes, right: bytes) -> bool:
        compared.append((len(given), len(right)))
        return given == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    settings = Settings(admin_key=ADMIN_KEY)
    keys: list[object] = [ADMIN_KEY, ADMIN_KEY[:-1], "", "x" * 10_000, None, 5, "\ud800"]
    assert [admin.has_key(settings, key) for key in keys] == [True, *[False] * 6]
    assert compared == [(32, 32)] * len(keys)
    assert not admin.has_key(Settings(), "")


def test_case_31_what_people_wrote_is_told_as_text(somebody: User) -> None:
    """A reason with HTML in it comes back as it was, as JSON that no browser takes for a page."""
    why = '<script>alert(1)</script> & "quoted" =1+1 \''
    assert form(somebody.gateway, "adjust", {"email": somebody.email, "delta": 1, "why": why}).status == 200
    for path in ("/actions", f"/users/{somebody.number}"):
        answer = send(somebody.gateway, "GET", f"/admin{path}", headers=as_admin())
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        told = answer.json()
        assert (told.get("data") or told["journal"])[0]["why"] == why
    for wrong in ("a\nb", "x" * 301, "a\u202eb", "a\x00b"):
        answer = form(somebody.gateway, "adjust", {"email": somebody.email, "delta": 1, "why": wrong})
        assert (answer.status, answer.error["param"]) == (400, "why")
    assert somebody.balance["paid"] == 1

"""The console is for pages of its own site and of SITE_ORIGINS: no `*`, no `null`, nothing for other pages."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions import settings as settings_module
from functions.errors import Forbidden
from functions.owners.site import from_page
from tests.entries.keys import refused
from tests.owners.owner import SITE, Owner, address, mails_to, new_owner
from tests.stand import Answer, RunningGateway

PATHS = ["/sign-in", "/enter", "/sessions", "/projects", "/projects/import", "/projects/x", "/projects/x/users/1/block"]
PATHS += ["", "/", "/no/such"]
STRANGERS = ["https://evil.example", "null", "", "*", "https://console.example.evil.test", "http://console.example"]
STRANGERS += ["https://console.example:8443", "https://CONSOLE.example", "https://console.example/", "console.example"]
STRANGERS += ["https://xconsole.example", "https://console.example, https://evil.example"]


def preflight(gateway: RunningGateway, path: str, origin: str) -> Answer:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}
    return gateway.request("OPTIONS", f"/console{path}", headers=asked | {"Origin": origin})


def of_cors(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
def test_case_32_a_preflight_of_the_site_passes(front: RunningGateway, path: str) -> None:
    """Of the console's own pages and of a listed origin, each by its name, without a key and without credentials."""
    for origin in (front.url, SITE):
        answer = preflight(front, path, origin)
        assert (answer.status, answer.body) == (200, b"")
        told = of_cors(answer)
        assert told["access-control-allow-origin"] == origin
        assert told["access-control-allow-headers"] == "authorization, content-type"
        assert "access-control-allow-credentials" not in told
        assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", STRANGERS, ids=repr)
def test_case_32_a_preflight_of_another_page_does_not(front: RunningGateway, origin: str) -> None:
    """403 without a header that a browser would go by; and none without an origin."""
    for path in PATHS:
        answer = preflight(front, path, origin)
        assert (answer.status, of_cors(answer)) == (403, {})
    assert front.request("OPTIONS", "/console/projects").status == 403


@pytest.mark.parametrize("origin", STRANGERS, ids=repr)
def test_case_31_a_request_of_another_page_does_nothing(owner: Owner, origin: str) -> None:
    """With the right session, or where none is needed: 403, no mail, no project, and nothing that the page may read."""
    email = address()
    answers = [
        owner.ask("POST", "/projects", {"name": "x"}, Origin=origin),
        owner.ask("GET", "/projects", Origin=origin),
        owner.ask("DELETE", "/sessions", Origin=origin),
        owner.ask("POST", "/sign-in", {"email": email}, Origin=origin),
        owner.ask("GET", "/enter", Origin=origin),
        owner.ask("GET", "/no/such", Origin=origin),
    ]
    assert {refused(answer) for answer in answers} == {(403, "origin_not_allowed")}
    assert not any(of_cors(answer) for answer in answers)
    assert mails_to(owner.gateway, email) == []
    assert owner.told("GET", "/projects")["data"] == []


def test_case_32_answers_and_errors_can_be_read_by_the_site(owner: Owner) -> None:
    """200, 400, 401, 404, 405, 415: each names the origin that asked, and no other."""
    asked: list[tuple[int, str, str, Any, dict[str, str]]] = [
        (200, "GET", "/projects", None, {}),
        (400, "POST", "/projects", {"role": 1}, {}),
        (401, "GET", "/projects", None, {"Authorization": "Bearer x"}),
        (404, "GET", "/projects/x", None, {}),
        (404, "GET", "/no/such", None, {}),
        (405, "PATCH", "/projects", {}, {}),
        (415, "POST", "/projects", "x", {"Content-Type": "text/plain"}),
    ]
    for status, method, path, body, headers in asked:
        answer = owner.ask(method, path, body, **{"Origin": SITE} | headers)
        assert answer.status == status
        assert of_cors(answer)["access-control-allow-origin"] == SITE
        assert answer.headers["vary"] == "origin"


def test_case_32_without_an_origin_nothing_is_said_of_any(owner: Owner) -> None:
    """Scripts and back-ends send none; a cache still keeps answers apart."""
    for answer in (owner.ask("GET", "/projects"), owner.ask("GET", "/projects/x")):
        assert of_cors(answer) == {}
        assert answer.headers["vary"] == "origin"


def test_case_32_two_origins_are_none(owner: Owner) -> None:
    """The right one beside a wrong one, or twice: refused."""
    parts = urlsplit(owner.gateway.url)
    for origins in ((SITE, "https://evil.example"), ("https://evil.example", SITE), (SITE, SITE)):
        connection = http.client.HTTPConnection(parts.netloc)
        connection.putrequest("GET", "/console/projects")
        connection.putheader("Authorization", f"Bearer {owner.session}")
        for origin in origins:
            connection.putheader("Origin", origin)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 403
        connection.close()


def test_case_19_two_sessions_are_none(owner: Owner) -> None:
    """Two Authorization headers, in two cases, both right: refused."""
    parts = urlsplit(owner.gateway.url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.putrequest("GET", "/console/projects")
    connection.putheader("Authorization", f"Bearer {owner.session}")
    connection.putheader("AUTHORIZATION", f"Bearer {owner.session}")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_case_31_what_a_form_can_send_is_refused(owner: Owner) -> None:
    """Forms send other types than JSON, and pages can leave the type out: the first is 415, both need an origin."""
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
        assert owner.ask("POST", "/projects", '{"name": "x"}', **{"Content-Type": kind}).status == 415
    sent = owner.ask("POST", "/sign-in", '{"email": "a@b.test"}', **{"Content-Type": "text/plain", "Origin": "null"})
    assert sent.status == 403


@pytest.mark.parametrize(
    ("base_url", "origin", "allowed"),
    [
        ("https://api.example/prod", "https://api.example", True),
        ("https://api.example:443", "https://api.example", True),
        ("http://api.example:80/x", "http://api.example", True),
        ("https://API.example", "https://api.example", True),
        ("https://api.example:8443", "https://api.example:8443", True),
        ("https://api.example:8443", "https://api.example", False),
        ("https://api.example:80", "https://api.example", False),
        ("https://api.example", "http://api.example", False),
    ],
)
def test_the_site_is_where_people_reach_it(base_url: str, origin: str, allowed: bool) -> None:
    """The origin of the base URL as browsers write it: no path, no usual port, small letters."""
    event = {"httpMethod": "GET", "multiValueHeaders": {"Origin": [origin]}}
    settings = settings_module.read({})
    if allowed:
        assert from_page(settings, base_url, event)[0]["access-control-allow-origin"] == origin
        return
    with pytest.raises(Forbidden):
        from_page(settings, base_url, event)


def test_the_page_of_the_link_is_of_the_site(front: RunningGateway) -> None:
    """What its script sends comes from the site's own origin, which is listed without being named."""
    session = new_owner(front).session
    headers = {"Origin": front.url, "Authorization": f"Bearer {session}"}
    assert front.request("DELETE", "/console/sessions", headers=headers).status == 200

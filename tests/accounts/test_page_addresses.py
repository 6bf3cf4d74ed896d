"""The addresses of pages at the API, as links and scripts of the model gateway have them: they lead to the site."""

import secrets
from collections.abc import Iterator

import pytest

from tests.stand import Answer, RunningGateway, StartGateway, gateways

JSON = {"Accept": "application/json"}
SITE = "https://pages.example"


@pytest.fixture(scope="module")
def elsewhere(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway whose site is at another address, as on AWS."""
    with gateways(dynamodb_url, tmp_path_factory.mktemp("elsewhere")) as start:
        yield start(SITE_URL=f"{SITE}/")


def led(answer: Answer) -> str:
    """Where an answer sends a browser, which keeps nothing of it and says nowhere where it came from."""
    assert (answer.status, answer.body) == (303, b"")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    return answer.headers["location"]


def test_the_pages_are_at_the_site(gateway: RunningGateway, elsewhere: RunningGateway) -> None:
    """On one machine at the gateway's own address, else at SITE_URL; for HEAD too."""
    for path, page in {"/register": "register.html", "/dashboard": "dashboard.html"}.items():
        assert led(gateway.visit(path)) == f"{gateway.url}/{page}"
        assert led(gateway.visit(path, method="HEAD")) == f"{gateway.url}/{page}"
        assert led(elsewhere.visit(path)) == f"{SITE}/{page}"


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json", "text/plain", ""])
def test_whoever_does_not_ask_for_json_is_led_to_the_form(gateway: RunningGateway, accept: str) -> None:
    """A browser, curl, or a link checker."""
    assert led(gateway.visit("/register", headers={"Accept": accept})) == f"{gateway.url}/register.html"


def test_a_page_reads_what_an_account_begins_with(gateway: RunningGateway) -> None:
    """GET /register as JSON, from any origin: so the form can say it."""
    answer = gateway.request("GET", "/register", headers=JSON | {"Origin": SITE})
    assert answer.json() == {"trial": {"credits": 100_000, "days": 7}}
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_good_key_goes_on_behind_the_hash(elsewhere: RunningGateway) -> None:
    """Of `/dashboard?key=…`: in the fragment and nowhere else, so that the site's server never sees it."""
    key = elsewhere.key()
    assert led(elsewhere.visit(f"/dashboard?key={key}")) == f"{SITE}/dashboard.html#key={key}"


def test_a_key_that_is_none_leads_to_the_form(gateway: RunningGateway) -> None:
    """Unknown, replaced, of another kind, empty, or not even text: it is not handed on."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    replaced, known = gateway.register(email), gateway.register(email)
    assert led(gateway.visit(f"/dashboard?key={known}")).endswith(f"#key={known}")
    for key in ("sk-" + "x" * 43, replaced, "pk-" + "x" * 43, "", "%00%0d%0aX:y", "%C3%A9" * 300):
        assert led(gateway.visit(f"/dashboard?key={key}")) == f"{gateway.url}/register.html", key


def test_a_browser_is_told_in_words(gateway: RunningGateway) -> None:
    """What goes wrong with a link is a page with the right status; a script gets the same as JSON."""
    links = {
        "/checkout?pack=starter": (401, "This link’s key is not valid"),
        "/checkout?pack=starter&key=sk-none": (401, "This link’s key is not valid"),
        f"/checkout?pack=%3Cb%3E&key={gateway.key()}": (400, "This link is not right"),
        "/dashboard?key=a&key=b": (400, "key stands twice"),
        "/dashboard?%3Cscript%3E=1": (400, "&lt;script&gt;"),
    }
    for link, (status, says) in links.items():
        shown = gateway.visit(link)
        assert shown.status == status, link
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert shown.headers["x-request-id"]
        assert says in shown.body.decode()
        assert "<script" not in shown.body.decode()
        assert gateway.visit(link, headers=JSON).error["type"] == "invalid_request_error"


def test_case_33_tried_keys_are_counted_and_told_to_no_log(start_gateway: StartGateway) -> None:
    """So many a minute for one address, then 429; the query is in no line of the log."""
    gateway = start_gateway(INFERENCE_IP_RATE_LIMIT="3", LOG_LEVEL="DEBUG")
    keys = ["sk-canary-" + secrets.token_urlsafe(24) for _ in range(4)]
    statuses = [gateway.visit(f"/dashboard?key={key}").status for key in keys]
    assert (statuses[0], statuses[-1]) == (303, 429)
    assert not any(key in gateway.log.read_text() for key in keys)

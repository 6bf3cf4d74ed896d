"""Below a stage's path, as at the address that API Gateway gives (`https://….amazonaws.com/staging/…`)."""

import dataclasses
import json
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import openai
import pytest

from tests.entries.keys import as_admin, by_stripe, refused
from tests.forward.stage import CHAT, HELLO, new_key
from tests.stand import Answer, RunningGateway, StartGateway, text_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def outside(gateway: RunningGateway, path: str) -> Answer:
    """The answer to a GET of a path of the host, not of the stage."""
    host = dataclasses.replace(gateway.unjudged(), url=gateway.url.removesuffix("/staging"))
    return host.request("GET", path)


class Page(HTMLParser):
    """The addresses that a page leads to, as a browser at `url` understands them."""

    def __init__(self, url: str, answer: Answer) -> None:
        super().__init__()
        self.url, self.leads_to = url, set[str]()
        self.feed(answer.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.leads_to.add(urljoin(self.url, found.get("action") or self.url))
        self.leads_to |= {urljoin(self.url, found[name] or "") for name in ("href", "src") if name in found}


def test_every_kind_of_route_answers(staged: RunningGateway) -> None:
    """Users, operators, providers, preflights, and the paths that are none."""
    key = new_key(staged)
    assert staged.request("GET", "/health").json() == {"status": "ok"}
    assert staged.request("GET", "/account", key=key).status == 200
    assert staged.request("GET", "/v1/models", key=key).status == 200
    assert staged.request("OPTIONS", CHAT, headers={"Origin": "null"}).headers["access-control-allow-origin"] == "*"
    assert refused(staged.request("GET", "/v1/none")) == (404, "not_found")
    assert staged.request("GET", CHAT).headers["allow"] == "OPTIONS, POST"
    assert staged.request("GET", "/admin/status", headers=as_admin()).status == 200
    assert refused(staged.request("GET", "/admin/status")) == (403, "forbidden")
    assert by_stripe(staged, b'{"id": "evt_1", "type": "customer.created"}').status == 200


def test_the_official_sdk_works_with_the_stage_in_its_address(staged: RunningGateway) -> None:
    """`base_url="https://…/staging/v1"`, in one piece and streamed."""
    with openai.OpenAI(base_url=f"{staged.url}/v1", api_key=new_key(staged), max_retries=0) as client:
        answer = client.chat.completions.create(model="default", messages=HELLO)  # type: ignore[arg-type]
        assert answer.choices[0].message.content
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="default", input="x")
    events = staged.request("POST", CHAT, {"messages": HELLO, "stream": True}, key=new_key(staged))
    assert events.body.startswith(b"data: ")
    assert events.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("path", ["/register", "/register/"])
def test_pages_and_mails_lead_back_below_the_stage(staged: RunningGateway, path: str) -> None:
    """To the site's pages, which find each other and the API there; and what the mail says to call works."""
    page = staged.visit(path).headers["location"]
    assert page == f"{staged.url}/register.html"
    others = Page(page, staged.visit("/register.html")).leads_to
    assert {f"{staged.url}/site.css", f"{staged.url}/dashboard.html"} <= others
    assert all(other.startswith((f"{staged.url}/", "data:")) for other in others)
    assert staged.request("GET", "/config.json").json() == {"api": staged.url}
    body = urlencode({"email": f"stage{len(path)}@farebox.test"})
    before = set(staged.outbox.glob("*.eml"))
    assert staged.request("POST", path, body, headers=FORM).status == 200
    (mail,) = set(staged.outbox.glob("*.eml")) - before
    assert f"{staged.url}/v1/chat/completions" in text_of(mail)
    assert f"{staged.url}/dashboard" in text_of(mail)


def test_no_mail_names_an_address_that_a_client_wrote(starts: StartGateway) -> None:
    """On one machine the domain of an event is the Host header: with an empty BASE_URL, too, mails have the default."""
    gateway = starts("staging", BASE_URL="")
    before = set(gateway.outbox.glob("*.eml"))
    asked = {"email": "asked@farebox.test"}
    assert gateway.request("POST", "/register", asked, headers={"Host": "evil.test"}).status == 200
    (mail,) = set(gateway.outbox.glob("*.eml")) - before
    assert "http://127.0.0.1:8503/v1/chat/completions" in text_of(mail)
    assert "evil.test" not in text_of(mail)


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/stagingx/health", "/Staging/health", "/", "/staging"])
def test_there_is_nothing_beside_the_stage(staged: RunningGateway, path: str) -> None:
    """One address leads to a route, not two."""
    answer = outside(staged, path)
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "not_found"


def test_a_path_that_doubles_the_stage_is_none(staged: RunningGateway) -> None:
    """The stage is taken away once."""
    assert staged.request("GET", "/staging/health").status == 404

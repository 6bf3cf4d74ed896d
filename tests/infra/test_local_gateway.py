"""The server that plays API Gateway: routes, events, answers, its own errors, static files."""

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chalice.app import Chalice, Response

from functions.forward.endpoints import ENDPOINTS
from infra.local.functions import owners, routed
from infra.local.server import gateway
from infra.local.static_site import StaticSite
from infra.site import policy
from infra.site.files import files

BODY_BYTES_MAX = 1000
NO_SITE = StaticSite({})


def chalice_app() -> Chalice:
    app = Chalice(app_name="stand-in")

    @app.route("/echo/{name}", methods=["GET", "POST"], content_types=["text/plain", "image/png"])
    def echo(name: str) -> dict[str, Any]:
        assert app.current_request is not None
        return {"name": name, "event": app.current_request.to_original_event()}

    @app.route("/two-cookies")
    def two_cookies() -> Response:
        return Response("", headers={"Set-Cookie": ["a=1", "b=2"]}, status_code=303)

    @app.route("/slow")
    def slow() -> dict[str, float]:
        started_s = time.monotonic()
        time.sleep(0.05)
        return {"from": started_s, "to": time.monotonic()}

    return app


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"streamed"})


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page.html").write_text("<p>page")
    (tmp_path / "site" / "404.html").write_text("<p>nothing")
    (tmp_path / "site" / "out.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "secret.txt").write_text("secret")
    site = StaticSite(files(tmp_path / "site"), "http://api.test")
    app = gateway(streaming, [routed(chalice_app())], site, BODY_BYTES_MAX)
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_an_event_holds_the_request(client: httpx.AsyncClient) -> None:
    """Path, query, repeated headers, body and the socket's address are in the event where API Gateway puts them."""
    headers = [("X-Many", "1"), ("X-Many", "2"), ("X-Forwarded-For", "9.9.9.9"), ("Content-Type", "text/plain")]
    answer = await client.post("/echo/a%40b?q=1&q=%20two&empty=", headers=headers, content="grüße")
    event = answer.json()["event"]
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/echo/{name}", "/echo/a%40b", "POST")
    assert event["pathParameters"] == {"name": "a%40b"}
    assert event["queryStringParameters"] == {"q": " two", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", " two"], "empty": [""]}
    assert event["headers"]["x-many"] == "2"
    assert event["multiValueHeaders"]["x-many"] == ["1", "2"]
    assert (event["body"], event["isBase64Encoded"]) == ("grüße", False)
    context = event["requestContext"]
    assert (context["resourcePath"], context["httpMethod"]) == ("/echo/{name}", "POST")
    assert context["identity"]["sourceIp"] == "192.0.2.7"
    assert context["requestId"]


@pytest.mark.parametrize(("kind", "body"), [("image/png", b"plain"), ("text/plain", b"\xff\x00")])
async def test_bytes_come_in_base64(client: httpx.AsyncClient, kind: str, body: bytes) -> None:
    """A body of a binary type, or that is no text, arrives whole, in base 64."""
    event = (await client.post("/echo/x", headers={"content-type": kind}, content=body)).json()["event"]
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body


async def test_every_header_of_an_answer_goes_out(client: httpx.AsyncClient) -> None:
    """Two cookies stay two headers."""
    answer = await client.get("/two-cookies")
    assert answer.status_code == 303
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_chalice_answers_one_at_a_time(client: httpx.AsyncClient) -> None:
    """Requests that come together do not overlap in the Chalice app, which keeps the current one on itself."""
    answers = await asyncio.gather(*(client.get("/slow") for _ in range(4)))
    spans = sorted((answer.json()["from"], answer.json()["to"]) for answer in answers)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


async def test_streaming_endpoints_pass_by(client: httpx.AsyncClient) -> None:
    """POST to what is forwarded to a model goes to the streaming app, nothing else does."""
    for path in ENDPOINTS:
        assert (await client.post(path)).content == b"streamed"
        assert (await client.get(path)).status_code == 404
    assert {"/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/moderations"} <= set(ENDPOINTS)
    assert (await client.get("/v1/chat/completions")).status_code == 404
    assert (await client.post("/v1/models")).status_code == 404


async def test_the_console_answers_all_below_its_path(tmp_path: Path) -> None:
    """Every method of /console and below is the console function's, preflights too; it tells its routes apart."""
    app = Console(app_name="console")

    @app.route("/console/{proxy+}", methods=["PUT", "OPTIONS"])
    def below() -> Any:
        assert app.current_request is not None
        return app.current_request.to_original_event()["pathParameters"]

    @app.route("/console")
    def itself() -> dict[str, str]:
        return {}

    transport = httpx.ASGITransport(gateway(streaming, [owners(app)], NO_SITE, BODY_BYTES_MAX))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        for method in ("PUT", "OPTIONS"):
            answer = await client.request(method, "/console/projects/p1/keys")
            assert answer.json() == {"proxy": "projects/p1/keys"}
        assert (await client.get("/console")).status_code == 200
        assert (await client.delete("/console/projects")).status_code == 405, "it is the function that refuses"
        assert (await client.get("/consoles")).status_code == 404


class Console(Chalice):
    """Stands for the console function, which says itself what pages may read."""

    readable_by_pages = False


async def test_a_body_too_large_is_413_without_reading_on(client: httpx.AsyncClient) -> None:
    """An announced length over the limit is refused unread; without one, reading ends at the limit."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(10_000):
            taken += 100
            yield b"x" * 100

    chunked = await client.post("/echo/x", content=endless())
    announced = await client.post("/echo/x", content=b"", headers={"content-length": str(BODY_BYTES_MAX + 1)})
    for answer in (chunked, announced):
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert answer.headers["x-request-id"]
        assert answer.headers["connection"] == "close"
    assert taken <= BODY_BYTES_MAX + 200


async def test_an_exception_tells_the_caller_nothing() -> None:
    """A function that raises is 502 in OpenAI's shape, without the exception's words."""

    class Broken(Chalice):
        def __call__(self, event: Any, context: Any) -> Any:
            raise RuntimeError("the secret")

    app = Broken(app_name="broken")
    app.route("/x")(dict)
    transport = httpx.ASGITransport(gateway(streaming, [routed(app)], NO_SITE, BODY_BYTES_MAX))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/x")
    assert answer.status_code == 502
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert "secret" not in answer.text


async def test_the_site_learns_where_the_api_is(client: httpx.AsyncClient) -> None:
    """`config.json` is made here as a deployment makes it."""
    assert (await client.get("/config.json")).json() == {"api": "http://api.test"}
    assert (await client.post("/config.json")).status_code == 404


async def test_static_files_stay_inside_their_folder(client: httpx.AsyncClient) -> None:
    """A file of the site is served; what is not there, or outside, is 404."""
    page = await client.get("/page.html")
    assert (page.text, page.headers["content-type"]) == ("<p>page", "text/html; charset=utf-8")
    assert (await client.post("/page.html")).status_code == 404
    for path in ("/none.html", "/", "/%2e%2e/secret.txt", "/..%2Fsecret.txt", "/out.txt", "/%00"):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert json.loads(answer.text)["error"]["code"] == "not_found"


async def test_a_page_that_is_not_there_is_a_page(client: httpx.AsyncClient) -> None:
    """Who asks for a page gets one, as CloudFront gives it; a route of the API stays what it is."""
    answer = await client.get("/none", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.text) == (404, "<p>nothing")
    assert (await client.get("/two-cookies", headers={"accept": "text/html"})).status_code == 303


async def test_pages_have_the_headers_of_a_deployment(client: httpx.AsyncClient) -> None:
    """One source says what a page may do, here and at CloudFront: its own scripts, and this API."""
    told = (await client.get("/page.html")).headers
    assert policy.headers(["http://api.test"]).items() <= dict(told).items()
    rules = dict(rule.split(" ", 1) for rule in told["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self' http://api.test"

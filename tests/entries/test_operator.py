"""The operator: an allowed network and the admin key, checked before the function and in it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from functions import admin, authorizer
from functions import settings as settings_module
from functions.authenticate.admin import is_signed
from functions.settings import Settings, read
from infra.local.authorizing import API
from infra.local.functions import Function, operators, routed
from infra.local.server import gateway
from infra.local.static_site import StaticSite
from tests.entries.keys import ADMIN_KEY, as_admin, refused
from tests.forward.raw_client import raw_client
from tests.forward.stage import new_key
from tests.stand import RunningGateway, StartGateway

STATUS = "/admin/status"
NETWORKS = "10.0.0.0/8,fd00:1::/32,127.0.0.1/32"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives this process's entries settings."""

    def give(**more: str | None) -> None:
        variables = {"ADMIN_KEY": ADMIN_KEY, "ADMIN_ALLOWED_CIDRS": NETWORKS} | more
        settings = read({name: value for name, value in variables.items() if value is not None})

        class Given:
            def __init__(self) -> None:
                self.settings = settings

            def renew(self) -> Settings:
                return settings

        monkeypatch.setattr(settings_module, "source", Given)

    give()
    return give


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("not for this app")


FUNCTIONS: dict[str, Callable[[], Function]] = {
    "the authorizer alone": lambda: dataclasses.replace(operators(admin.app, authorizer.handler), app=_open()),
    "the function alone": lambda: routed(admin.app),
    "both": lambda: operators(admin.app, authorizer.handler),
}


def _open() -> Any:
    """What answers to anybody who gets so far."""

    class Open:
        api = admin.app.api

        def __call__(self, event: Any, context: Any) -> dict[str, Any]:
            return {"statusCode": 404, "body": "{}"}

    return Open()


@pytest.fixture(params=FUNCTIONS)
def ask(request: pytest.FixtureRequest, given: Any) -> Callable[..., Any]:
    """Asks for what no route takes: 404 for the operator, 403 for anybody else."""
    app = gateway(streaming, [FUNCTIONS[request.param]()], StaticSite({}), 1000)

    async def asked(peer: str, headers: Any = None, path: str = "/admin/none") -> int:
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return (await client.get(path, headers=as_admin() if headers is None else headers)).status_code

    return asked


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("10.1.2.3", 404),
        ("127.0.0.1", 404),
        ("11.0.0.1", 403),
        ("127.0.0.2", 403),
        ("fd00:1::7", 404),
        ("fd00:2::7", 403),
        ("::ffff:10.1.2.3", 404),
        ("::ffff:11.1.2.3", 403),
        ("::10.1.2.3", 403),
        ("64:ff9b::10.1.2.3", 403),
        ("2002:a01:203::1", 403),
        ("::1", 403),
        ("0.0.0.0", 403),
        ("10.1.2.3:80", 403),
        ("010.1.2.3", 403),
        ("167838211", 403),
        ("unknown", 403),
        ("", 403),
    ],
)
async def test_only_an_allowed_network_is_inside(ask: Any, peer: str, expected: int) -> None:
    """With the right key; an IPv4 address written as IPv6 is itself, and no other embedding is believed."""
    assert await ask(peer) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": ADMIN_KEY},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": "Bearer "},
        as_admin(ADMIN_KEY.upper()),
        as_admin(ADMIN_KEY.lower()),
        as_admin(ADMIN_KEY[:-1]),
        as_admin(ADMIN_KEY + "x"),
        as_admin(f"{ADMIN_KEY}, Bearer {ADMIN_KEY}"),
        as_admin("sk-" + "A" * 43),
        {"X-Admin-Key": ADMIN_KEY},
        {"X-Api-Key": ADMIN_KEY},
        {"Cookie": f"key={ADMIN_KEY}"},
        [("Authorization", f"Bearer {ADMIN_KEY}"), ("Authorization", f"Bearer {ADMIN_KEY}")],
        [("authorization", "Bearer wrong"), ("AUTHORIZATION", f"Bearer {ADMIN_KEY}")],
    ],
    ids=str,
)
async def test_only_the_admin_key_opens(ask: Any, headers: Any) -> None:
    """In the Authorization header, once, in its own case; in no other header, and not from the address."""
    assert await ask("10.1.2.3", headers) == 403
    assert await ask("10.1.2.3", headers, f"/admin/none?key={ADMIN_KEY}") == 403


async def test_without_networks_nobody_is_inside(ask: Any, given: Any) -> None:
    """As on AWS until they are set."""
    given(ADMIN_ALLOWED_CIDRS="")
    for peer in ("10.1.2.3", "127.0.0.1", "::1"):
        assert await ask(peer) == 403


async def test_without_a_key_nobody_is_the_operator(ask: Any, given: Any) -> None:
    """An ADMIN_KEY that is not set matches nothing, and above all not nothing."""
    given(ADMIN_KEY=None)
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}, as_admin("None"), as_admin()):
        assert await ask("10.1.2.3", headers) == 403


@pytest.mark.parametrize(
    ("hops", "peer", "forwarded", "expected"),
    [
        ("0", "8.8.8.8", "10.1.2.3", 403),
        ("0", "10.1.2.3", "8.8.8.8", 404),
        ("1", "127.0.0.1", "10.1.2.3", 404),
        ("1", "127.0.0.1", "8.8.8.8", 403),
        ("1", "127.0.0.1", "10.1.2.3, 8.8.8.8", 403),
        ("1", "127.0.0.1", "8.8.8.8, ::ffff:10.1.2.3", 404),
        ("2", "127.0.0.1", "10.1.2.3, 8.8.8.8, 9.9.9.9", 403),
        ("1", "127.0.0.1", "10.1.2.3 , evil", 403),
    ],
)
async def test_an_address_written_by_the_client_is_not_believed(
    ask: Any, given: Any, hops: str, peer: str, forwarded: str, expected: int
) -> None:
    """X-Forwarded-For counts from its end, for as many proxies of one's own as there are: none by default."""
    given(TRUSTED_HOPS=hops)
    assert await ask(peer, as_admin() | {"X-Forwarded-For": forwarded}) == expected


def event(path: str, **more: Any) -> dict[str, Any]:
    """What API Gateway asks an authorizer."""
    headers = {"Authorization": [f"Bearer {ADMIN_KEY}"]}
    context = {"identity": {"sourceIp": "10.1.2.3"}}
    asked = {"type": "REQUEST", "methodArn": f"{API}/prod/GET{path}", "requestContext": context}
    return asked | {"multiValueHeaders": headers} | more


def test_a_policy_allows_one_method_of_one_path(given: Any) -> None:
    """Should it be remembered against the docs, it opens nothing else; it names no key and no address."""
    policy = authorizer.handler(event("/admin/users"), None)
    (statement,) = policy["policyDocument"]["Statement"]
    arn = f"{API}/prod/GET/admin/users"
    assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": arn}
    assert set(policy) == {"principalId", "policyDocument"}
    assert ADMIN_KEY not in str(policy)
    assert "10.1.2.3" not in str(policy)


@pytest.mark.parametrize("path", ["/admin/*", "/admin/?", "/admin/${aws:username}", "/*"])
def test_a_path_with_a_wildcard_is_never_allowed(given: Any, path: str) -> None:
    """The path stands in the policy's resource, where IAM would read it as more than itself."""
    (statement,) = authorizer.handler(event(path), None)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"


WITHOUT_KEY: dict[str, Any] = {"multiValueHeaders": {"Origin": ["https://pages.example"]}}
MAY_BRING_IT = {("GET", "/admin"), ("HEAD", "/admin")}
MAY_BRING_IT |= {("POST", f"/admin/{change}") for change in ("adjust", "grant", "delete", "block", "unblock")}


def effect(method: str, path: str, **more: Any) -> str:
    """What the authorizer's policy says, and that it says so of this one method of this one path."""
    arn = f"{API}/prod/{method}{path}"
    (statement,) = authorizer.handler(event(path, methodArn=arn, **more), None)["policyDocument"]["Statement"]
    assert statement["Resource"] == arn
    told: str = statement["Effect"]
    return told


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_case_31_without_a_header_only_what_may_bring_its_key_goes_on(given: Any, method: str) -> None:
    """From an allowed network, for the page and five changes; the function judges their key, which nobody sees here."""
    paths = {path for _, path in MAY_BRING_IT} | {"/admin/users", "/admin/status", "/admin/users/1", "/admin/none"}
    paths |= {"/admin/", "/admin/adjust/", "/admin/Adjust", "/admin/%61djust", "/x/admin/adjust", "/admin//adjust", "/"}
    for path in paths:
        expected = "Allow" if (method, path) in MAY_BRING_IT else "Deny"
        assert effect(method, path, **WITHOUT_KEY) == expected, path
        assert effect(method, path, **WITHOUT_KEY, requestContext={"identity": {"sourceIp": "8.8.8.8"}}) == "Deny"
        assert effect(method, path) == "Allow"


@pytest.mark.parametrize("wrong", ["", "Bearer wrong", f"Basic {ADMIN_KEY}", "Bearer ", "AWS4-HMAC-SHA256 x"])
def test_case_31_a_wrong_header_is_denied_everywhere(given: Any, wrong: str) -> None:
    """A key that could come elsewhere does not make up for it."""
    for method, path in MAY_BRING_IT:
        headers = {"authorization": [wrong]}
        query = {"key": [ADMIN_KEY]}
        assert effect(method, path, multiValueHeaders=headers, multiValueQueryStringParameters=query) == "Deny"


@pytest.mark.parametrize("end", ["", "/prod", "/prod/POST", "/prod/POST/", "//POST/x"])
def test_an_arn_that_names_no_path_is_denied(given: Any, end: str) -> None:
    """Without the key in the header, for nothing says then what would be let through."""
    asked = event("/admin/adjust", methodArn=API + end, **WITHOUT_KEY)
    (statement,) = authorizer.handler(asked, None)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_case_31_a_key_in_the_body_is_for_the_function_to_judge(given: Any, function: str) -> None:
    """From outside it never counts; inside it opens five changes, and a wrong one nothing. Each layer by itself."""
    given(DYNAMODB_ENDPOINT_URL="http://127.0.0.1:9", LEDGER_TIMEOUT_S="1")
    app = gateway(streaming, [FUNCTIONS[function]()], StaticSite({}), 1000)

    async def status(peer: str, path: str, key: str, **headers: str) -> int:
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return (await client.post(path, data={"key": key}, headers=headers)).status_code

    for path in ("/admin/adjust", "/admin/grant", "/admin/delete", "/admin/block", "/admin/unblock"):
        assert await status("11.0.0.1", path, ADMIN_KEY) == 403
        assert await status("11.0.0.1", path, ADMIN_KEY, **as_admin()) == 403
        assert await status("10.1.2.3", path, ADMIN_KEY, Authorization="Bearer wrong") == 403
        inside = [await status("10.1.2.3", path, key) for key in (ADMIN_KEY, "wrong")]
        assert inside == ([404, 404] if function == "the authorizer alone" else [400, 403])
    assert await status("10.1.2.3", "/admin/none", ADMIN_KEY) == 403


async def test_a_browser_that_has_no_page_to_go_to_changes_nothing(given: Any) -> None:
    """On AWS without SITE_URL: 503 that says so, before the ledger is asked for anything."""
    given(AWS_LAMBDA_FUNCTION_NAME="farebox-prod-admin", DYNAMODB_ENDPOINT_URL="http://127.0.0.1:9")
    app = gateway(streaming, [FUNCTIONS["the function alone"]()], StaticSite({}), 1000)
    transport = httpx.ASGITransport(app, client=("10.1.2.3", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        fields = {"key": ADMIN_KEY, "email": "ada@farebox.test", "delta": "5"}
        answers = [
            await client.post("/admin/adjust", data=fields, headers={"Accept": "text/html"}),
            await client.get("/admin", params={"key": ADMIN_KEY}),
            await client.get("/admin"),
        ]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(503, "not_configured")] * 3


@pytest.mark.parametrize(
    "more",
    [
        {"multiValueHeaders": None},
        {"multiValueHeaders": {}},
        {"requestContext": {}},
        {"requestContext": {"identity": {"sourceIp": None}}},
        {"multiValueHeaders": {"authorization": [], "Authorization": [f"Bearer {ADMIN_KEY}x"]}},
        {"multiValueHeaders": {"authorization": [f"Bearer {ADMIN_KEY}"], "Authorization": [f"Bearer {ADMIN_KEY}"]}},
    ],
    ids=str,
)
def test_an_event_that_lacks_something_is_denied(given: Any, more: Any) -> None:
    """No key, no address, two keys in two cases."""
    (statement,) = authorizer.handler(event("/admin/users", **more), None)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"


@pytest.mark.parametrize(
    ("where", "peer", "arn", "account", "expected"),
    [
        ("farebox-prod-admin", "10.1.2.3", "arn:aws:iam::1:user/ada", "1", True),
        ("farebox-prod-admin", "11.1.2.3", "arn:aws:iam::1:user/ada", "1", False),
        ("farebox-prod-admin", "10.1.2.3", None, "1", False),
        ("farebox-prod-admin", "10.1.2.3", "arn:aws:iam::2:user/eve", "2", False),
        ("farebox-prod-admin", "10.1.2.3", "arn:aws:iam::1:user/ada", None, False),
        (None, "10.1.2.3", "arn:aws:iam::1:user/ada", "1", False),
    ],
)
def test_iam_is_believed_where_api_gateway_checked_it(
    given: Any, where: str | None, peer: str, arn: str | None, account: str | None, expected: bool
) -> None:
    """On AWS, of the API's own account, from an allowed network; it is no way around the authorizer's key."""
    given(AWS_LAMBDA_FUNCTION_NAME=where)
    context = {"accountId": "1", "identity": {"sourceIp": peer, "userArn": arn, "accountId": account}}
    signed = event("/admin/users", multiValueHeaders={"Authorization": ["AWS4-HMAC-SHA256 …"]}, requestContext=context)
    assert is_signed(settings_module.source().renew(), signed) == expected
    nameless = {"identity": {"sourceIp": peer, "userArn": arn, "accountId": None}}
    assert not is_signed(settings_module.source().renew(), signed | {"requestContext": nameless})
    (statement,) = authorizer.handler(signed, None)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"


def test_the_status_names_what_runs_and_never_a_value(front: RunningGateway) -> None:
    """Over HTTP: the version, the tables that answer, the settings that were given; no secret, for no cache."""
    answer = front.request("GET", STATUS, headers=as_admin())
    told = answer.json()
    assert answer.status == 200
    assert set(told) == {"version", "stage", "tables", "configured"}
    assert set(told["tables"]) >= {"accounts", "credentials", "receipts", "journal", "days"}
    assert set(told["tables"].values()) == {"reachable"}
    assert {"ADMIN_KEY", "HASH_SECRET", "STRIPE_WEBHOOK_SECRET", "LLAMA_BASE_URL"} <= set(told["configured"])
    assert not {"NOTICES_SECRET", "LLAMA_API_KEY"} & set(told["configured"])
    for value in (ADMIN_KEY, front.settings.hash_secret, front.settings.stripe_webhook_secret):
        assert value.encode() not in answer.body
    assert answer.headers["cache-control"] == "no-store"


def test_the_status_says_which_table_does_not_answer(starts: StartGateway) -> None:
    """Soon, and without asking the others: 200 with what is known."""
    gateway = starts(DYNAMODB_ENDPOINT_URL="http://127.0.0.1:9", LEDGER_TIMEOUT_S="1")
    answer = gateway.request("GET", STATUS, headers=as_admin())
    assert (answer.status, answer.json()["tables"]) == (200, {"accounts": "unreachable"})


@pytest.mark.parametrize("path", ["/admin/x/", "/admin/none", "/admin/status/x", "/admin/users/1"])
def test_what_the_operator_asks_for_in_vain_is_404(front: RunningGateway, path: str) -> None:
    """In our shape for the operator; for anybody else it is 403, as everything below /admin is."""
    assert refused(front.request("GET", path, headers=as_admin())) == (404, "not_found")
    for key in ("", new_key(front), ADMIN_KEY.upper()):
        assert refused(front.request("GET", path, key=key)) == (403, "forbidden")


def test_all_who_are_not_the_operator_get_one_answer(front: RunningGateway, starts: StartGateway) -> None:
    """Outside with the right key, inside with a wrong one, with none: nobody learns which of the two was wrong."""
    outside = starts(ADMIN_ALLOWED_CIDRS="10.0.0.0/8")
    answers = [
        outside.request("GET", STATUS, headers=as_admin()),
        outside.request("GET", STATUS, headers=as_admin() | {"X-Forwarded-For": "10.1.2.3"}),
        outside.request("GET", STATUS),
        front.request("GET", STATUS),
        front.request("GET", STATUS, key="wrong"),
        front.request("POST", "/admin/none", {}, key="wrong"),
        front.request("GET", f"{STATUS}?key={ADMIN_KEY}"),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(403, answers[0].body)}


def test_the_admin_key_is_no_user_key(front: RunningGateway) -> None:
    """It opens no account and pays for nothing."""
    assert front.request("GET", "/account", headers=as_admin()).status == 401


def test_two_admin_keys_are_none_over_the_wire(front: RunningGateway) -> None:
    """Two Authorization headers, in two cases, both right: refused."""
    lines = [f"GET {STATUS} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"Authorization: Bearer {ADMIN_KEY}", f"AUTHORIZATION: Bearer {ADMIN_KEY}", "", ""]
    with raw_client(front.url) as client:
        client.send("\r\n".join(lines).encode())
        assert client.rest().startswith(b"HTTP/1.1 403")

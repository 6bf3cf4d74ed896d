"""Who a user is: an address, a token of an issuer, a test token, a key; and that none is taken for another."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.ledger import abuse, grants, projects, tables
from tests.issuer import LocalIssuer
from tests.projects.shop import AUDIENCE, CHAT, HELLO, SIGNUP, Project, Shop
from tests.stand import wait_until

NOBODY = {
    "issuers": [{"issuer": "https://nobody.example", "audience": ["x"], "jwks_url": "https://nobody.example/jwks"}]
}


def test_without_a_token_a_user_is_an_address(shop: Shop) -> None:
    """One account for all requests of an address, with the sign-up credits once."""
    app = shop.managed(auth={"no_auth": {"rules": SIGNUP}})
    assert {app.chat().status, app.chat(other=True).status} == {200}
    account = app.account()
    assert (account["balance"]["spent"], account["balance"]["available"], account["email"]) == (14, 986, None)
    assert [receipt["method"] for receipt in account["receipts"]] == ["no_auth", "no_auth"]


def test_each_user_of_an_issuer_has_an_account_with_its_gain_once(shop: Shop) -> None:
    """Twenty first requests of one user at once, at two processes: one account, one gain."""
    short = {CHAT: {"template": {"model": "small", "max_tokens": 5}}}
    rich = SIGNUP | {"credits": {"signup": 100_000}}
    app = shop.managed(auth={"jwt": shop.jwt(**rich)}, endpoints=short)
    token = app.token("ada")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: app.chat(token=token, other=number % 2 == 0).status, range(20)))
    assert set(answers) == {200}
    balance = app.account(token)["balance"]
    assert (balance["available"], balance["spent"]) == (100_000 - 20 * 7, 20 * 7)
    assert app.account(app.token("grace"))["balance"]["available"] == 100_000


Make = Callable[[LocalIssuer], str]
SHAPES: dict[str, tuple[str, str, Make]] = {
    "firebase": ("https://securetoken.google.com/my-app", "my-app", lambda issuer: issuer.firebase("my-app")),
    "supabase": ("https://abcdefgh.supabase.co/auth/v1", "authenticated", lambda issuer: issuer.supabase("abcdefgh")),
    "auth0": ("https://x.eu.auth0.com/", "client-id", lambda issuer: issuer.auth0("x.eu.auth0.com", "client-id")),
}


@pytest.mark.parametrize("vendor", SHAPES)
@pytest.mark.parametrize("header", ["X-PromptProxy-Key", "X-User-Token"])
def test_tokens_in_each_vendors_shape_are_accepted(shop: Shop, vendor: str, header: str) -> None:
    """Signed by the local issuer as Firebase, Supabase and Auth0 sign, in either header."""
    issuer, audience, token = SHAPES[vendor]
    trusted = {"issuer": issuer, "audience": [audience], "jwks_url": f"{shop.issuer.url}/jwks"}
    app = shop.managed(auth={"jwt": {"issuers": [trusted]}})
    sent = {header: token(shop.issuer)}
    answer = shop.gateway.request("POST", CHAT, {"messages": HELLO}, key=app.key, headers=sent)
    assert answer.status == 200, answer.body


def test_a_token_that_is_not_valid_never_becomes_no_token(shop: Shop) -> None:
    """401 for whatever is wrong with it, though the project lets people in without one."""
    app = shop.managed(auth={"no_auth": {}, "jwt": shop.jwt()})
    assert app.chat().status == 200
    past = int(time.time()) - 10
    good = app.token()
    for token in ("nonsense", good[:-8] + "AAAAAAAA", app.token(exp=past), app.token(aud="other"), "sk-" + "a" * 43):
        assert app.chat(token=token).status == 401
    assert len(shop.first.calls) == 1


def test_a_project_without_a_way_to_be_known_by_it_refuses_a_token(shop: Shop) -> None:
    """No jwt method: a token is 401; no no_auth: nothing is 401."""
    assert shop.managed().chat(token=shop.issuer.token(aud=AUDIENCE)).status == 401
    assert shop.managed(auth={"jwt": shop.jwt()}).chat().status == 401


def test_two_headers_that_differ_are_refused(shop: Shop) -> None:
    """Which one counts must never be a question: 400; the same twice is one."""
    app = shop.managed(auth={"jwt": shop.jwt()})
    one, two = app.token(), app.token()
    both = app.post({"messages": HELLO}, X_PromptProxy_Key=one, X_User_Token=two)
    assert (both.status, both.error["param"]) == (400, "x-user-token")
    assert app.post({"messages": HELLO}, X_PromptProxy_Key=one, X_User_Token=one).status == 200


def test_case_17_two_tokens_with_a_long_common_prefix_are_two_users(shop: Shop) -> None:
    """All of a token counts: the second, alike for most of its length, is no copy of the first."""
    app = shop.managed(auth={"jwt": shop.jwt(**SIGNUP)})
    long = "x" * 200
    first, second = app.token(f"{long}1"), app.token(f"{long}2")
    assert first[:250] == second[:250]
    assert app.chat(token=first).status == app.chat(token=second).status == 200
    assert app.account(first)["user_id"] != app.account(second)["user_id"]


def test_a_key_of_a_user_of_the_project(shop: Shop) -> None:
    """Beside the project's key, or alone; of another project it is nothing."""
    app, other = shop.managed(auth={"key": {"rules": SIGNUP}}), shop.managed(auth={"key": {}})
    address = grants.Address(app.project_id, "user@farebox.test")
    key = tables.drive(grants.register(shop.ledger, address, grants.NO_TRIAL))
    free = app.change(auth={"key": {}})
    assert app.chat(token=key, other=True).status == 200, free
    assert shop.other.request("POST", "/v1/chat/completions", {"messages": HELLO}, key=key).status == 200
    assert other.chat(token=key).status == 401
    refused = shop.gateway.request(
        "POST", "/v1/chat/completions", {"messages": HELLO}, key=key, headers={"X-User-Token": key}
    )
    assert (refused.status, refused.error["param"]) == (400, "x-user-token")


def test_a_test_token_is_marked_and_has_an_account_of_its_own(shop: Shop) -> None:
    """Its receipts say so; it is dead when it is revoked, and was never valid in another project."""
    app, other = shop.managed(auth={"test": {"rules": SIGNUP}}), shop.managed(auth={"test": {}})
    token = app.test_token()
    assert app.chat(token=token).status == 200
    receipt = app.receipt(token)
    assert (receipt["method"], receipt["credits"]) == ("test", 7)
    assert other.chat(token=token).status == 401
    assert app.chat(token=app.test_token(lasts_s=-1)).status == 401


def test_a_test_token_is_never_valid_in_forward_mode(shop: Shop) -> None:
    """Whatever the document says."""
    app = shop.managed(auth={"test": {}})
    token = app.test_token()
    assert app.chat(token=token).status == 200
    backend = shop.forward(auth={"no_auth": {}})
    assert backend.post({"model": "m", "messages": HELLO}, token=backend.test_token()).status == 401


def test_in_forward_mode_a_back_end_is_one_account(shop: Shop) -> None:
    """Without a user's token all requests of a back-end share one account, whatever address it has."""
    rules = {"credits": {"signup": 1000}, "prices": SIGNUP["prices"]}
    backend = shop.forward(auth={"no_auth": {"rules": rules}, "jwt": shop.jwt(**SIGNUP)})
    for token in ("", "", backend.token("ada")):
        assert backend.post({"model": "m", "messages": HELLO, "max_tokens": 9}, token=token).status == 200
    assert backend.account()["balance"]["spent"] == 14
    assert backend.account(backend.token("ada"))["balance"]["spent"] == 7


def test_case_16_an_issuer_that_is_down_lets_those_in_whom_it_let_in_before(shop: Shop) -> None:
    """Its keys survive the outage; where none was ever known, a request is 503, and nothing was forwarded."""
    known, unknown = shop.managed(auth={"jwt": shop.jwt()}), shop.managed(auth={"jwt": NOBODY})
    assert known.chat(token=known.token()).status == 200
    shop.issuer.mode = "down"
    assert known.chat(token=known.token()).status == 200
    nobody = shop.issuer.sign({**shop.issuer.claims(iss="https://nobody.example", aud="x", sub="u")})
    answer = unknown.chat(token=nobody)
    assert (answer.status, answer.headers["retry-after"] != "") == (503, True)


def test_case_18_every_wrong_key_hears_the_same(shop: Shop) -> None:
    """Unknown, malformed, of a closed kind: one body, and a stored hash is no key."""
    stored = next(iter(shop.managed().stored.keys))
    answers = [
        shop.gateway.request("POST", "/v1/chat/completions", {"messages": HELLO}, key=key)
        for key in ("pk-" + "a" * 43, "ps-" + "a" * 43, "pk-", f"pk-{stored[:43]}", stored)
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


def test_anthropics_sdks_send_the_key_in_a_header_of_their_own(shop: Shop) -> None:
    """`x-api-key` counts where there is no Authorization; beside one it is nothing, and two of them are refused."""
    app: Project = shop.managed()
    path, body = "/v1/chat/completions", {"messages": HELLO}
    assert shop.gateway.request("POST", path, body, headers={"x-api-key": app.key}).status == 200
    assert shop.gateway.request("POST", path, body, key=app.key, headers={"x-api-key": "none"}).status == 200
    assert shop.gateway.request("POST", path, body, key="none", headers={"x-api-key": app.key}).status == 401


def test_a_token_that_was_believed_is_dead_when_it_expires(shop: Shop) -> None:
    """However often it was sent before: what a process remembers of it ends with it."""
    app = shop.managed(auth={"jwt": shop.jwt()})
    token = app.token(exp=int(time.time()) + 2)
    assert app.chat(token=token).status == app.chat(token=token).status == 200
    wait_until(lambda: app.chat(token=token).status == 401, "the token is over")
    assert app.chat(token=token, other=True).status == 401


def test_a_withdrawn_test_token_is_dead_at_once(shop: Shop) -> None:
    """As the console withdraws it: in the next request, at a process that remembers it."""
    app = shop.managed(auth={"test": {}})
    token = app.test_token()
    assert app.chat(token=token, other=True).status == 200
    account_id = f"{app.project_id}/{app.account(token)['user_id']}"
    (token_id,) = app.stored.test_tokens
    tables.drive(abuse.block(shop.ledger, account_id, None))
    assert app.chat(token=token, other=True).status == 403
    tables.drive(projects.drop_test_token(shop.ledger, app.project_id, token_id))
    wait_until(lambda: app.chat(token=token, other=True).status == 401, "the token is gone")

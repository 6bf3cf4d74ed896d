"""Browsers: a preflight is always allowed, because it carries no key; the request itself is judged (case 32)."""

import pytest

from tests.projects.shop import CHAT, HELLO, Shop

PAGE = "https://app.example"


def test_a_project_that_lists_origins_takes_requests_of_their_pages_alone(shop: Shop) -> None:
    """Another page's request is 403, which that page may read, before any hold; an app sends no Origin and comes in."""
    app = shop.managed(origins=[PAGE])
    assert app.post({"messages": HELLO}, Origin=PAGE).status == 200
    assert app.post({"messages": HELLO}).status == 200
    refused = app.post({"messages": HELLO}, Origin="https://evil.example")
    assert (refused.status, refused.error["code"]) == (403, "origin_not_allowed")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert app.post({"messages": HELLO}, Origin="null").status == 403
    assert len(shop.first.calls) == 2


def test_a_project_without_origins_takes_all_pages_those_from_disk_too(shop: Shop) -> None:
    """`null` is what a page opened as a file says."""
    app = shop.managed()
    assert {app.post({"messages": HELLO}, Origin=origin).status for origin in (PAGE, "null")} == {200}


def test_case_32_answers_about_an_account_name_the_origin_that_asked(shop: Shop) -> None:
    """Never `*`, and never credentials; where no page asked, no origin is named."""
    app = shop.managed(origins=[PAGE])
    for path in ("/account", "/account/receipts"):
        told = shop.gateway.request("GET", path, key=app.key, headers={"Origin": PAGE})
        assert (told.status, told.headers["access-control-allow-origin"], told.headers["vary"]) == (200, PAGE, "origin")
        plain = shop.gateway.request("GET", path, key=app.key)
        assert "access-control-allow-origin" not in plain.headers
        refused = shop.gateway.request("GET", path, key=app.key, headers={"Origin": "https://evil.example"})
        assert refused.status == 403
        assert all("access-control-allow-credentials" not in answer.headers for answer in (told, plain, refused))


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/embeddings", "/v1/moderations", "/account", "/checkout"])
def test_case_32_a_preflight_is_allowed_for_any_origin(shop: Shop, path: str) -> None:
    """It echoes the headers that are asked for, is cached, and is not counted."""
    headers = {"Origin": "null", "Access-Control-Request-Method": "POST"}
    headers["Access-Control-Request-Headers"] = "authorization,content-type,x-user-token,x-stainless-os"
    answer = shop.gateway.request("OPTIONS", path, headers=headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-headers"] == headers["Access-Control-Request-Headers"].replace(
        ",", ", "
    )
    assert "max-age" in answer.headers["cache-control"]

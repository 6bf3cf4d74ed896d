"""The address in mails: the setting, else the one that API Gateway was asked at."""

from dataclasses import replace
from typing import Any

import pytest

from functions import settings as settings_module
from functions.rest import Rest

SETTINGS = {"HASH_SECRET": "a secret for tests, long enough", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def event(domain: str, path: str, **headers: str) -> dict[str, Any]:
    """A registration as API Gateway hands it over; `path` is with its stage, as in `requestContext`."""
    return {
        "resource": "/register",
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {"domainName": domain, "path": path, "stage": "prod"},
    }


@pytest.mark.parametrize(
    ("domain", "path", "base_url"),
    [
        (
            "a1.execute-api.eu-central-1.amazonaws.com",
            "/prod/register",
            "https://a1.execute-api.eu-central-1.amazonaws.com/prod",
        ),
        ("api.example.org", "/register", "https://api.example.org"),
        ("api.example.org", "/staging/register/", "https://api.example.org/staging"),
        ("api.example.org", "/register/", "https://api.example.org"),
        ("example.org", "/farebox/v2/register", "https://example.org/farebox/v2"),
    ],
)
def test_on_aws_the_address_is_the_one_that_was_asked(domain: str, path: str, base_url: str) -> None:
    """With a stage, a domain of one's own, a path before it, a slash at the end; a Host header says nothing."""
    settings = settings_module.read(SETTINGS | {"AWS_LAMBDA_FUNCTION_NAME": "farebox-prod-api"})
    asked = event(domain, path, Host="evil.test", **{"X-Forwarded-Host": "evil.test"})
    assert Rest(settings).base_url(asked) == base_url


def test_a_base_url_that_is_set_wins() -> None:
    """Whoever puts a domain of their own in front says so once."""
    settings = settings_module.read(SETTINGS | {"AWS_LAMBDA_FUNCTION_NAME": "farebox-prod-api"})
    own = replace(settings, base_url="https://llm.example.org/")
    assert Rest(own).base_url(event("api.example.org", "/register")) == "https://llm.example.org"


def test_on_one_machine_there_is_a_default() -> None:
    """Where `make run` listens, where the setting is there but empty, too; no event is asked."""
    for more in ({}, {"BASE_URL": ""}):
        assert Rest(settings_module.read(SETTINGS | more)).base_url({}) == "http://127.0.0.1:8503"

"""A fault in what stands around every view: it is answered, told and counted like any other."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from chalice.app import Response

from functions.cors import HEADERS
from functions.entry import App
from functions.errors import FareboxError
from functions.observer import Observer

SECRET = "canary-words-of-an-exception"


class Noted(Observer):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.errors: list[FareboxError] = []
        self.statuses: list[int] = []

    def failed(self, error: FareboxError) -> None:
        self.errors.append(error)

    def done(self, status: int, first_byte_s: float | None = None) -> None:
        self.statuses.append(status)


class Watching:
    """In the place of an entry's telemetry."""

    def __init__(self) -> None:
        self.noted = Noted()

    def watch(self, *_: object, **__: object) -> Noted:
        return self.noted


def event() -> dict[str, Any]:
    return {
        "resource": "/here",
        "path": "/here",
        "headers": {},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"resourcePath": "/here", "path": "/here", "httpMethod": "GET"},
    }


@pytest.mark.parametrize("readable", [True, False])
def test_a_middleware_that_fails_is_answered_as_any_fault(readable: bool, caplog: pytest.LogCaptureFixture) -> None:
    """500 in OpenAI's shape, with a request id, readable by pages where views are; counted; its words are not told."""
    app, watching = App("farebox-failing", readable_by_pages=readable), Watching()
    vars(app)["telemetry"] = watching

    @app.answers("/here")
    def here() -> dict[str, str]:
        return {}

    @app.middleware("http")
    def broken(_: Any, get_response: Callable[[Any], Response]) -> Response:
        raise RuntimeError(SECRET)

    answer = app(event(), None)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == FareboxError("The gateway failed.").body()
    assert answer["headers"]["x-request-id"].startswith("req_")
    assert (HEADERS.items() <= answer["headers"].items()) is readable
    noted = watching.noted
    assert ([str(error) for error in noted.errors], noted.statuses) == (["The gateway failed."], [500])
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_an_app_leaves_the_log_of_the_process_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Chalice would give its app's logger a handler and a level of its own: no warning of ours would be seen again."""
    App("farebox", readable_by_pages=True)
    logging.getLogger("farebox.settle").warning("settled late")
    assert "settled late" in caplog.text

"""What there is not: paths and methods that nothing takes, and HEAD."""

import pytest

from tests.entries.keys import refused
from tests.forward.raw_client import raw_client
from tests.forward.stage import CHAT, new_key
from tests.stand import RunningGateway

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/models/a/b", "/v1/chat", "/v1/a//b", "/v1/%2e%2e/account"])
def test_unknown_paths_of_v1_are_404_for_anyone(front: RunningGateway, method: str, path: str) -> None:
    """With and without a key, in OpenAI's shape, so that its SDKs raise NotFoundError."""
    for key in ("", new_key(front)):
        answer = front.request(method, path, {} if method != "GET" else None, key=key)
        assert refused(answer) == (404, "not_found")
        assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""])
def test_an_unknown_path_is_404_whatever_is_sent(front: RunningGateway, kind: str) -> None:
    """Not 415: uploads of files and audio are forms."""
    for path in ("/v1/files", "/v1/audio/transcriptions"):
        assert refused(front.request("POST", path, b"x", headers={"Content-Type": kind})) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/none", "/V1/models", "/%76%31/models", "//v1/models"])
def test_other_unknown_paths_are_404_of_the_gateway(front: RunningGateway, path: str) -> None:
    """In the same shape. A path means what it is as sent: no other spelling leads to a route."""
    assert refused(front.request("GET", path)) == (404, "not_found")


@pytest.mark.parametrize("path", [CHAT.replace("c", "%63", 1), CHAT + "/x", CHAT.upper()])
def test_the_streaming_endpoints_have_one_spelling(front: RunningGateway, path: str) -> None:
    """An encoded, longer or capital path is not theirs."""
    assert front.request("POST", path, {"messages": []}).status == 404


def test_a_long_path_is_not_repeated_whole(front: RunningGateway) -> None:
    """An error stays short."""
    answer = front.request("GET", "/v1/" + "x" * 5000)
    assert answer.status == 404
    assert len(answer.body) < 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "OPTIONS, POST"),
        ("DELETE", "/v1/responses", "OPTIONS, POST"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("PUT", "/v1/models/x", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/estimate", "OPTIONS, POST"),
        ("POST", "/account", "DELETE, GET, HEAD, OPTIONS"),
        ("PATCH", "/register", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_405(front: RunningGateway, method: str, path: str, allowed: str) -> None:
    """It says which ones the path takes, those of the streaming function too."""
    answer = front.request(method, path, {} if method != "GET" else None, key=new_key(front))
    assert answer.status == 405
    assert answer.headers["allow"] == allowed
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "not_found")
    assert allowed in answer.error["message"]


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/register", 303), ("/account", 401), ("/v1/x", 404)])
def test_head_is_get_without_the_body(front: RunningGateway, path: str, status: int) -> None:
    """The same status and type, and not a byte of body."""
    with raw_client(front.url) as client:
        client.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, end, body = client.rest().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert (end, body) == (b"\r\n\r\n", b"")
    assert front.request("GET", path).headers["content-type"].encode() in head


def test_health_is_exactly_this(front: RunningGateway) -> None:
    """Byte for byte what existing monitors compare with."""
    assert front.request("GET", "/health").body == b'{"status":"ok"}'

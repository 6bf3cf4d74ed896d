"""What the gateway says of itself, through the front door."""

import pytest

from functions.publishing import ADDRESS, MAX_AGE_S
from infra.openapi.document import build
from tests.stand import RunningGateway

DOCUMENTS = {
    "/openapi.json": "application/json",
    "/AGENTS.md": "text/markdown; charset=utf-8",
    "/llms.txt": "text/plain; charset=utf-8",
}


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_anybody_may_read_it_and_keep_it_for_a_while(front: RunningGateway, path: str) -> None:
    """Without a key, from a page of any origin; the gateway's own address stands in it, and no gap for one."""
    answer = front.request("GET", path, headers={"Origin": "https://app.example"})
    assert answer.status == 200
    assert answer.headers["content-type"] == DOCUMENTS[path]
    assert answer.headers["cache-control"] == f"public, max-age={MAX_AGE_S}"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert front.url in answer.body.decode()
    assert ADDRESS not in answer.body.decode()


def test_the_document_is_of_what_is_served(front: RunningGateway) -> None:
    """What /openapi.json says is what the functions' own routes and the words beside them give."""
    assert front.request("GET", "/openapi.json").json() == build(front.url)


def test_a_head_request_is_answered_without_a_body(front: RunningGateway) -> None:
    """HEAD is as GET: a program can ask whether it is there."""
    answer = front.request("HEAD", "/openapi.json")
    assert (answer.status, answer.body) == (200, b"")

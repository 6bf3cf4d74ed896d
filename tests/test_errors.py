"""The error tree: drawn once, complete, safe to show, and in OpenAI's shape."""

import inspect
import json
import re
from collections.abc import Iterator

import httpx2
import openai
import pytest

from functions import errors
from functions.errors import FareboxError, Limited, RateLimited, Unauthenticated, Unavailable

CLASSES = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, FareboxError) and error.__module__ == errors.__name__
]
SDK_ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    402: openai.APIStatusError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
}


def make(error: type[FareboxError]) -> FareboxError:
    """One of this class, with whatever its constructor needs."""
    if error is Unauthenticated:
        return Unauthenticated()
    if error is RateLimited:
        return RateLimited("requests a minute", 60, 7)
    if issubclass(error, Limited):
        return error("Full.", 7)
    return error("It went wrong.")


def drawn() -> Iterator[tuple[str, str | None, int | None]]:
    """The tree in the docstring: each class, the class it stands under, and its status where one is written."""
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^(    [│├└─ ]*)([A-Z]\w+)(?: +(\d{3}))?(?:  |$)", line):
            depth, name, status = len(found[1]), found[2], found[3]
            above = [(other, parent) for other, parent in above if other < depth]
            yield name, above[-1][1] if above else None, int(status) if status else None
            above.append((depth, name))


def test_the_tree_that_is_drawn_is_the_tree_that_is() -> None:
    """Every class stands in the docstring, once, under its parent."""
    tree = [(name, parent) for name, parent, _ in drawn()]
    expected = {error.__name__: error.__bases__[0].__name__ for error in CLASSES}
    expected["FareboxError"] = None  # type: ignore[assignment]
    assert len(tree) == len(dict(tree))
    assert dict(tree) == expected


@pytest.mark.parametrize(("name", "parent", "status"), list(drawn()))
def test_the_tree_tells_the_true_status(name: str, parent: str | None, status: int | None) -> None:
    """Where a status is drawn it is the class's; where none is, it is the parent's."""
    error = getattr(errors, name)
    if status:
        assert error.status == status
    elif parent:
        assert error.status == getattr(errors, parent).status


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_has_openai_s_shape(error: type[FareboxError]) -> None:
    """Message, type, param and code; nothing else; as JSON."""
    body = json.loads(json.dumps(make(error).body()))
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert body["error"]["type"] == error.type


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_openai_s_sdk_raises_the_exception_of_each_status(error: type[FareboxError]) -> None:
    """What a client catches is what its SDK promises for the status; code and message arrive."""
    made = make(error)
    answer = httpx2.Response(made.status, json=made.body(), headers=made.headers)

    def transport(request: httpx2.Request) -> httpx2.Response:
        return answer

    http = httpx2.Client(transport=httpx2.MockTransport(transport))
    client = openai.OpenAI(api_key="k", base_url="http://farebox.test/v1", http_client=http, max_retries=0)
    with client, pytest.raises(openai.APIStatusError) as raised:
        client.models.list()
    assert isinstance(raised.value, SDK_ERRORS[made.status])
    assert raised.value.code == made.code
    assert made.message in raised.value.message


@pytest.mark.parametrize("error", [error for error in CLASSES if issubclass(error, Limited | Unavailable)])
def test_who_can_come_back_is_told_when(error: type[FareboxError]) -> None:
    """429 and 503 always carry Retry-After, in whole seconds."""
    assert int(make(error).headers["retry-after"]) >= 1


def test_one_answer_for_every_key_that_is_none() -> None:
    """Case 18: the error takes no reason, so it cannot tell one."""
    assert Unauthenticated().body() == Unauthenticated().body()
    assert list(inspect.signature(Unauthenticated.__init__).parameters) == ["self"]
    assert Unauthenticated.status == 401


def test_a_full_window_is_told_in_openai_s_headers() -> None:
    """Limit, nothing remaining, and when it resets."""
    headers = RateLimited("requests a minute", 60, 7).headers
    assert headers == {
        "retry-after": "7",
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "7s",
    }


def test_every_code_is_one_word_that_programs_can_compare() -> None:
    """Small letters and underscores; no two classes share one but by inheritance."""
    own = [error for error in CLASSES if "code" in vars(error) and error.code]
    codes = [error.code for error in own]
    assert all(re.fullmatch(r"[a-z_]+", code or "") for code in codes)
    assert len(codes) == len(set(codes))

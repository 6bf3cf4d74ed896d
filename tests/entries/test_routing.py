"""What a path means: as API Gateway reads it."""

import pytest

from functions.routing import Match, Routes

RESOURCES = ["/", "/users", "/users/{id}", "/users/me", "/users/{id}/keys", "/a/{x}/{y}", "/a/fixed/{y}"]
RESOURCES += ["/z/{all+}", "/z/{name}", "/v1/{proxy+}", "/v1/models", "/v1/models/{name}", "/v1/models/{proxy+}"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Match("/", {})),
        ("/users", Match("/users", {})),
        ("/users/", Match("/users", {})),
        ("/users/me", Match("/users/me", {})),
        ("/users/a%2Fb", Match("/users/{id}", {"id": "a%2Fb"})),
        ("/users/me/keys", Match("/users/{id}/keys", {"id": "me"})),
        ("/a/fixed/z", Match("/a/fixed/{y}", {"y": "z"})),
        ("/users//keys", None),
        ("/users/1/2", None),
        ("/Users", None),
        ("/v1", None),
        ("/v1/", None),
        ("/v1/x", Match("/v1/{proxy+}", {"proxy": "x"})),
        ("/v1/x/y//z", Match("/v1/{proxy+}", {"proxy": "x/y//z"})),
        ("/v1/models", Match("/v1/models", {})),
        ("/v1/models/m", Match("/v1/models/{name}", {"name": "m"})),
        ("/v1/models/m/n", Match("/v1/models/{proxy+}", {"proxy": "m/n"})),
        ("/v1x/y", None),
        ("/z/1", Match("/z/{name}", {"name": "1"})),
        ("/z/1/2", Match("/z/{all+}", {"all": "1/2"})),
    ],
)
def test_routes_match_as_in_api_gateway(path: str, expected: Match | None) -> None:
    """Fixed parts win, then parameters, one part that is not empty each, then greedy ones, of one part or more."""
    assert Routes(RESOURCES).match(path) == expected
    assert Routes(reversed(RESOURCES)).match(path) == expected


def test_all_that_fit_come_the_most_specific_first() -> None:
    """So that a method which the first does not take can go to a greedy one."""
    found = [match.resource for match in Routes(RESOURCES).matches("/v1/models/m")]
    assert found == ["/v1/models/{name}", "/v1/models/{proxy+}", "/v1/{proxy+}"]

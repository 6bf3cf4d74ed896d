"""What Chalice makes of the routes for API Gateway."""

import tomllib
from typing import Any

import pytest
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.deploy.validate import validate_routes

import app
from functions import VERSION
from functions.entry import ANY
from functions.forward.llama import ENDPOINTS
from tests.stand import ROOT


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    packaged: dict[str, Any] = CFNSwaggerGenerator().generate_swagger(app.app)["paths"]
    return packaged


def test_every_method_goes_to_the_function(paths: dict[str, Any]) -> None:
    """Preflights too: API Gateway's own answer could not echo the headers that a page asks for."""
    validate_routes(app.app.routes)
    for path, methods in paths.items():
        assert "options" in methods, path
        for method, told in methods.items():
            integration = told["x-amazon-apigateway-integration"]
            assert integration["type"] == "aws_proxy", (path, method)
            assert "APIHandler" in str(integration["uri"])


def test_streaming_paths_wait_for_their_post(paths: dict[str, Any]) -> None:
    """Chalice declares preflights and 405 for them; POST is left for the streaming function."""
    for path in ENDPOINTS:
        assert set(paths[path]) == {"options", ANY.lower()}
    assert ANY.lower() == "x-amazon-apigateway-any-method"


def test_unknown_paths_of_v1_are_a_greedy_resource(paths: dict[str, Any]) -> None:
    """Every method that API Gateway knows, by name or by falling back."""
    assert set(paths["/v1/{proxy+}"]) >= {"delete", "get", "head", "options", "patch", "post", "put"}


def test_the_version_is_that_of_the_project() -> None:
    """What /admin/status tells is what the package is called."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION

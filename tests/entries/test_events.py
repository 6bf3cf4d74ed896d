"""API Gateway's events: what may be missing in them."""

from typing import Any

import pytest

from functions.events import source_address


@pytest.mark.parametrize(
    ("context", "address"),
    [
        ({}, ""),
        ({"identity": None}, ""),
        ({"identity": {}}, ""),
        ({"identity": {"sourceIp": None}}, ""),
        ({"identity": {"sourceIp": "192.0.2.1"}}, "192.0.2.1"),
    ],
)
def test_an_event_may_say_nothing_of_its_source(context: dict[str, Any], address: str) -> None:
    """Nothing, null and nothing in it are no address, and no fault."""
    assert source_address({"requestContext": context}) == address

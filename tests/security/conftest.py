"""A server that is asked, and names that lead wherever a test says."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.issuer import LocalIssuer, local_issuer


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """A server that knows whether it was asked."""
    with local_issuer() as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Names of our own: for each, what it leads to the first time it is looked up, the second, and from then on."""
    known: dict[str, list[list[str]]] = {}
    true = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        if host not in known:
            return true(host, port, *more, **options)
        answers = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        v4, v6 = socket.AF_INET, socket.AF_INET6
        places = [(v6, (a, port, 0, 0)) if ":" in a else (v4, (a, port)) for a in answers]
        return [(family, socket.SOCK_STREAM, 6, "", place) for family, place in places]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known

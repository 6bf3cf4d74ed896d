"""Connections to URLs that an owner set: judged by the address that is really used, at the moment it is."""

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from functions import outbound
from functions.errors import BadRequest, ProviderFailed
from functions.forward.sockets import connector
from functions.forward.upstream import Reach, Upstream, reach_tracing
from functions.outbound import Networks, OutboundFailed
from tests.forward.scripted_upstream import Call, scripted_upstream
from tests.issuer import LocalIssuer
from tests.security.outward import BOTH, LOOPBACK, ONLY_SECOND, OWN, PUBLIC, Fetch


def port_of(issuer: LocalIssuer) -> str:
    return issuer.url.rpartition(":")[2]


@BOTH
async def test_an_allowed_address_answers(fetch: Fetch, issuer: LocalIssuer) -> None:
    """The way is open where the operator opened it."""
    assert b"jwks_uri" in await fetch(f"{issuer.url}/.well-known/openid-configuration", LOOPBACK)


@BOTH
@pytest.mark.parametrize(
    "answers", [[OWN], ["169.254.169.254"], ["10.0.0.1", "100.64.0.1"], ["::1"], ["::ffff:127.0.0.1"]], ids=str
)
async def test_case_22_a_name_that_leads_inside(
    fetch: Fetch, issuer: LocalIssuer, names: dict[str, list[list[str]]], answers: list[str]
) -> None:
    """A public name says nothing: no connection is made to where it leads."""
    names["inside.example"] = [answers]
    with pytest.raises(OutboundFailed):
        await fetch(f"https://inside.example:{port_of(issuer)}/jwks", ())
    assert not issuer.asked


@BOTH
@pytest.mark.parametrize("first", [[PUBLIC], [PUBLIC, OWN]], ids=str)
async def test_case_22_rebinding(
    fetch: Fetch,
    issuer: LocalIssuer,
    names: dict[str, list[list[str]]],
    first: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that led to a public address when it was looked up before, and leads inside now: nothing is sent there."""
    reached: list[str] = []
    true = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        reached.append(address[0])
        if address[0] != OWN:
            raise OSError("no way out of a test")
        true(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    names["rebinds.example"] = [first, [OWN], [OWN]]
    for _ in range(3):
        with pytest.raises(OutboundFailed):
            await fetch(f"https://rebinds.example:{port_of(issuer)}/jwks", ())
    assert set(reached) == {PUBLIC}
    assert len(names["rebinds.example"]) == 1
    assert not issuer.asked


@BOTH
async def test_case_22_a_name_with_addresses_of_both_kinds(
    fetch: Fetch, names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are not allowed are passed over; the connection is made to one that was judged."""
    with scripted_upstream() as wrong, listening_at("127.0.0.2", wrong.url) as asked:
        names["both.example"] = [[OWN, "127.0.0.2"]]
        monkeypatch.setattr(outbound, "check_url", lambda *_, **__: "")  # plain http to a name, as no owner can set it
        port = wrong.url.rpartition(":")[2]
        assert await fetch(f"http://both.example:{port}/", ONLY_SECOND) == b"{}"
        assert asked == ["127.0.0.2"]
        assert not wrong.calls


@contextlib.contextmanager
def listening_at(address: str, like: str) -> Iterator[list[str]]:
    """A second server on the port of another, at another address; gives the addresses it was reached by."""
    asked: list[str] = []
    with socket.create_server((address, int(like.rpartition(":")[2]))) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    asked.append(connection.getsockname()[0])
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        thread.join(10)


@BOTH
async def test_case_22_redirects_are_not_followed(fetch: Fetch, issuer: LocalIssuer) -> None:
    """A right address that sends us on has failed, wherever to."""
    issuer.mode = "redirects"
    with pytest.raises(OutboundFailed):
        await fetch(f"{issuer.url}/jwks", LOOPBACK)
    assert dict(issuer.asked) == {"/jwks": 1}


@BOTH
async def test_case_22_no_proxy_is_taken_from_the_environment(
    fetch: Fetch, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY and the like do not count: a proxy would connect where nobody judges."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert b"kty" in await fetch(f"{issuer.url}/jwks", LOOPBACK)


def drip(call: Call) -> None:
    """Headers, and then a byte now and then for as long as anybody listens."""
    call.head()
    while not call.gone.wait(0.05):
        call.write(b"x")


def endless_headers(call: Call) -> None:
    call.raw(b"HTTP/1.1 200 OK\r\nx: ")
    while not call.gone.wait(0.05):
        call.raw(b"x")


def much(call: Call) -> None:
    call.answer(b"x" * 5000)


def endless(call: Call) -> None:
    call.head()
    while not call.gone.is_set():
        call.write(b"x" * 900)


def silent(call: Call) -> None:
    call.gone.wait(20)


@BOTH
@pytest.mark.parametrize("script", [drip, endless_headers, much, endless, silent])
async def test_case_22_answers_are_bounded(fetch: Fetch, script: Callable[[Call], None]) -> None:
    """In time, whatever trickles in, and in size, whatever is announced."""
    with scripted_upstream() as server:
        server.play(tolerant(script))
        with pytest.raises(OutboundFailed):
            await fetch(f"{server.url}/jwks", LOOPBACK, timeout_s=0.5)


def tolerant(script: Callable[[Call], None]) -> Callable[[Call], None]:
    """The client goes away in the middle: that is the point."""

    def play(call: Call) -> None:
        with contextlib.suppress(OSError):
            script(call)
        call.ended = True

    return play


@BOTH
@pytest.mark.parametrize("status", [201, 204, 301, 304, 400, 401, 404, 500])
async def test_only_200_is_an_answer(fetch: Fetch, status: int) -> None:
    """Whatever else a server says, nothing of it is used."""
    with scripted_upstream() as server:
        server.play(lambda call: call.answer(b"" if status in (204, 304) else b"{}", status))
        with pytest.raises(OutboundFailed):
            await fetch(f"{server.url}/jwks", LOOPBACK)


def test_case_22_a_url_is_judged_again_when_it_is_fetched(issuer: LocalIssuer) -> None:
    """What was stored before a rule is judged by the rule of today."""
    for url in (f"{issuer.url}/jwks", "http://llm.example/", "https://u:p@llm.example/", "https://127.1/"):
        with pytest.raises(BadRequest):
            outbound.fetch(url, (), timeout_s=1, bytes_max=1000)
    assert not issuer.asked


@contextlib.asynccontextmanager
async def provider(url: str, allowed: Networks | None) -> AsyncIterator[Upstream]:
    """A provider as the streaming function reaches it."""
    own = connector(5, 1, 5, allowed)
    async with aiohttp.ClientSession(connector=own, trace_configs=[reach_tracing()]) as session:
        yield Upstream(session, url, "key-of-the-provider", connect_s=1, idle_s=5)


async def test_case_22_a_providers_key_is_not_sent_inside(names: dict[str, list[list[str]]]) -> None:
    """A provider's name that leads to this machine: 502, not reached, and the server there saw nothing."""
    with scripted_upstream() as server:
        names["provider.example"] = [[OWN]]
        url = f"http://provider.example:{server.url.rpartition(':')[2]}"
        async with provider(url, ()) as upstream:
            reach = Reach()
            with pytest.raises(ProviderFailed) as refusal:
                async with upstream.post("/v1/chat/completions", b"{}", reach, stream=True):
                    pass
        assert (refusal.value.status, reach.reached) == (502, False)
        assert OWN not in refusal.value.message
        assert not server.calls


@pytest.mark.parametrize("allowed", [None, LOOPBACK], ids=["operator's", "allowed"])
async def test_a_provider_of_the_operator_may_be_anywhere(allowed: Networks | None) -> None:
    """Settings alone name these; a connector without a list judges nothing."""
    with scripted_upstream() as server:
        server.play(lambda call: call.answer({}))
        async with (
            provider(server.url, allowed) as upstream,
            upstream.post("/v1/chat/completions", b"{}", Reach(), stream=False) as response,
        ):
            assert response.status == 200

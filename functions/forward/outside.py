"""Connections to providers: the operator's go where the settings say, an owner's only to public addresses."""

import aiohttp

from functions.forward.fetching import fetch
from functions.forward.providers import Provider
from functions.forward.sockets import connector
from functions.forward.upstream import Upstream, reach_tracing
from functions.outbound import Networks
from functions.settings import Settings

CONNECTIONS_MAX = 1000
KEYS_TIMEOUT_S, KEYS_BYTES_MAX = 3.0, 256_000
"""Of an issuer's documents; a request waits for them."""


class Outside:
    """Made when the first request comes; needs a running loop."""

    def __init__(self, settings: Settings) -> None:
        self._own = _session(settings, None)
        self._settings = settings
        self._guarded: aiohttp.ClientSession | None = None

    @property
    def guarded(self) -> aiohttp.ClientSession:
        """For URLs of owners; made when the first of them is asked."""
        if self._guarded is None:
            self._guarded = _session(self._settings, self._settings.outbound_allowed_cidrs)
        return self._guarded

    def llama(self, settings: Settings) -> Upstream:
        """The llama-server's."""
        return Upstream(
            self._own,
            settings.llama_base_url,
            settings.llama_api_key,
            connect_s=settings.upstream_connect_timeout_s,
            idle_s=settings.upstream_idle_timeout_s,
            abort=settings.llama_client_left,
        )

    def connect(self, provider: Provider, api_key: str, guarded: bool) -> Upstream:
        """A provider's; `guarded` where its URL is an owner's."""
        return Upstream(
            self.guarded if guarded else self._own,
            provider.base_url,
            api_key,
            connect_s=provider.connect_s,
            idle_s=provider.idle_s,
            abort=provider.client_left,
            kind=provider.kind,
            first_byte_s=provider.first_byte_s,
        )

    async def fetch(self, url: str) -> bytes:
        """A document of an issuer. Raises OutboundFailed."""
        return await fetch(self.guarded, url, timeout_s=KEYS_TIMEOUT_S, bytes_max=KEYS_BYTES_MAX)

    async def close(self) -> None:
        await self._own.close()
        if self._guarded:
            await self._guarded.close()


def _session(settings: Settings, allowed: Networks | None) -> aiohttp.ClientSession:
    connect_s, idle_s = settings.upstream_connect_timeout_s, settings.upstream_idle_timeout_s
    return aiohttp.ClientSession(
        connector=connector(CONNECTIONS_MAX, connect_s, idle_s, allowed),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[reach_tracing()],
    )

"""From the start of a process to its first answers. On Lambda a cold start waits for just this."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks import load
from benchmarks.load import Client
from benchmarks.processes import ready
from benchmarks.stand import Server, Stand

STARTS = 5
LOADED_REQUESTS = 240


@dataclass(frozen=True)
class StartUp:
    """Medians. Milliseconds since the start of the process; memory after the first answer, and once after a load."""

    ready_ms: float
    first_answer_ms: float
    rss_mb: float
    loaded_rss_mb: float


async def start_up(stand: Stand, launch: Callable[[], Server], key: str, status: int) -> tuple[StartUp, int]:
    """Launch a server STARTS times, ask each for `/health` until it answers `status`, then for one stream.

    The first answer is there when its first event is. Also returns the tokens that the answers reported.
    """
    ready_ms, first_answer_ms, rss_mb, tokens, loaded_rss_mb = [], [], [], 0, 0.0
    for number in range(STARTS):
        server = launch()
        ready_ms.append(await ready(stand.session, server.running, f"{server.url}/health", status) * 1e3)
        client = Client(stand.session, server.running.name, server.url, key)
        asked_s = time.perf_counter() - server.running.started_s
        answer = await client.ask(stream=True)
        first_answer_ms.append((asked_s + answer.first_byte_s) * 1e3)
        rss_mb.append(server.running.rss_mb())
        if number == STARTS - 1:
            for stream in (False, True):
                await load.together(partial(client.ask, stream=stream), lambda answered: answered < LOADED_REQUESTS)
            loaded_rss_mb = server.running.rss_mb()
        tokens += client.tokens_reported
        stand.processes.end(server.running)
    return StartUp(median(ready_ms), median(first_answer_ms), median(rss_mb), loaded_rss_mb), tokens

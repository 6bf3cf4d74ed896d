"""CPU per request: what a server's processes used, divided by the requests they answered meanwhile.

It holds where requests a second do not: on a shared machine, and with the client and the upstream beside it.
"""

import time
from dataclasses import dataclass
from functools import partial

from benchmarks import load
from benchmarks.load import Client
from benchmarks.processes import Running

WARM_UP_REQUESTS = 48
CPU_S_MIN = 1.2
"""A sample ends when this much was used: one tick of the kernel's count (10 ms) is then under 1 %."""

SAMPLE_S_MAX = 20.0
LOOK_EVERY_REQUESTS = 32


@dataclass(frozen=True)
class Sample:
    """One server under load, once."""

    cpu_ms: float
    requests_per_s: float
    requests: int
    rss_mb: float


async def sample(server: Running, client: Client, *, stream: bool) -> Sample:
    """Load `server` at load.CONCURRENCY until it used CPU_S_MIN, or for SAMPLE_S_MAX."""
    ask = partial(client.ask, stream=stream)
    await load.together(ask, lambda answered: answered < WARM_UP_REQUESTS)
    used_before_s, start_s = server.cpu_s(), time.perf_counter()
    enough, look_at = False, LOOK_EVERY_REQUESTS

    def more(answered: int) -> bool:
        nonlocal enough, look_at
        if answered >= look_at:
            look_at = answered + LOOK_EVERY_REQUESTS
            enough = server.cpu_s() - used_before_s >= CPU_S_MIN or time.perf_counter() - start_s > SAMPLE_S_MAX
        return not enough

    answers = await load.together(ask, more)
    used_s, took_s = server.cpu_s() - used_before_s, time.perf_counter() - start_s
    return Sample(used_s / len(answers) * 1e3, len(answers) / took_s, len(answers), server.rss_mb())

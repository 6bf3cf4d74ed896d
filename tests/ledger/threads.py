"""Many threads on one ledger, each with the streaming function's own client on a loop of its own."""

import asyncio
import os
import random
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from functions.ledger.dynamodb import DynamoDB, endpoint_of, keys_from
from functions.ledger.http import Endpoint
from functions.ledger.store import Clock, Ledger
from functions.settings import Settings
from functions.signature import Signer

THREADS = 64
TIMEOUT_S = 60
"""Of one call: here a hundred of them wait for one small server."""


@dataclass
class Thread:
    """One of them: its ledger, its own randomness, and its number."""

    ledger: Ledger
    random: random.Random
    number: int


def in_threads(settings: Settings, clock: Clock, work: Callable[[Thread], Awaitable[None]], seed: int) -> None:
    """Run `work` in THREADS threads that begin together; raises what any of them raised."""
    together = threading.Barrier(THREADS)

    def run(number: int) -> None:
        endpoint_url, host = endpoint_of(settings.dynamodb_endpoint_url, settings.aws_region)
        endpoint = Endpoint(endpoint_url, TIMEOUT_S)
        store = DynamoDB(endpoint, Signer(host, settings.aws_region, keys_from("local", "local", "")))
        thread = Thread(
            Ledger(store, clock, os.urandom, settings.table_prefix), random.Random(seed * 1000 + number), number
        )

        async def whole() -> None:
            await work(thread)
            endpoint.close()

        together.wait()
        asyncio.run(whole())

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, number) for number in range(THREADS)]:
            done.result()

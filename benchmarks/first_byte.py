"""The wait for a stream's first byte that a server adds, with one client and nobody else."""

from statistics import median

from benchmarks.load import Client

STREAMS = 12


async def first_byte_ms(client: Client) -> float:
    """Milliseconds from the request to the first byte of the answer's body: the median of STREAMS, one by one."""
    await client.ask(stream=True)  # opens the connections
    return median([(await client.ask(stream=True)).first_byte_s for _ in range(STREAMS)]) * 1e3

"""The whole run, unattended: about four minutes on two cores. Exit status 1 if something failed or answered wrong."""

import asyncio
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import aiohttp

from benchmarks import call_tables, chart, report
from benchmarks.account_size import account_bytes
from benchmarks.cold_starts import WITH_ADAPTER, ColdStarts, cold_rows, cold_starts, cold_table
from benchmarks.cpu import Sample, sample
from benchmarks.first_byte import first_byte_ms
from benchmarks.ledger_calls import KINDS, Calls, ledger_calls
from benchmarks.load import Client
from benchmarks.processes import ROOT, BenchError, Processes
from benchmarks.report import AT_ONCE, GATEWAY, RELAY
from benchmarks.spent import check_spent
from benchmarks.stand import Server, Stand, cores
from benchmarks.start_up import StartUp, start_up
from functions import settings

ROUNDS = 3
KEEPALIVE_S = 2
"""Shorter than any server's, so that a request never meets a connection that is just being closed."""

ANSWER_S_MAX = 30
OUTPUT = ROOT / ".local"
began_s = time.perf_counter()


def say(text: str) -> None:
    print(f"[{time.perf_counter() - began_s:4.0f} s] {text}", flush=True)


async def under_load(servers: dict[str, tuple[Server, Client]], direct: Client) -> report.Servers:
    """ROUNDS rounds; in each, every server in turn, so that a slow minute of the machine meets them alike."""
    samples: dict[tuple[str, bool], list[Sample]] = {(name, stream): [] for name in servers for stream in (False, True)}
    first_bytes: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(1, ROUNDS + 1):
        for name, (server, client) in servers.items():
            for stream in (False, True):
                taken = await sample(server.running, client, stream=stream)
                samples[name, stream].append(taken)
                kind = "streamed" if stream else "buffered"
                say(f"round {number} of {ROUNDS}, {name}, {kind}: {taken.cpu_ms:.2f} ms CPU, {taken.requests} requests")
        upstream_ms = await first_byte_ms(direct)
        for name, (_, client) in servers.items():
            first_bytes[name].append(await first_byte_ms(client) - upstream_ms)
            say(f"round {number} of {ROUNDS}, {name}, first byte: {first_bytes[name][-1]:.2f} ms added")
    return {
        name: report.Measured(samples[name, False], samples[name, True], median(first_bytes[name])) for name in servers
    }


async def measure(stand: Stand) -> None:
    say("starting the upstream, MiniStack, the relay and the gateway")
    session, prefix = stand.session, settings.Settings.table_prefix
    upstream, dynamodb = await stand.start_upstream(), await stand.start_ministack()
    await stand.create_tables(dynamodb.url)
    relay, gateway = await stand.start_relay(upstream.url), await stand.start_gateway(upstream.url, dynamodb.url)
    key = await stand.register(gateway)

    starts, tokens = await start_ups(stand, upstream.url, dynamodb.url, key)
    say("packaging, for cold starts")
    deployed = stand.gateway_env(upstream.url, dynamodb.url)
    folder = stand.processes.directory
    cold = await asyncio.to_thread(cold_starts, deployed, key, stand.cores, folder)
    tokens += cold.tokens
    for name, start in cold.functions.items():
        say(f"cold start, {name}: {start.median_ms:.0f} ms, {start.median_mb:.0f} MiB")
    calls, call_tokens = await ledger_calls(stand, key, upstream.url, dynamodb.url, prefix)
    for kind in KINDS:
        writes = max(one.writes for one in calls[kind].values())
        say(f"DynamoDB calls, {kind.name}: {writes:g} writes a request")
    item_bytes = await account_bytes(dynamodb.url)
    say(f"the account item: {item_bytes} bytes")

    instant = await stand.start_instant_dynamodb()
    at_once = await stand.start_gateway(upstream.url, instant.url)
    client = Client(session, GATEWAY, gateway.url, key)
    client_at_once = Client(session, AT_ONCE, at_once.url, await stand.register(at_once))
    servers = {
        GATEWAY: (gateway, client),
        AT_ONCE: (at_once, client_at_once),
        RELAY: (relay, Client(session, RELAY, relay.url)),
    }
    measured = await under_load(servers, Client(session, "upstream", upstream.url))

    tokens += call_tokens + client.tokens_reported
    await check_spent(client, tokens)
    await check_spent(client_at_once, client_at_once.tokens_reported)
    tokens += client_at_once.tokens_reported
    say(f"metering was on: {tokens} tokens reported, as many credits spent")
    publish(measured, starts, cold, calls, item_bytes)


async def start_ups(stand: Stand, upstream: str, dynamodb: str, key: str) -> tuple[dict[str, StartUp], int]:
    """Of the streaming function alone and of the whole gateway; and the tokens that their answers reported."""
    # The function has no /health: its 404 says that it is there.
    kinds = {"function": (stand.launch_stream_function, 404), "gateway": (stand.launch_gateway, 200)}
    starts, tokens = {}, 0
    for name, (launch, status) in kinds.items():
        starts[name], reported = await start_up(stand, partial(launch, upstream, dynamodb), key, status)
        tokens += reported
        say(f"{name}, start to first answer: {starts[name].first_answer_ms:.0f} ms")
    return starts, tokens


def publish(
    measured: report.Servers, starts: dict[str, StartUp], cold: ColdStarts, calls: Calls, item_bytes: int
) -> None:
    rows = report.rows(measured, starts, item_bytes)
    with_aims = cold_rows(cold) + call_tables.call_rows(calls)
    OUTPUT.mkdir(exist_ok=True)
    report.write_json(OUTPUT / "bench.json", rows + with_aims, measured, calls, cold.functions)
    (OUTPUT / "bench.svg").write_text(chart.chart(rows + with_aims))
    print(f"\n{report.table(rows)}\n\n{report.scale_line(measured[RELAY])}")
    print(f"\n{cold_table(cold)}")
    if WITH_ADAPTER not in cold.functions:
        print("\nNot measured with Lambda Web Adapter, which is not built here: `make lambda` builds it.")
    print(f"\n{call_tables.counts_table(calls)}\n\n{call_tables.operations_table(calls)}")
    print("\nAlso written: .local/bench.json, .local/bench.svg")


async def run() -> None:
    found, task = cores(), asyncio.current_task()
    assert task is not None
    # A plain kill ends the started processes as Ctrl-C does.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with (
        tempfile.TemporaryDirectory(prefix="farebox-bench-") as directory,
        Processes(Path(directory), found.others) as processes,
    ):
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await measure(Stand(processes, session, found))


def main() -> int:
    try:
        asyncio.run(run())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

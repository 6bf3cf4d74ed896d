"""The same requests while something behind the gateway is cut off: every error that comes of it is told of."""

import functools
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import requests

from tests.forward.scripted_upstream import scripted_upstream
from tests.schemathesis.cases import Made, Operation, rightful
from tests.schemathesis.prepared import Prepared
from tests.schemathesis.stage import Stage, hangs_up, hosted
from tests.stand import StartGateway, free_port

Ask = Callable[[str, Made, str, requests.Session, str], None]
"""Send a request to an address, and note what came of it in a phase."""
BUYING = ("/checkout", "/account/top-up", "/webhook")


@dataclass(frozen=True)
class Cut:
    """One thing that is cut off: of which operations it is looked at, and how often of each."""

    phase: str
    concerns: Callable[[Operation], bool]
    each: int
    without: Callable[[Stage, StartGateway, dict[str, str]], AbstractContextManager[str]]
    """Gives the address of a gateway without it."""


@contextmanager
def _no_model_server(stage: Stage, start: StartGateway, settings: dict[str, str]) -> Iterator[str]:
    nobody = f"http://127.0.0.1:{free_port()}"
    yield start(**settings | {"LLAMA_BASE_URL": nobody}).url


@contextmanager
def _hanging_up(stage: Stage, start: StartGateway, settings: dict[str, str]) -> Iterator[str]:
    script = functools.partial(hangs_up, itertools.count())
    with scripted_upstream() as upstream:
        upstream.play(script)
        stage.shop.first.play(script)
        try:
            yield start(**settings | {"LLAMA_BASE_URL": upstream.url}).url
        finally:
            stage.shop.first.play(hosted)


@contextmanager
def _providers_down(stage: Stage, start: StartGateway, settings: dict[str, str]) -> Iterator[str]:
    for standin in stage.standins.values():
        standin.down = True
    try:
        yield stage.gateway.url
    finally:
        for standin in stage.standins.values():
            standin.down = False


@contextmanager
def _no_tables(stage: Stage, start: StartGateway, settings: dict[str, str]) -> Iterator[str]:
    nobody = f"http://127.0.0.1:{free_port()}"
    yield start(**settings | {"DYNAMODB_ENDPOINT_URL": nobody, "LEDGER_TIMEOUT_S": "0.5"}).url


def _of_models(operation: Operation) -> bool:
    return operation.path.startswith("/v1/")


def _of_buying(operation: Operation) -> bool:
    return any(part in operation.path for part in BUYING)


CUTS = (
    Cut("no model server", _of_models, 6, _no_model_server),
    Cut("model servers hang up", _of_models, 8, _hanging_up),
    Cut("payment providers are down", _of_buying, 4, _providers_down),
    Cut("no tables", lambda operation: True, 1, _no_tables),
)


def ask_all(
    stage: Stage, start: StartGateway, settings: dict[str, str], operations: Sequence[Operation], seed: int, ask: Ask
) -> None:
    """Ask without each of them in turn."""
    prepared = Prepared(stage)
    for cut in CUTS:
        concerned = [operation for operation in operations if cut.concerns(operation)]
        ready: list[tuple[Made, str]] = []
        for operation in concerned:
            draw = random.Random(f"{seed} {cut.phase} {operation.label}")
            made = rightful(operation, seed + 1, cut.each)
            ready += [(case, prepared.prepare(case, turn, draw)) for turn, case in enumerate(made)]
        with cut.without(stage, start, settings) as url, requests.Session() as session:
            for case, caller in ready:
                ask(url, case, caller, session, cut.phase)
        print(f"{cut.phase}: {len(ready)} requests to {len(concerned)} operations", flush=True)

"""Reconciliation: what lost events left is found and repaired, for each provider; and what cannot be is told."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions import settings as settings_module
from functions.errors import BadRequest, PaymentProviderFailed
from functions.ledger import orders, projects, tables, unmatched
from functions.payments import provider as providers
from functions.payments.provider import Wanted
from functions.payments.reconcile import DAY_S, HOUR_S, Looked, Position, reconcile
from functions.payments.reconciled import nightly
from functions.payments.synchronize import NOT_OURS
from functions.payments.till import Till
from tests import stand
from tests.forward.scripted_upstream import scripted_upstream
from tests.issuer import local_issuer
from tests.payments.conftest import settings_of, stand_ins
from tests.payments.shop import PROVIDERS, STARTER, Market
from tests.projects.conftest import SETTINGS
from tests.projects.shop import Project
from tests.projects.shop import Shop as ProjectShop
from tests.stand import ROOT

ALL = pytest.mark.parametrize("name", PROVIDERS)
PRICE = 50


@dataclass(frozen=True)
class Ahead:
    """A clock that is ahead."""

    seconds: float

    def now(self) -> float:
        return tables.SystemClock().now() + self.seconds

    async def sleep(self, seconds: float) -> None:
        await tables.SystemClock().sleep(seconds)


@pytest.fixture(scope="module")
def opened(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market of this file alone: what others leave in theirs is not in order."""
    with ExitStack() as running:
        upstream = running.enter_context(scripted_upstream())
        issuer = running.enter_context(local_issuer())
        start = running.enter_context(stand.gateways(dynamodb_url, tmp_path_factory.mktemp("reconcile")))
        found = stand_ins(running)
        settings = {**SETTINGS, **settings_of(found), "LLAMA_BASE_URL": upstream.url}
        gateway = start(**settings)
        ledger = gateway.ledger()
        shop = ProjectShop(gateway, gateway, upstream, upstream, issuer, ledger)
        yield Market(gateway, gateway, found, ledger, shop, start, settings)


@pytest.fixture
def selling(market: Market) -> Iterator[Callable[[str], Project]]:
    """Projects that sell, for one test."""
    made: list[Project] = []

    def selling(name: str) -> Project:
        made.append(market.selling(name))
        return made[-1]

    yield selling
    for project in made:
        project.change(payments={})


@pytest.fixture
def till(market: Market) -> Till:
    return Till(market.gateway.settings)


def looked_at(till: Till, *, ahead_s: float = 0, days: float = 7, start: Position | None = None) -> list[Looked]:
    """A reconciliation from its beginning to its end."""
    ledger = replace(till.ledger, clock=Ahead(ahead_s))
    position = start or Position(int(ledger.clock.now() - days * DAY_S))

    async def walk() -> list[Looked]:
        return [looked async for looked in reconcile(ledger, till.settings, till.projects, position)]

    return tables.drive(walk())


def of(found: list[Looked], reference: str) -> list[Looked]:
    """What came of a checkout, by the project that sold it: others by the same account see it too."""
    return [looked for looked in found if looked.reference == reference and looked.unmatched != NOT_OURS]


def steps(found: list[Looked], reference: str) -> list[tuple[str, ...]]:
    """What was repaired of a checkout; nothing else was odd about it."""
    assert all(not (looked.failed or looked.unmatched) for looked in of(found, reference))
    return [looked.steps for looked in of(found, reference)]


@ALL
def test_a_dropped_payment_and_a_dropped_refund_are_repaired(market: Market, till: Till, name: str) -> None:
    """Nobody was told of either: the credits come, and go again, by the journal; and then all is in order."""
    key, standin = market.gateway.key(), market.standins[name]
    _, reference = market.buy(name, key)
    standin.pay(reference)
    assert market.paid(key) == 0
    assert steps(looked_at(till), reference) == [("paid",)]
    assert market.paid(key) == STARTER
    standin.refund(reference, PRICE)
    assert steps(looked_at(till), reference) == [("refund",)]
    assert market.paid(key) == 0
    assert steps(looked_at(till), reference) == [()]
    finding = market.audit(market.order(name, reference).account_id)
    assert (finding.drift, finding.mismatches) == (0, ())


@ALL
def test_what_was_lost_of_a_project_is_repaired(
    market: Market, till: Till, selling: Callable[[str], Project], name: str
) -> None:
    """By the project's own connection, with the credits of its rules."""
    project = selling(name)
    token, standin = project.token("ada"), market.standins[name]
    before = set(standin.references())
    assert project.post({"pack": "large"}, "/checkout", token=token).status == 200
    (reference,) = set(standin.references()) - before
    standin.pay(reference)
    found = [looked for looked in looked_at(till) if looked.position.project_id == project.project_id]
    assert steps(found, reference) == [("paid",)]
    assert project.account(token)["balance"]["paid"] == 10_000


@ALL
def test_a_checkout_that_nobody_paid_is_told_to_be_over(market: Market, till: Till, name: str) -> None:
    """It is in no list of what was paid: our own open orders are asked about, once they are an hour old."""
    key, standin = market.gateway.key(), market.standins[name]
    _, reference = market.buy(name, key)
    standin.expire(reference)
    assert of(looked_at(till), reference) == []
    assert steps(looked_at(till, ahead_s=HOUR_S + 60), reference) == [("expired",)]
    assert market.order(name, reference).state == "expired"
    assert of(looked_at(till, ahead_s=HOUR_S + 60), reference) == []


def test_a_payment_that_the_provider_does_not_list_is_found(market: Market, till: Till) -> None:
    """By the open order, where it was paid before the days that are looked at."""
    key = market.gateway.key()
    _, reference = market.buy("stripe", key)
    market.standins["stripe"].pay(reference)
    assert of(looked_at(till, days=-1), reference) == []
    assert steps(looked_at(till, ahead_s=2 * HOUR_S, days=-1), reference) == [("paid",)]
    assert market.paid(key) == STARTER


def test_a_provider_that_is_down_stops_no_other(market: Market, till: Till) -> None:
    """It is told that it was not asked, and the other's payment is found."""
    key = market.gateway.key()
    _, reference = market.buy("mollie", key)
    market.standins["mollie"].pay(reference)
    market.standins["stripe"].down = True
    found = looked_at(till)
    failed = {looked.position.connection for looked in found if looked.failed}
    assert failed == {"stripe"}
    assert market.standins["stripe"].url not in str(found)
    assert steps(found, reference) == [("paid",)]


def test_a_projects_key_that_cannot_be_used_stops_no_other(till: Till, selling: Callable[[str], Project]) -> None:
    """One whose sealed key fits no more is told; one to whom none was given takes no payments, which is in order."""
    project, silent = selling("stripe"), selling("stripe")
    project.change(payments={"stripe": {"mode": "live"}})
    tables.drive(projects.drop_sealed(till.ledger, silent.project_id, "payments/stripe/key"))
    found = looked_at(till)
    told = [looked for looked in found if looked.position.project_id == project.project_id]
    assert [bool(looked.failed) for looked in told if looked.position.connection] == [True]
    told = [looked for looked in found if looked.position.project_id == silent.project_id]
    assert not [looked for looked in told if looked.position.connection or looked.failed]


@ALL
def test_what_fits_no_order_is_kept_until_it_does(market: Market, till: Till, name: str) -> None:
    """Another amount than was asked for is nobody's credits. Once the provider says otherwise it is an order as any."""
    key, standin = market.gateway.key(), market.standins[name]
    _, reference = market.buy(name, key)
    standin.pay(reference)
    standin.alter(reference, amount=PRICE + 1)
    (looked,) = of(looked_at(till), reference)
    assert (looked.unmatched, looked.steps, market.paid(key)) == ("amount", (), 0)
    assert reference in kept(till)
    standin.alter(reference, amount=PRICE)
    assert steps(looked_at(till), reference) == [("paid",)]
    assert reference not in kept(till)
    assert market.paid(key) == STARTER


def test_an_order_whose_connection_was_taken_away_is_told(
    market: Market, till: Till, selling: Callable[[str], Project]
) -> None:
    """It was paid, and nobody can ask: it is listed until the connection is there again, and then credited."""
    project = selling("stripe")
    token, standin, terms = project.token("ada"), market.standins["stripe"], project.document["payments"]
    before = set(standin.references())
    project.post({"pack": "large"}, "/checkout", token=token)
    (reference,) = set(standin.references()) - before
    project.change(payments={})
    standin.pay(reference)
    assert project.project_id not in {looked.position.project_id for looked in of(looked_at(till), reference)}
    (looked,) = of(looked_at(till, ahead_s=3 * DAY_S), reference)
    assert (looked.position.project_id, looked.unmatched) == (project.project_id, "connection_gone")
    assert [one.about for one in tables.drive(unmatched.listed(till.ledger, project.project_id))] == [reference]
    project.change(payments=terms)
    assert steps(looked_at(Till(till.settings), ahead_s=3 * DAY_S), reference) == [("paid",)]
    assert tables.drive(unmatched.listed(till.ledger, project.project_id)) == []
    assert project.account(token)["balance"]["paid"] == 10_000


@ALL
def test_a_connection_whose_time_is_over_is_not_asked(market: Market, till: Till, name: str) -> None:
    """It is as if its provider did not answer, for whatever is asked, at once and in the middle of a list."""
    _, reference = market.buy(name, market.gateway.key())
    standin, adapter, since = market.standins[name], providers.adapter(name), int(till.ledger.clock.now()) - DAY_S
    standin.pay(reference)
    over = replace(till.connection("default", name), ends_s=time.monotonic())
    before = len(standin.requests)
    for ask in (lambda: adapter.fetch(over, reference), lambda: list(adapter.changed(over, since))):
        with pytest.raises(PaymentProviderFailed, match="did not answer") as caught:
            ask()
        assert caught.value.is_of_all
    assert len(standin.requests) == before
    standin.delay_s = 0.1
    soon = replace(over, ends_s=time.monotonic() + 0.15)
    with pytest.raises(PaymentProviderFailed, match="did not answer"):
        list(adapter.changed(soon, since))


def kept(till: Till) -> set[str]:
    return {one.about for one in tables.drive(unmatched.listed(till.ledger, "default"))}


@ALL
def test_what_was_not_sold_here_is_no_concern_of_ours(market: Market, till: Till, name: str) -> None:
    """Whoever sells elsewhere too by the same account, here or not; but a number of ours that nobody knows is told."""
    standin = market.standins[name]
    before = set(standin.references())
    where = market.gateway.url
    number = orders.new_number(till.ledger, "default")
    wanted = Wanted(number, "Shoes", 900, "usd", f"{where}/done", f"{where}/cancel", f"{where}/webhook")
    providers.adapter(name).create(till.connection("default", name), wanted)
    (reference,) = set(standin.references()) - before
    standin.pay(reference)
    (looked,) = of(looked_at(till), reference)
    assert looked.unmatched == "no_order"
    assert reference in kept(till)
    for others in ("", orders.new_number(till.ledger, "another"), "ord_" + "0" * 32):
        standin.alter(reference, order=others)
        found = [looked for looked in looked_at(till) if looked.reference == reference]
        assert {looked.unmatched for looked in found} == {NOT_OURS}
    tables.drive(unmatched.drop(till.ledger, "default", name, reference))


def test_a_night_that_has_no_time_goes_on_where_it_was(
    market: Market, till: Till, selling: Callable[[str], Project]
) -> None:
    """Each run looks at one checkout and says where to go on; nothing is left out, and it ends."""
    project = selling("polar")
    token, lost = project.token("ada"), dict[str, str]()
    for name in PROVIDERS:
        _, reference = market.buy(name, market.gateway.key())
        market.standins[name].pay(reference)
        lost[reference] = name
    before = set(market.standins["polar"].references())
    project.post({"pack": "small"}, "/checkout", token=token)
    (reference,) = set(market.standins["polar"].references()) - before
    market.standins["polar"].pay(reference)
    lost[reference] = "polar"
    start, repaired, runs = None, list[str](), 0
    while runs == 0 or start:
        told = nightly(till, {"task": "reconcile", "start": start}, lambda: 0)
        assert told["looked_at"] <= 1
        repaired += [one["reference"] for one in told["repaired"]]
        start, runs = told["next"], runs + 1
        assert runs < 200
    assert sorted(repaired) == sorted(lost)


def test_a_night_with_time_tells_all_at_once(market: Market, till: Till) -> None:
    """What was repaired, and that nothing is left to do."""
    key = market.gateway.key()
    answer, reference = market.buy("btcpay", key)
    market.standins["btcpay"].pay(reference)
    told = nightly(till, {"task": "reconcile"}, lambda: 900_000)
    (one,) = told["repaired"]
    assert one == {
        "project": "default",
        "connection": "btcpay",
        "reference": reference,
        "order": answer["id"],
        "steps": ["paid"],
        "why": "",
    }
    assert (told["next"], told["failed"]) == (None, [])
    assert told["looked_at"] == told["in_order"] + 1 + told["not_ours"] + len(told["unmatched"])


NONSENSE = ("x", "1/default/stripe/listed/x/0", "1/a/stripe/listed//x", "1/a/shop/listed//0", "1/a//open//0")
EVENTS: list[dict[str, Any]] = [*({"start": start} for start in NONSENSE), {"days": 0}, {"days": True}]


@pytest.mark.parametrize("event", EVENTS)
def test_a_night_that_is_told_nonsense_says_so(till: Till, event: dict[str, Any]) -> None:
    """Where to go on is what an answer said; days are a whole number."""
    with pytest.raises(BadRequest):
        nightly(till, event, lambda: 900_000)


def command(market: Market, *arguments: str, **more: str) -> tuple[int, str, str]:
    """`make reconcile` against this market: exit code, output and errors."""
    plain = {name: value for name, value in os.environ.items() if name not in settings_module.names()}
    given = stand.environment(market.gateway.settings.dynamodb_endpoint_url, market.gateway.settings.table_prefix)
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.reconcile", *arguments],
        cwd=ROOT,
        env=plain | given | market.settings | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_make_reconcile_tells_by_its_exit_code_and_a_table(market: Market) -> None:
    """0 where all is in order or is now, with what was repaired; 1 where a provider cannot be asked."""
    answer, reference = market.buy("stripe", market.gateway.key())
    market.standins["stripe"].pay(reference)
    status, output, errors = command(market, "--days", "3")
    assert (status, errors) == (0, ""), output
    assert f"default stripe: {reference} {answer['id']}\n  repaired: paid" in output
    assert "reconciliation of 3 days" in output
    row = next(line.split() for line in output.splitlines() if line.startswith("default stripe  "))
    assert (row[2], int(row[3]), int(row[5])) == ("test", int(row[4]) + 1 + int(row[8]), 1)
    market.standins["stripe"].down = True
    status, output, errors = command(market)
    assert (status, errors) == (1, ""), output
    assert "default stripe: its list\n  not asked: " in output
    assert market.standins["stripe"].key not in output


def test_make_reconcile_says_where_it_cannot_run(market: Market) -> None:
    """One line, and a status of its own: no tables there."""
    status, output, errors = command(market, DYNAMODB_ENDPOINT_URL="http://127.0.0.1:9", LEDGER_TIMEOUT_S="0.2")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("farebox: ")

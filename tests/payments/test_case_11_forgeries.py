"""Case 11: an event that is not the provider's, to the byte and just now, moves nothing and is in the log."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from functions import settings
from functions.values import SettingsError
from tests.payments.proof import Log, Proof, kept
from tests.payments.shop import STARTER, Market
from tests.payments.standins.base import Delivery
from tests.stand import ROOT, Answer, RunningGateway, environment

SIGNING = ("stripe", "polar", "btcpay")
DATED = ("stripe", "polar")
"""Those whose signature says when it was made."""
SIGNED_IN = {"stripe": "stripe-signature", "polar": "webhook-signature", "btcpay": "btcpay-sig"}
SECRETS = ("STRIPE_WEBHOOK_SECRET", "POLAR_WEBHOOK_SECRET", "BTCPAY_WEBHOOK_SECRET")
OTHER_SECRET = "another-canary-secret-of-nobody"
TOLERANCE_S = 300


def header(provider: str, headers: dict[str, str]) -> str:
    """The name of the header with the signature, as it is written there."""
    (name,) = [name for name in headers if name.lower() == SIGNED_IN[provider]]
    return name


def forgeries(market: Market, provider: str, real: Delivery) -> Iterator[tuple[str, dict[str, str], bytes]]:
    """What somebody can make who has seen one event, and knows no secret."""
    standin = market.standins[provider]
    name = header(provider, real.headers)
    unsigned = {other: value for other, value in real.headers.items() if other != name}
    yield "unsigned", unsigned, real.body
    yield "an empty signature", {**real.headers, name: ""}, real.body
    yield "a signature that is none", {**real.headers, name: "t=1,v1=2"}, real.body
    yield "a byte more", real.headers, real.body + b" "
    yield "a byte less", real.headers, real.body[:-1]
    yield "written anew", real.headers, json.dumps(json.loads(real.body), indent=3).encode()
    yield "another body", real.headers, real.body.replace(b"test", b"life")
    yield "nothing", real.headers, b""
    yield "another secret", standin.sign(real.body, secret=OTHER_SECRET), real.body
    for other in SIGNING:
        if other != provider:
            yield f"the signature of {other}", market.standins[other].sign(real.body), real.body
            value = next(iter(set(market.standins[other].sign(real.body).values()) - {"application/json"}))
            yield f"the signature of {other} in our header", {**real.headers, name: value}, real.body
    if provider in DATED:
        for age_s in (TOLERANCE_S + 5, 86_400, -TOLERANCE_S - 5):
            yield f"{age_s} s old", standin.sign(real.body, at_s=time.time() - age_s), real.body


@pytest.mark.parametrize("provider", SIGNING)
def test_case_11_forged_stale_reserialised_and_unsigned_events_are_refused(market: Market, provider: str) -> None:
    """400 that names the header, for a payment that was really made; the true event still counts after all of them."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    deliveries, proof = standin.pay(reference), Proof(market, provider, reference)
    asked = len(standin.requests)
    for what, headers, body in forgeries(market, provider, deliveries[-1]):
        log = Log(market.gateway)
        (answer,) = market.deliver(provider, [Delivery(headers, body)])
        assert answer.status == 400, what
        assert (answer.error["param"] or "").startswith(("webhook-", SIGNED_IN[provider])), what
        assert log.lines("project default", f"not {provider}'s", "refused"), what
        log.has_nothing_of(reference, OTHER_SECRET, *(value for value in headers.values() if len(value) > 40))
    assert len(standin.requests) == asked, "a forgery made somebody ask the provider"
    proof.nothing_happened()
    assert kept(market, reference) is None
    assert {answer.status for answer in market.deliver(provider, deliveries)} == {200}
    assert market.paid(key) == STARTER


def post_twice(gateway: RunningGateway, path: str, body: bytes, lines: list[tuple[str, str]]) -> Answer:
    """A request in which one header may stand twice."""
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    connection.putrequest("POST", path)
    for name, value in [*lines, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return answer


@pytest.mark.parametrize("provider", SIGNING)
def test_case_11_two_signatures_are_none(market: Market, provider: str) -> None:
    """The right one twice, or beside a wrong one in any order and case: nobody asks which of them counts."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    real = standin.pay(reference)[-1]
    name = header(provider, real.headers)
    rest = [(other, value) for other, value in real.headers.items() if other != name]
    right, wrong = real.headers[name], standin.sign(real.body, secret=OTHER_SECRET)[name]
    for first, second in ((right, right), (right, wrong), (wrong, right)):
        for again in (name, name.upper()):
            lines = [*rest, (name, first), (again, second)]
            answer = post_twice(market.gateway, f"/{provider}/webhook", real.body, lines)
            assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    Proof(market, provider, reference).nothing_happened()
    assert post_twice(market.gateway, f"/{provider}/webhook", real.body, [*rest, (name, right)]).status == 200


@pytest.mark.parametrize("provider", SIGNING)
def test_case_11_a_projects_secret_counts_for_that_project_alone(market: Market, provider: str) -> None:
    """The operator's secret signs nothing for a project, nor one project's for another, nor a project's for ours."""
    secret, others = "canary-secret-of-a-project-1", "canary-secret-of-a-project-2"
    standin = market.standins[provider]
    project, other = market.selling(provider), market.selling(provider)
    for one, its in ((project, secret), (other, others)):
        terms = one.document["payments"][provider]
        place = f"{provider}:{terms['mode']}:{terms.get('url', '')}"
        one.seal(f"payments/{provider}/webhook", place, its)
    token, before = project.token(), set(standin.references())
    assert project.post({"pack": "small"}, "/checkout", token=token).status == 200
    (reference,) = set(standin.references()) - before
    (real, proof) = standin.pay(reference)[-1], Proof(market, provider, reference, project.project_id)
    log = Log(market.gateway)
    for wrong in (standin.secret, others):
        forged = Delivery(standin.sign(real.body, secret=wrong), real.body)
        assert [answer.status for answer in market.deliver(provider, [forged], project.project_id)] == [400]
    signed = Delivery(standin.sign(real.body, secret=secret), real.body)
    assert [answer.status for answer in market.deliver(provider, [signed])] == [400]
    assert [answer.status for answer in market.deliver(provider, [signed], other.project_id)] == [400]
    proof.nothing_happened()
    assert log.lines(f"project {project.project_id}", provider, "refused")
    log.has_nothing_of(secret, others, reference)
    (answer,) = market.deliver(provider, [signed], project.project_id)
    assert answer.json() == {"received": True, "handled": True}
    assert project.account(token)["balance"]["paid"] == 1000


def test_case_11_old_and_new_secret_count_while_one_replaces_the_other(market: Market) -> None:
    """Both sign during a rotation; before it the new one does not, and a third never does."""
    changed = {name: f"canary-new-{name.lower()}" for name in SECRETS}
    before = {f"{name}_BEFORE": market.settings[name] for name in SECRETS}
    rotating = market.start(**(market.settings | changed | before))
    log = Log(rotating)
    for provider, name in zip(SIGNING, SECRETS, strict=True):
        standin = market.standins[provider]
        for secret, now, then in ((changed[name], 200, 400), (standin.secret, 200, 200), (OTHER_SECRET, 400, 400)):
            real = standin.strange()
            headers = standin.sign(real.body, secret=secret)
            for gateway, expected in ((rotating, now), (market.gateway, then)):
                answer = gateway.request("POST", f"/{provider}/webhook", real.body, headers=headers)
                assert answer.status == expected, (provider, gateway is rotating)
    log.has_nothing_of(OTHER_SECRET, *changed.values())


@pytest.mark.parametrize("value", ["", " ", "changeme"])
@pytest.mark.parametrize("name", [*SECRETS, *(f"{name}_BEFORE" for name in SECRETS)])
def test_case_11_an_empty_secret_refuses_to_start(name: str, value: str) -> None:
    """With one that is empty or everybody's, anybody could sign."""
    with pytest.raises(SettingsError, match=name):
        settings.read(environment("http://127.0.0.1:9", "t-") | {name: value})


def test_case_11_the_function_of_webhooks_ends_where_a_secret_is_empty() -> None:
    """The process itself, not only what reads its settings."""
    command = [sys.executable, "-c", "import functions.webhooks"]
    variables = os.environ | {"POLAR_WEBHOOK_SECRET": ""}
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=False)
    assert ended.returncode == 1
    assert "POLAR_WEBHOOK_SECRET" in ended.stderr.decode().splitlines()[-1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"id=",
        b"id=tr_1&id=tr_2",
        b"id=../../v2/organizations/me",
        b"id=tr_abc%2F..%2Fmethods",
        b"id=tr_%0d%0aX-Evil:1",
        b"id=" + b"a" * 5000,
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_case_11_mollie_signs_nothing_so_what_is_no_reference_is_refused(market: Market, body: bytes) -> None:
    """400 before anything is asked: the reference goes into an address."""
    log, asked = Log(market.gateway), len(market.standins["mollie"].requests)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    (answer,) = market.deliver("mollie", [Delivery(headers, body)])
    assert answer.status == 400
    assert len(market.standins["mollie"].requests) == asked
    assert log.lines("project default", "mollie", "refused")
    log.has_nothing_of("organizations", "X-Evil")


def test_case_11_anybody_may_tell_mollies_news_and_only_mollies_word_counts(market: Market) -> None:
    """An event for a payment that is not made, or that nobody knows, is asked about or ignored, and moves nothing."""
    key, standin = market.gateway.key(), market.standins["mollie"]
    _, reference = market.buy("mollie", key)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    forged = Delivery(headers, f"id={reference}".encode())
    answers = market.deliver("mollie", [forged, Delivery(headers, b"id=tr_7UhSN1zuXS")])
    assert [answer.status for answer in answers] == [200, 200]
    assert market.paid(key) == 0
    Proof(market, "mollie", reference).nothing_happened()
    standin.pay(reference)
    assert [answer.json()["handled"] for answer in market.deliver("mollie", [forged])] == [True]
    assert market.paid(key) == STARTER

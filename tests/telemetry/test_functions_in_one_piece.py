"""The functions that answer in one piece, called as Lambda calls them: their metrics and logs."""

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import settings as settings_module
from functions.ledger import account as accounts
from functions.ledger import credentials, grants, tables
from functions.ledger.admit import admit
from functions.ledger.receipts import Receipt, put
from functions.ledger.store import Item, Ledger
from functions.money import MICROCREDITS_PER_CREDIT
from tests import stand
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.forward.stage import CREDITS, WEEK_S
from tests.ledger.arrange import ask
from tests.telemetry.deployed import Asked, Invoked, invoked, metrics_of, on_lambda, requests_of

HELD = 7 * MICROCREDITS_PER_CREDIT


class Yesterday(tables.SystemClock):
    """Whose holds have expired long ago."""

    def now(self) -> float:
        return super().now() - 86_400


@dataclasses.dataclass
class Deployment:
    """Tables of a test's own, and the environment of the functions on them."""

    settings: settings_module.Settings
    variables: dict[str, str]
    folder: Path

    def ledger(self) -> Ledger:
        gateway = stand.RunningGateway("", self.folder, None, self.settings, self.folder)  # type: ignore[arg-type]
        return gateway.ledger()

    def customer(self, holds_left_open: int = 0) -> tuple[str, str]:
        """The key and the id of a new account, with holds that their requests left open yesterday."""
        ledger = self.ledger()
        address = grants.Address("default", f"{secrets.token_hex(6)}@farebox.test")
        key = tables.drive(grants.register(ledger, address, grants.Trial(CREDITS * MICROCREDITS_PER_CREDIT, WEEK_S)))
        found = tables.drive(credentials.find(ledger, credentials.credential_id(key)))
        assert found
        account = found[1]
        past = dataclasses.replace(ledger, clock=Yesterday())
        for _ in range(holds_left_open):
            wanted = ask(HELD, account, past.clock.now())
            account = tables.drive(admit(past, account, wanted, fresh=False)).account
        return key, account.account_id

    def change(self, account_id: str, expression: str, values: Item) -> None:
        """Behind the ledger's back."""
        request: Item = {"TableName": self.ledger().table("accounts"), "Key": accounts.key(account_id)}
        request |= {"UpdateExpression": expression, "ExpressionAttributeValues": values}
        tables.drive(self.ledger().write("UpdateItem", request))

    def of(self, function: str) -> dict[str, str]:
        return self.variables | {"AWS_LAMBDA_FUNCTION_NAME": f"farebox-test-{function}"}


def deploy(dynamodb_url: str, upstream: ScriptedUpstream, folder: Path) -> Deployment:
    upstream.play(plain)
    more = {"LLAMA_BASE_URL": upstream.url, "MAIL_OUTBOX": str(folder / "outbox")}
    variables = on_lambda("api", dynamodb_url, f"t{secrets.token_hex(5)}-", **more)
    settings = settings_module.read(variables)
    tables.create_tables(settings)
    return Deployment(settings, variables, folder)


@pytest.fixture(scope="module")
def deployment(dynamodb_url: str, scripted: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deploy(dynamodb_url, scripted, tmp_path_factory.mktemp("one-piece"))


@pytest.fixture(scope="module")
def shared_api(deployment: Deployment) -> Iterator[Invoked]:
    with invoked("app.app", deployment.of("api"), deployment.folder) as function:
        yield function


@pytest.fixture
def api(shared_api: Invoked) -> Invoked:
    """Only what is logged from now on."""
    return dataclasses.replace(shared_api, read=len(shared_api.log.read_text()))


def bearer(key: str) -> dict[str, dict[str, list[str]]]:
    return {"multiValueHeaders": {"Authorization": [f"Bearer {key}"]}}


def test_each_answer_of_the_api_is_a_line_with_its_ids(deployment: Deployment, api: Invoked) -> None:
    """x-request-id, Lambda's request id and the trace id of its own invocation, one request after the other."""
    key, _ = deployment.customer()
    for _ in range(3):
        asked = Asked()
        answer = api.ask("/account", asked, more=bearer(key))
        assert answer["statusCode"] == 200
        line = requests_of(api.lines())[-1]
        assert line["request_id"] == answer["headers"]["x-request-id"]
        assert (line["function_request_id"], line["xray_trace_id"]) == (asked.function_request_id, asked.trace_id)
        assert (line["endpoint"], line["method"], line["status"]) == ("/account", "GET", 200)
        assert (line["service"], line["stage"], line["outcome"]) == ("api", "test", "completed")
    assert len(requests_of(api.lines())) == 3
    assert not metrics_of(api.lines())


def test_the_apis_refusals_are_counted_by_reason(deployment: Deployment, api: Invoked) -> None:
    """Errors of ours, errors that Chalice finds, and faults of the gateway's own; each once."""
    key, _ = deployment.customer()
    asked = Asked()
    assert api.ask("/account", asked, more=bearer("sk-wrong"))["statusCode"] == 401
    assert api.ask("/account", asked, method="PUT")["statusCode"] == 405
    form = {"headers": {"content-type": "text/plain"}, "body": "x"}
    assert api.ask("/register", asked, method="POST", more=form)["statusCode"] == 415
    broken = {"body": "abcde", "isBase64Encoded": True} | bearer(key)
    assert api.ask("/v1/estimate", asked, method="POST", more=broken)["statusCode"] == 500
    lines = api.lines()
    for reason in ("invalid_api_key", "not_found", "invalid_request_error", "gateway_failed"):
        assert metrics_of(lines, reason) == {"Refused": 1}
    failures = [line for line in lines if line.get("level") == "ERROR"]
    assert [failure["exception_name"] for failure in failures] == ["Error"]
    assert "Incorrect padding" not in failures[0]["exception"]
    assert failures[0]["request_id"] == requests_of(lines)[-1]["request_id"]


def test_nothing_that_anyone_wrote_is_in_the_apis_log(deployment: Deployment, api: Invoked) -> None:
    """Neither an e-mail address nor a key, a path, a query, a body or an address of the network."""
    key, _ = deployment.customer()
    canary = f"canary-{secrets.token_hex(8)}"
    asked = Asked()
    more = bearer(key) | {"multiValueQueryStringParameters": {"q": [canary]}, "queryStringParameters": {"q": canary}}
    name = {"pathParameters": {"name": canary}}
    assert api.ask(f"/v1/models/{canary}", asked, "/v1/models/{name}", more=more | name)["statusCode"] == 404
    assert api.ask("/account/receipts", asked, more=more)["statusCode"] == 400
    for body in (f'{{"email": "{canary}@farebox.test"}}', f'{{"email": "{canary} @x"}}', f'"{canary}'):
        post = {"body": body, "headers": {"content-type": "application/json"}}
        answer = api.ask("/register", asked, method="POST", more=post)
        assert answer["statusCode"] in (200, 400)
    assert len(requests_of(api.lines())) == 5
    text = api.text()
    for secret in (canary, key, asked.address, "farebox.test"):
        assert secret not in text


def test_a_hold_that_is_healed_is_counted_by_whoever_read_the_account(deployment: Deployment, api: Invoked) -> None:
    """HealedHolds of service api, with a warning that names the receipt; reading again heals nothing more."""
    key, _ = deployment.customer(holds_left_open=2)
    for _ in range(2):
        assert api.ask("/account", Asked(), more=bearer(key))["statusCode"] == 200
    told = metrics_of(api.lines())
    assert (told["HealedHolds"], told["Credits"]) == (2, 0)
    warnings = [line["message"] for line in api.lines() if line.get("level") == "WARNING"]
    assert len(warnings) == 2
    assert all("healed" in warning for warning in warnings)


def test_the_nightly_audit_tells_what_it_found(dynamodb_url: str, scripted: ScriptedUpstream, tmp_path: Path) -> None:
    """AuditedAccounts, Drift in microcredits and HealedHolds of service maintenance; a healed hold whose receipt was
    written tells the credits that its request could not."""
    deployment = deploy(dynamodb_url, scripted, tmp_path)
    deployment.customer()
    _, wrong = deployment.customer()
    deployment.change(wrong, "SET spent = spent + :n", {":n": {"N": "3"}})
    key, crashed = deployment.customer(holds_left_open=2)
    ledger = deployment.ledger()
    found = tables.drive(credentials.find(ledger, credentials.credential_id(key)))
    assert found
    written = Receipt(crashed, min(found[1].holds), 1, 2, "completed", cost=HELD - 5, hold=HELD, input=4, output=2)
    assert tables.drive(put(ledger, written)) == written
    asked = Asked()
    with invoked("functions.maintenance.handler", deployment.of("maintenance"), deployment.folder) as maintenance:
        answer = maintenance.call({}, asked)
        lines = maintenance.lines()
    assert (answer["accounts"], answer["drift"] > 0, answer["healed"]) == (3, True, 2)
    assert {line["service"] for line in lines} == {"maintenance"}
    assert metrics_of(lines) == {
        "AuditedAccounts": 3,
        "Drift": answer["drift"],
        "HealedHolds": 2,
        "Credits": (HELD - 5) / MICROCREDITS_PER_CREDIT,
        "InputTokens": 4,
        "OutputTokens": 2,
    }
    logged = [line for line in lines if "message" in line]
    assert logged
    assert {line["function_request_id"] for line in logged} == {asked.function_request_id}


@pytest.mark.parametrize(
    ("service", "handler", "path"),
    [("webhooks", "functions.webhooks.app", "/stripe/webhook"), ("admin", "functions.admin.app", "/admin/status")],
)
def test_webhooks_and_admin_tell_their_refusals(deployment: Deployment, service: str, handler: str, path: str) -> None:
    """Who is not believed is counted under the function's own service, and stands in its log as JSON."""
    method = "POST" if service == "webhooks" else "GET"
    with invoked(handler, deployment.of(service), deployment.folder) as function:
        answer = function.ask(path, Asked(), method=method)
        lines = function.lines()
    (line,) = requests_of(lines)
    assert (line["service"], line["status"]) == (service, answer["statusCode"])
    assert answer["statusCode"] >= 400
    assert metrics_of(lines, line["outcome"]) == {"Refused": 1}
    assert {line["service"] for line in lines} == {service}

"""An owner connects payment providers: keys and webhook secrets are given apart, and never shown again."""

import json
import secrets
from typing import Any

import pytest

from functions import settings as settings_module
from functions.authenticate.callers import Callers
from functions.errors import NotFound, PaymentProviderFailed
from functions.ledger.tables import drive
from functions.payments import connections
from functions.payments.given import BEFORE_COUNTS_S
from functions.payments.provider import PROVIDERS, Connection
from functions.projects.live import Live, Projects
from tests.forward.stage import ledger_of
from tests.owners.owner import Owner, Projected

PRODUCT = "5d6b3a2e-0f61-4a52-9c5e-3f1d2c4b5a69"
STORE = "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776"
PAYMENTS: dict[str, Any] = {
    "stripe": {"mode": "live"},
    "polar": {"mode": "test", "product": PRODUCT},
    "mollie": {"mode": "test"},
    "btcpay": {"mode": "live", "url": "https://pay.example", "store": STORE},
}
KEYS = {
    "stripe": "rk_live_canary-of-stripe",
    "polar": "polar_oat_canary-of-polar",
    "mollie": "test_canary-of-mollie",
    "btcpay": "canary-of-btcpay",
}
WEBHOOKS = {name: f"whsec_canary-of-{name}" for name in ("stripe", "polar", "btcpay")}
SETTINGS = settings_module.read(
    {
        "PROJECTS_SECRET": "another secret for projects, which came after it",
        "PROJECTS_SECRET_BEFORE": "a secret for projects, which is quite long enough",
        "STRIPE_SECRET_KEY": "sk_live_of-the-operator",
        "STRIPE_WEBHOOK_SECRET": "whsec_of-the-operator",
    }
)
"""A function's, which knows what the console seals with, and has an account of its own at Stripe."""


def selling(owner: Owner, **payments: Any) -> Projected:
    return owner.project(payments=payments or PAYMENTS)


def set_up(project: Projected, *names: str) -> None:
    """Give what these connections need."""
    for name in names:
        project.told("PUT", f"/payments/{name}/key", {"api_key": KEYS[name]})
        if name in WEBHOOKS:
            project.told("PUT", f"/payments/{name}/webhook-secret", {"secret": WEBHOOKS[name]})


def rewrite(project: Projected, **payments: Any) -> None:
    """Change the document's connections."""
    shown = project.shown
    document = shown["document"] | {"payments": payments}
    project.told("PUT", "", {"version": shown["version"], "document": document})


def live(project: Projected) -> Live:
    """The project as a function reads it."""
    return drive(Projects(SETTINGS, ledger_of(project.owner.gateway), Callers()).get(project.project_id))


def connection(project: Projected, name: str, after_s: float = 0) -> Connection:
    """A connection as a function has it, some time after now."""
    found = live(project)
    found.read_s += after_s
    return connections.of_project(SETTINGS, found, name)


def shown(project: Projected, name: str) -> Any:
    """A connection as the console shows it."""
    return next(one for one in project.told("GET", "/payments")["data"] if one["provider"] == name)


def test_what_is_given_is_used_and_never_shown_again(owner: Owner) -> None:
    """Each connection has what was given for it; the console shows how it ends, and no answer holds more."""
    project = selling(owner)
    assert [one["ready"] for one in project.told("GET", "/payments")["data"]] == [False] * 4
    set_up(project, *PROVIDERS)
    for name in PROVIDERS:
        made = connection(project, name)
        assert (made.project_id, made.provider, made.mode) == (project.project_id, name, PAYMENTS[name]["mode"])
        assert made.key == KEYS[name]
        assert made.webhook_secrets == ((WEBHOOKS[name],) if name in WEBHOOKS else ())
        view = shown(project, name)
        assert (view["ready"], view["mode"], view["key"]["shown"]) == (True, made.mode, "…" + KEYS[name][-4:])
        assert view["webhook_url"].endswith(f"/projects/{project.project_id}/{name}/webhook")
    answers = [project.ask("GET", path) for path in ("", "/payments", "/export", "/orders")]
    assert not [answer for answer in answers if b"canary" in answer.body]
    assert "canary" not in repr(connection(project, "stripe"))


def test_a_connection_is_where_its_provider_is(owner: Owner) -> None:
    """The operator says where Stripe, Polar and its sandbox and Mollie are; a server of the owner's is guarded."""
    project = selling(owner)
    set_up(project, *PROVIDERS)
    found = {name: connection(project, name) for name in PROVIDERS}
    assert {name: made.url for name, made in found.items()} == {
        "stripe": "https://api.stripe.com",
        "polar": "https://sandbox-api.polar.sh",
        "mollie": "https://api.mollie.com",
        "btcpay": "https://pay.example",
    }
    assert [name for name, made in found.items() if made.guarded] == ["btcpay"]
    assert (found["polar"].product, found["btcpay"].store) == (PRODUCT, STORE)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_connection_that_is_not_whole_is_none(owner: Owner, name: str) -> None:
    """Without its key, or the secret that events are signed with, nothing is sold, least of all by the operator's."""
    project = selling(owner)
    for path, given in (("key", {"api_key": KEYS[name]}), ("webhook-secret", {"secret": WEBHOOKS.get(name)})):
        with pytest.raises(NotFound, match=name):
            connection(project, name)
        assert (shown(project, name)["ready"], connections.available(SETTINGS, live(project))) == (False, ())
        if path == "key" or name in WEBHOOKS:
            project.told("PUT", f"/payments/{name}/{path}", given)
        if name not in WEBHOOKS:
            break
    assert (shown(project, name)["ready"], connections.available(SETTINGS, live(project))) == (True, (name,))


def test_a_connection_that_the_document_does_not_name_is_none(owner: Owner) -> None:
    """The operator's own account is never used by a project."""
    project = selling(owner, mollie={"mode": "test"})
    for name in ("stripe", "polar", "btcpay"):
        with pytest.raises(NotFound, match=name):
            connection(project, name)
        assert project.ask("PUT", f"/payments/{name}/key", {"api_key": KEYS[name]}).status == 404
        assert project.ask("PUT", f"/payments/{name}/webhook-secret", {"secret": WEBHOOKS[name]}).status == 404


@pytest.mark.parametrize(
    ("name", "mode", "key"),
    [
        ("stripe", "live", "sk_test_canary"),
        ("stripe", "live", "rk_test_canary"),
        ("stripe", "test", "sk_live_canary"),
        ("mollie", "live", "test_canary"),
        ("mollie", "test", "live_canary"),
    ],
)
def test_a_key_of_the_other_mode_is_refused(owner: Owner, name: str, mode: str, key: str) -> None:
    """The key says its mode; where the document says another, the answer names both, and nothing is kept."""
    project = selling(owner, **{name: {"mode": mode}})
    answer = project.ask("PUT", f"/payments/{name}/key", {"api_key": key})
    assert (answer.status, answer.error["param"]) == (400, "api_key")
    assert {"live", "test"} <= set(answer.error["message"].replace(";", "").replace(".", "").split())
    assert "canary" not in answer.error["message"]
    assert shown(project, name)["key"] is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("stripe", key) for key in ("pk_live_canary", "whsec_canary", "canary-canary", "SK_LIVE_canary")),
        *(("mollie", key) for key in ("sk_live_canary", "access_canary", "canary-canary")),
        *(("polar", key) for key in ("", "short", "with a space", "line\nbreak", "x" * 1001, "changeme-canary")),
        *(("btcpay", key) for key in (None, 12345678, ["canary-canary"], "<canary-canary>", "XXXX-canary")),
    ],
)
def test_what_is_no_key_is_refused(owner: Owner, name: str, key: Any) -> None:
    """Another thing's key, nothing, a placeholder: 400 by the field's name, never repeated."""
    answer = selling(owner).ask("PUT", f"/payments/{name}/key", {"api_key": key})
    assert (answer.status, answer.error["param"]) == (400, "api_key")
    assert "canary" not in answer.error["message"]
    assert ("begin with" in answer.error["message"]) == (name in ("stripe", "mollie"))


@pytest.mark.parametrize(
    "secret", ["", "short", "x" * 15, "ä" * 20, "with a space in it", "placeholder-canary-1", None]
)
def test_what_is_no_webhook_secret_is_refused(owner: Owner, secret: Any) -> None:
    """A short one could be guessed, an empty one would let anybody sign."""
    answer = selling(owner).ask("PUT", "/payments/polar/webhook-secret", {"secret": secret})
    assert (answer.status, answer.error["param"]) == (400, "secret")
    assert "canary" not in answer.error["message"]


def test_mollie_has_no_webhook_secret(owner: Owner) -> None:
    """It signs nothing: a secret given for it would never be looked at."""
    answer = selling(owner).ask("PUT", "/payments/mollie/webhook-secret", {"secret": "s" * 32})
    assert (answer.status, answer.error["param"]) == (400, "secret")


def test_the_webhook_secret_before_counts_for_three_days(owner: Owner) -> None:
    """A new one moves the present one; both count, the newest first, until the older is over."""
    project = selling(owner)
    set_up(project, "stripe")
    first, second, third = WEBHOOKS["stripe"], "whsec_the-second-one", "whsec_the-third-one"
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": second})
    assert connection(project, "stripe").webhook_secrets == (second, first)
    assert connection(project, "stripe", BEFORE_COUNTS_S - 60).webhook_secrets == (second, first)
    assert connection(project, "stripe", BEFORE_COUNTS_S + 60).webhook_secrets == (second,)
    view = shown(project, "stripe")["webhook_secret_before"]
    assert (view["shown"], set(view)) == ("…" + first[-4:], {"shown", "created", "fits", "counts_until"})
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": third})
    assert connection(project, "stripe").webhook_secrets == (third, second)


def test_the_same_webhook_secret_again_changes_nothing(owner: Owner) -> None:
    """An answer that was lost is asked for again: the secret before is still the one before."""
    project = selling(owner)
    set_up(project, "stripe")
    told = [project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_the-second-one"}) for _ in "12"]
    assert told[0] == told[1]
    assert connection(project, "stripe").webhook_secrets == ("whsec_the-second-one", WEBHOOKS["stripe"])


def test_a_webhook_secret_that_leaked_is_ended_at_once(owner: Owner) -> None:
    """Taken away, neither it nor the one before counts; what is given after has none before it."""
    project = selling(owner)
    set_up(project, "stripe")
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_the-second-one"})
    project.told("DELETE", "/payments/stripe/webhook-secret")
    assert [kept["name"] for kept in project.shown["secrets"]] == ["payments/stripe/key"]
    with pytest.raises(NotFound):
        connection(project, "stripe")
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_the-third-one"})
    assert connection(project, "stripe").webhook_secrets == ("whsec_the-third-one",)
    assert shown(project, "stripe")["webhook_secret_before"] is None


@pytest.mark.parametrize(
    ("name", "change"), [("polar", {"mode": "live"}), ("btcpay", {"url": "https://other.example"})], ids=str
)
def test_what_was_given_is_for_one_mode_and_one_server(owner: Owner, name: str, change: dict[str, str]) -> None:
    """Where the document says another, nothing is sent to it or believed from it until it is given again."""
    project = selling(owner)
    set_up(project, name)
    rewrite(project, **{name: PAYMENTS[name] | change})
    with pytest.raises(PaymentProviderFailed, match="given again") as refused:
        connection(project, name)
    assert (refused.value.status, "canary" in refused.value.message) == (503, False)
    view = shown(project, name)
    assert (view["ready"], view["key"]["fits"], view["webhook_secret"]["fits"]) == (False, False, False)
    assert connections.available(SETTINGS, live(project)) == ()
    project.told("PUT", f"/payments/{name}/key", {"api_key": "another-canary"})
    project.told("PUT", f"/payments/{name}/webhook-secret", {"secret": "whsec_of-the-other-place"})
    made = connection(project, name)
    assert (made.key, made.webhook_secrets) == ("another-canary", ("whsec_of-the-other-place",))


def test_a_secret_of_another_mode_does_not_come_back(owner: Owner) -> None:
    """Live, test, and live again: the first live secret was replaced, and never counts again."""
    project = selling(owner)
    set_up(project, "stripe")
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_the-second-one"})
    rewrite(project, stripe={"mode": "test"})
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_of-test-mode"})
    rewrite(project, stripe={"mode": "live"})
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_the-fourth-one"})
    assert connection(project, "stripe").webhook_secrets == ("whsec_the-fourth-one",)


def test_what_is_no_longer_named_can_still_be_taken_away(owner: Owner) -> None:
    """A key whose connection left the document is forgotten by its name; what was never given is 404."""
    project = selling(owner)
    set_up(project, "stripe")
    rewrite(project)
    for path in ("key", "webhook-secret"):
        project.told("DELETE", f"/payments/stripe/{path}")
        assert project.ask("DELETE", f"/payments/stripe/{path}").status == 404
    assert project.shown["secrets"] == []
    assert project.ask("DELETE", "/payments/paypal/key").status == 404


def test_a_document_that_is_exported_makes_the_same_connections(owner: Owner) -> None:
    """Export and import keep `payments` to the letter; keys stay where they are, and are given again."""
    project = selling(owner)
    set_up(project, "stripe")
    exported = project.ask("GET", "/export")
    assert exported.json()["payments"] == PAYMENTS
    project.owner.told("DELETE", f"/projects/{project.project_id}")
    made = project.owner.told("POST", "/projects/import", json.loads(exported.body))
    assert (made["document"], made["secrets"]) == (exported.json(), [])
    again = Projected(owner, made["id"])
    assert [(one["provider"], one["ready"]) for one in again.told("GET", "/payments")["data"]] == [
        (name, False) for name in PAYMENTS
    ]


@pytest.mark.parametrize(
    ("payments", "param"),
    [
        ({"paypal": {"mode": "live"}}, "payments.paypal"),
        ({"stripe": {}}, "payments.stripe.mode"),
        ({"stripe": {"mode": "live", "api_key": "sk_live_canary"}}, "payments.stripe.api_key"),
        ({"btcpay": PAYMENTS["btcpay"] | {"url": "https://169.254.169.254"}}, "payments.btcpay.url"),
        ({"polar": {"mode": "live", "product": "prod_1"}}, "payments.polar.product"),
    ],
)
def test_a_wrong_connection_is_refused_by_its_path(owner: Owner, payments: Any, param: str) -> None:
    """The console says where in the document it stands, and does not repeat what was there."""
    project = owner.project()
    document = project.shown["document"] | {"payments": payments}
    answer = project.ask("PUT", "", {"version": 1, "document": document})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert b"canary" not in answer.body


def test_connections_of_two_projects_never_meet(owner: Owner) -> None:
    """The same owner, the same provider: each has its own key, and one cannot open the others."""
    mine, other = selling(owner), selling(owner)
    set_up(mine, "stripe")
    token = secrets.token_hex(8)
    other.told("PUT", "/payments/stripe/key", {"api_key": f"sk_live_{token}"})
    other.told("PUT", "/payments/stripe/webhook-secret", {"secret": f"whsec_{token}"})
    assert connection(mine, "stripe").key == KEYS["stripe"]
    assert connection(other, "stripe").key == f"sk_live_{token}"
    stolen, own = live(mine).stored, live(other)
    assert stolen
    assert own.stored
    own.stored.sealed["payments/stripe/key"] = stolen.sealed["payments/stripe/key"]  # type: ignore[index]
    with pytest.raises(PaymentProviderFailed):
        connections.of_project(SETTINGS, own, "stripe")

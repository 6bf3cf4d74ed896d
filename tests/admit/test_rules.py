"""RULES: what it may say, and that a malformed document starts nothing (case 26)."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.prices import RulesError
from functions.admit.rules import Gain, Rules
from functions.ledger.windows import DAY_S, Limit
from functions.settings import SettingsError
from tests.admit.ruled import TIGHT
from tests.forward.stage import Stage
from tests.stand import ROOT, environment

PRICE = {"model": "*", "input": 1, "output": 1}
HUGE = int("9" * 39)
NOT_WHOLE: list[Any] = [-1, 1.5, 1.0, True, False, "1", "", [], {}, HUGE, 10**12 + 1]
NOT_CREDITS: list[Any] = [
    -1,
    1.5,
    1.0,
    True,
    False,
    None,
    "",
    "-1",
    "1.",
    ".5",
    "1e3",
    "0.1234567",
    "NaN",
    [],
    {},
    HUGE,
]
NOT_OBJECTS: list[Any] = [None, [], 1, "x", True]


def read(document: Any, **more: str) -> Rules:
    text = document if isinstance(document, str) else json.dumps(document)
    return rules.of(settings_module.read(more | {"RULES": text}))


def at(path: str, value: Any) -> Any:
    """A document in which only this field is set."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


NUMBERS = [
    *(f"limits.user.{period}" for period in ("minute", "hour", "day", "week", "month", "total")),
    *(f"limits.{whose}.{period}" for whose in ("method", "project") for period in ("minute", "hour", "week", "month")),
    "limits.open_requests",
    "limits.input_tokens",
    "limits.output_tokens",
    "limits.shards",
    "credits.signup_days",
]
OBJECTS = ["credits", "limits", "limits.user", "limits.method", "limits.project", "credits.purchases"]
MALFORMED: list[tuple[str, Any]] = [
    *((path, at(path, value)) for path in NUMBERS for value in NOT_WHOLE),
    *((path, at(path, value)) for path in OBJECTS for value in NOT_OBJECTS),
    *((path, at(path, value)) for path in ("credits.signup", "credits.purchases.starter") for value in NOT_CREDITS),
    *((f"{path}.x" if path else "x", at(f"{path}.x".lstrip("."), 1)) for path in ("", *OBJECTS[:5])),
    ("limits.shards", at("limits.shards", None)),
    ("limits.shards", at("limits.shards", 0)),
    ("limits.shards", at("limits.shards", 65)),
    ("limits.open_requests", at("limits.open_requests", None)),
    ("limits.output_tokens", at("limits.output_tokens", 0)),
    ("limits.method.total", at("limits.method.total", 1)),
    ("limits.project.total", at("limits.project.total", 1)),
    ("limits.user.year", at("limits.user.year", 1)),
    ("prices", at("prices", [])),
    ("the rules", []),
    ("the rules", None),
    ("'limits' stands twice", '{"limits": {}, "limits": {}}'),
    ("'hour' stands twice", '{"limits": {"user": {"hour": 1, "hour": 2}}}'),
]
NO_JSON = ["{", "not JSON", "{'limits': {}}", "[" * 100_000, '{"limits": {"shards": ' + "1" * 5000 + "}}", "\ufeff{}"]


@pytest.mark.parametrize(("path", "document"), MALFORMED, ids=[f"{path}-{n}" for n, (path, _) in enumerate(MALFORMED)])
def test_a_malformed_rule_is_refused_with_its_path(path: str, document: Any) -> None:
    """Wrong type, negative, too large, unknown, twice: the message begins with the field."""
    with pytest.raises(SettingsError) as refused:
        read(document)
    assert str(refused.value).startswith((f"RULES: {path} ", f"RULES: {path}:"))


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_is_refused(text: str) -> None:
    """Cut off, no JSON, too deep, numbers without end: the setting is named."""
    with pytest.raises(SettingsError, match=r"^RULES"):
        read(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "1" * 39])
@pytest.mark.parametrize("path", ["credits.signup", "limits.user.hour"])
def test_case_09_what_json_readers_let_pass_is_no_number_of_a_rule(path: str, text: str) -> None:
    """NaN, Infinity, an overflow and 39 digits are refused by name."""
    with pytest.raises(SettingsError) as refused:
        read(json.dumps(at(path, 0)).replace("0", text))
    assert str(refused.value).startswith(f"RULES: {path}")


BROKEN = {
    "prices[0].input ": {"prices": [PRICE | {"input": 1.5}]},
    "prices[1].output is required": {"prices": [PRICE, {"model": "a", "input": 1}]},
    "limits.user.hour ": {"limits": {"user": {"hour": -1}}},
}
STREAMING = ["-m", "uvicorn", "functions.stream:app", "--port", "0"]
LOCAL = ["-m", "infra.local.server", "--port", "0"]
REST = ["-c", "import app; app.rest()"]


def run(arguments: list[str], path: str) -> "subprocess.CompletedProcess[str]":
    variables = environment("http://127.0.0.1:1", "none-", RULES=json.dumps(BROKEN[path]))
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("entry", "path"), [*((STREAMING, path) for path in BROKEN), (LOCAL, "prices[0].input ")])
def test_case_26_with_malformed_rules_nothing_starts(entry: list[str], path: str) -> None:
    """A malformed price table or limit: the real process ends before it listens, and names the field."""
    done = run(entry, path)
    assert done.returncode != 0
    assert f"SettingsError: RULES: {path}" in done.stderr
    assert "running on" not in done.stderr


def test_case_26_with_malformed_rules_no_route_of_chalice_has_what_it_needs() -> None:
    """What every route that knows accounts begins with is never made; the log names the field."""
    done = run(REST, "prices[0].input ")
    assert done.returncode != 0
    assert "SettingsError: RULES: prices[0].input " in done.stderr


def test_without_rules_the_settings_rule() -> None:
    """No RULES, an empty text and an empty object are the same: price and limits of the settings, no totals."""
    empty = read("")
    assert empty == read({}) == rules.of(settings_module.read({}))
    assert empty.account_limits == (Limit("m", 60, "requests a minute for one account"),)
    assert (empty.total_limits, empty.shards, empty.open_max) == ((), 1, 16)
    assert (empty.input_max, empty.output_max) == (None, None)
    assert (empty.signup, empty.purchases) == (Gain(100_000 * 10**6, 7 * DAY_S), {})


def test_what_the_rules_leave_out_is_as_in_the_settings() -> None:
    """A document changes only the fields it names; null takes a limit away."""
    made = read({"limits": {"user": {"hour": 5}}, "credits": {"signup": "0.5"}}, INFERENCE_USER_RATE_LIMIT="9")
    assert [(limit.period, limit.limit) for limit in made.account_limits] == [("m", 9), ("h", 5)]
    assert made.signup == Gain(500_000, 7 * DAY_S)
    assert made.prices.at("any", 0).input == 1_000_000
    assert read({"limits": {"user": {"minute": None}}}).account_limits == ()
    assert read({"limits": {"project": {"hour": None}}}).total_limits == ()
    assert read({"limits": {"input_tokens": None, "output_tokens": None}}).input_max is None


def test_every_limit_has_its_window_its_name_and_its_group() -> None:
    """Six of an account, five of an auth method, five of the project; the method's are counted apart by its name."""
    made = rules.of(settings_module.read({"RULES": json.dumps(TIGHT)}), "jwt")
    names = {"m": "a minute", "h": "an hour", "d": "a day", "w": "a week", "M": "a month"}
    users = [Limit(p, 3, f"requests {name} for one account") for p, name in names.items()]
    assert made.account_limits == (*users, Limit("t", 3, "requests in all for one account"))
    method = [Limit(p, 3, f"requests {name} of all who sign in this way", "jwt") for p, name in names.items()]
    project = [Limit(p, 3, f"requests {name} for the whole project") for p, name in names.items()]
    assert made.total_limits == (*method, *project)


def test_the_rules_of_a_project_name_their_fields_from_where_they_stand() -> None:
    """The path of an error begins with that of the rules themselves; `path` is that field and nothing more."""
    for value, path in (
        ({"limits": {"user": {"hour": -1}}}, "auth.jwt.rules.limits.user.hour"),
        ({"prices": [PRICE | {"input": 1.5}]}, "auth.jwt.rules.prices[0].input"),
        ({"x": 1}, "auth.jwt.rules.x"),
        ([], "auth.jwt.rules"),
    ):
        with pytest.raises(RulesError) as refused:
            rules.of_project("auth.jwt.rules", value, "jwt")
        assert refused.value.path == path
        assert str(refused.value).startswith(path)


def test_what_the_rules_of_a_project_leave_out_is_free_and_unlimited() -> None:
    """No credits, no prices, no windows, no address limit: sixteen requests at the same time are all there is."""
    made = rules.of_project("rules", {}, "jwt")
    assert (made.account_limits, made.total_limits, made.address_limits) == ((), (), ())
    assert (made.signup, made.purchases, made.open_max, made.shards) == (Gain(0), {}, 16, 1)
    assert (made.input_max, made.output_max) == (None, None)
    assert made.prices.at("any", 0).version == "free"


def test_a_new_account_begins_with_the_credits_of_the_rules(priced: Stage) -> None:
    """Registered over HTTP: exactly so many, and with `signup_days` 0 they do not expire."""
    balance = priced.gateway.account(priced.gateway.key())["balance"]
    assert (balance["available"], balance["paid"], balance["trial_expires"]) == (12.5, 12.5, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*NUMBERS, *OBJECTS, "credits.signup", "prices", "prices.0", "shards", ""])


@given(FIELDS, json_values)
def test_any_document_is_read_or_refused_by_name(path: str, value: Any) -> None:
    """Whatever stands in a field: rules come of it, or a SettingsError that names RULES; nothing else is raised."""
    try:
        made = read(json.dumps(at(path, value) if path else value))
    except SettingsError as error:
        assert str(error).startswith("RULES")  # noqa: PT017  either is right
    else:
        assert made.shards >= 1

"""The schema of a project's document says what its reader takes: it is sent by owners, and shown to them again."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.admit.prices import PRICE_MAX
from functions.admit.rules import LIMIT_MAX, PERIOD_NAMES, PROJECT_PERIODS, SHARDS_MAX, SIGNUP_DAYS_MAX
from functions.authenticate.issuers import ASYMMETRIC
from functions.errors import BadRequest
from functions.forward.endpoints import ENDPOINTS
from functions.forward.providers import KINDS
from functions.projects.abuse import BLOCK_S_MAX, THRESHOLD_MAX
from functions.projects.packs import AMOUNT_MAX
from functions.projects.presets import PROVIDERS
from functions.projects.providers import OUTPUT_TOKENS_MAX, TIMES_S
from infra.openapi.project_document import CREDITS_MAX
from tests.projects.papers import FULL, SMALL, changed, project
from tests.projects.test_document_refusals import CASES, NAMED, UNKNOWN, WITH_RULES, values
from tests.reference.checking import document

SCHEMA = jsonschema_rs.validator_for(
    {"$ref": "#/components/schemas/ProjectDocument", "components": document()["components"]}
)
UNSAYABLE = {
    "auth.jwt.issuers[3].domain": "a domain that is an address, or has no such port",
    "auth.jwt.issuers[4].issuer": "where a URL leads",
    "auth.jwt.issuers[5].jwks_url": "where a URL leads",
    "providers.mine.base_url": "where a URL leads",
    "payments.btcpay.url": "where a URL leads",
    "providers.home.operator": "which providers the operator has",
    "models[0].providers[1].provider": "which providers the document has",
    "abuse.moderation.provider": "which providers the document has",
    "endpoints./v1/chat/completions.template.model": "which models the document has",
    "origins[0]": "what an origin is, whatever its case",
    "abuse.patterns[0]": "that a pattern has text, in a few parts",
    "packs[0].currency": "which currencies can be paid in",
    "name": "which characters can be printed",
}
"""Of texts, by field: what the reader knows of them and no schema can say."""


JWT, KEY, MINE = ("auth", "jwt"), ("auth", "key", "rules"), ("providers", "mine")
TAKEN: list[tuple[tuple[str | int, ...], Any]] = [
    ((*JWT, "issuers", 4, "audience"), "one"),
    ((*JWT, "issuers", 4, "algorithms"), list(ASYMMETRIC)),
    ((*JWT, "issuers", 5, "jwks_url"), "https://[2606:4700::1111]:8443/keys/@1?v=2"),
    (KEY, {"credits": {"signup": "0.25", "signup_days": SIGNUP_DAYS_MAX, "purchases": {}}}),
    (KEY, {"credits": {"signup": CREDITS_MAX}}),
    (KEY, {"limits": {"user": dict.fromkeys(PERIOD_NAMES)}}),
    (KEY, {"limits": {"user": dict.fromkeys(PERIOD_NAMES, LIMIT_MAX)}}),
    (KEY, {"limits": {"method": dict.fromkeys(PROJECT_PERIODS, 0), "project": dict.fromkeys(PROJECT_PERIODS)}}),
    (KEY, {"limits": {"shards": SHARDS_MAX, "open_requests": 0, "input_tokens": 0, "output_tokens": 1}}),
    (KEY, {"limits": {"input_tokens": None, "output_tokens": None}}),
    (KEY, {"prices": [{"model": "*", "input": PRICE_MAX, "output": 0, "cached": 0, "reasoning": 0, "per_request": 1}]}),
    (KEY, {"prices": [{"model": "?", "input": 1, "output": 1, "from": "2027-01-01T12:00:00Z", "per_request": "0.5"}]}),
    *(((*MINE, name), bound) for name, bounds in TIMES_S.items() for bound in bounds),
    *(((*MINE, "client_left"), value) for value in ("stop", "drain")),
    *(((*MINE, "limit_name"), value) for value in ("max_tokens", "max_completion_tokens")),
    ((*MINE, "output_tokens"), OUTPUT_TOKENS_MAX),
    *(((*MINE, "kind"), kind) for kind in KINDS),
    *((("providers", "more"), {"preset": preset}) for preset in PROVIDERS),
    (("endpoints",), None),
    (("endpoints",), []),
    (("endpoints",), {}),
    *((("abuse",), value) for value in (None, {"threshold": THRESHOLD_MAX}, {"threshold": 1, "block_s": None})),
    *((("abuse", "window"), window) for window in PROJECT_PERIODS),
    (("abuse", "block_s"), BLOCK_S_MAX),
    *((("notices",), value) for value in (None, {"url": "https://a.example?to=me"})),
    (("packs", 0, "amount"), AMOUNT_MAX),
    (("name",), "x" * 100),
    (("images",), True),
]
"""What stands in no other example: bounds, choices, null where it means something."""
FORWARD = {"name": "x", "mode": "forward", "auth": {"no_auth": {}}, "fields": ["*"], "endpoints": list(ENDPOINTS)}


def _takes(paper: Any) -> bool:
    try:
        project(paper)
    except BadRequest:
        return False
    return True


@pytest.mark.parametrize(
    "paper",
    [FULL, SMALL, FORWARD, *(changed(WITH_RULES, path, value) for path, value in TAKEN)],
    ids=lambda _: "",
)
def test_a_document_fits_the_schema(paper: dict[str, Any]) -> None:
    """One with every field, the few that there must be, forward mode; every bound and choice."""
    assert _takes(paper)
    SCHEMA.validate(paper)


@pytest.mark.parametrize(("path", "value"), CASES, ids=[f"{path}-{n}" for n, (path, _) in enumerate(CASES)])
def test_what_the_reader_refuses_fits_no_schema(path: str, value: Any) -> None:
    """Whoever checks a document by the schema is not surprised, but in what the list above says."""
    if not (path in UNSAYABLE and isinstance(value, str)) and repr(value) != "1.0":  # for JSON Schema 1.0 is whole
        assert not SCHEMA.is_valid(changed(WITH_RULES, NAMED[path], value))


@pytest.mark.parametrize("path", UNKNOWN, ids=str)
def test_an_unknown_field_fits_no_schema(path: tuple[str | int, ...]) -> None:
    """Wherever it stands."""
    assert not SCHEMA.is_valid(changed(WITH_RULES, (*path, "role"), 1))


@given(st.sampled_from([("endpoints",), ("abuse",), ("notices",), *sorted(NAMED.values(), key=str)]), values)
def test_what_the_reader_takes_fits_the_schema(path: tuple[str | int, ...], value: Any) -> None:
    """Whatever stands in a field: it is stored as it came, and shown as it was stored."""
    paper = changed(WITH_RULES, path, value)
    assert SCHEMA.is_valid(paper) or not _takes(paper)

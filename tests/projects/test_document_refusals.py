"""A document that is wrong is refused as a whole, and the error names the field by its path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest
from functions.projects.project import Project
from tests.projects.papers import FULL, SMALL, changed, project, refused, without

NOT_TEXT: list[Any] = [None, 1, True, [], {}]
NOT_OBJECT: list[Any] = [None, 1, "x", [], True]
NOT_LIST: list[Any] = [None, 1, "x", {}, True]
NOT_WHOLE: list[Any] = [None, 0, -1, 1.5, 1.0, True, "1", 10**13]
NOT_SECONDS: list[Any] = [None, -1, True, "1", 10**6]
CHAT = "/v1/chat/completions"
NAMED: dict[str, tuple[str | int, ...]] = {
    "name": ("name",),
    "mode": ("mode",),
    "auth": ("auth",),
    "auth.key": ("auth", "key"),
    "auth.key.rules": ("auth", "key", "rules"),
    "auth.jwt.rules.credits.signup": ("auth", "jwt", "rules", "credits", "signup"),
    "auth.no_auth.rules.limits.user.minute": ("auth", "no_auth", "rules", "limits", "user", "minute"),
    "auth.jwt.issuers": ("auth", "jwt", "issuers"),
    "auth.jwt.issuers[0]": ("auth", "jwt", "issuers", 0),
    "auth.jwt.issuers[0].preset": ("auth", "jwt", "issuers", 0, "preset"),
    "auth.jwt.issuers[0].project": ("auth", "jwt", "issuers", 0, "project"),
    "auth.jwt.issuers[1].project": ("auth", "jwt", "issuers", 1, "project"),
    "auth.jwt.issuers[2].shared_secret": ("auth", "jwt", "issuers", 2, "shared_secret"),
    "auth.jwt.issuers[3].domain": ("auth", "jwt", "issuers", 3, "domain"),
    "auth.jwt.issuers[3].audience": ("auth", "jwt", "issuers", 3, "audience"),
    "auth.jwt.issuers[4].issuer": ("auth", "jwt", "issuers", 4, "issuer"),
    "auth.jwt.issuers[4].algorithms": ("auth", "jwt", "issuers", 4, "algorithms"),
    "auth.jwt.issuers[4].audience[1]": ("auth", "jwt", "issuers", 4, "audience", 1),
    "auth.jwt.issuers[5].jwks_url": ("auth", "jwt", "issuers", 5, "jwks_url"),
    "providers": ("providers",),
    "providers.openai": ("providers", "openai"),
    "providers.openai.preset": ("providers", "openai", "preset"),
    "providers.mine.kind": ("providers", "mine", "kind"),
    "providers.mine.base_url": ("providers", "mine", "base_url"),
    "providers.mine.limit_name": ("providers", "mine", "limit_name"),
    "providers.mine.output_tokens": ("providers", "mine", "output_tokens"),
    "providers.mine.connect_s": ("providers", "mine", "connect_s"),
    "providers.mine.cooldown_s": ("providers", "mine", "cooldown_s"),
    "providers.mine.client_left": ("providers", "mine", "client_left"),
    "providers.home.operator": ("providers", "home", "operator"),
    "models": ("models",),
    "models[0]": ("models", 0),
    "models[0].model": ("models", 0, "model"),
    "models[0].providers": ("models", 0, "providers"),
    "models[0].providers[1]": ("models", 0, "providers", 1),
    "models[0].providers[1].provider": ("models", 0, "providers", 1, "provider"),
    "models[0].providers[1].model": ("models", 0, "providers", 1, "model"),
    f"endpoints.{CHAT}": ("endpoints", CHAT),
    f"endpoints.{CHAT}.template": ("endpoints", CHAT, "template"),
    f"endpoints.{CHAT}.template.model": ("endpoints", CHAT, "template", "model"),
    f"endpoints.{CHAT}.template.messages": ("endpoints", CHAT, "template", "messages"),
    f"endpoints.{CHAT}.template.messages[0].role": ("endpoints", CHAT, "template", "messages", 0, "role"),
    f"endpoints.{CHAT}.client_sets": ("endpoints", CHAT, "client_sets"),
    f"endpoints.{CHAT}.client_sets[0]": ("endpoints", CHAT, "client_sets", 0),
    "fields": ("fields",),
    "images": ("images",),
    "origins": ("origins",),
    "origins[0]": ("origins", 0),
    "abuse.threshold": ("abuse", "threshold"),
    "abuse.window": ("abuse", "window"),
    "abuse.block_s": ("abuse", "block_s"),
    "abuse.patterns": ("abuse", "patterns"),
    "abuse.patterns[0]": ("abuse", "patterns", 0),
    "abuse.moderation": ("abuse", "moderation"),
    "abuse.moderation.provider": ("abuse", "moderation", "provider"),
    "packs": ("packs",),
    "packs[0]": ("packs", 0),
    "packs[0].id": ("packs", 0, "id"),
    "packs[0].amount": ("packs", 0, "amount"),
    "packs[0].currency": ("packs", 0, "currency"),
    "payments": ("payments",),
    "payments.stripe": ("payments", "stripe"),
    "payments.stripe.mode": ("payments", "stripe", "mode"),
    "payments.polar.product": ("payments", "polar", "product"),
    "payments.btcpay.url": ("payments", "btcpay", "url"),
    "payments.btcpay.store": ("payments", "btcpay", "store"),
    "format": ("format",),
}
OBJECTS = {
    *("auth", "auth.key", "auth.key.rules", "auth.jwt.issuers[0]", "providers", "providers.openai", "models[0]"),
    *("models[0].providers[1]", f"endpoints.{CHAT}", f"endpoints.{CHAT}.template", "abuse.moderation", "packs[0]"),
    *("payments", "payments.stripe"),
}
LISTS = {
    *("auth.jwt.issuers", "models", "models[0].providers", f"endpoints.{CHAT}.client_sets", "fields", "origins"),
    *("abuse.patterns", "packs", "auth.jwt.issuers[4].algorithms", f"endpoints.{CHAT}.template.messages"),
}
WHOLE = {"providers.mine.output_tokens", "abuse.threshold", "packs[0].amount"}
SECONDS = {"providers.mine.connect_s", "providers.mine.cooldown_s"}
OTHERS: dict[str, list[Any]] = {
    "name": ["", "x" * 101, "a\nb"],
    "mode": ["default", "Managed", ""],
    "auth": [{}, {"oauth": {}}],
    "auth.jwt.issuers[0]": [{"preset": "firebase"}, {"issuer": "https://a.example"}],
    "auth.jwt.issuers[0].project": ["My-App", "a/b", "a.evil.example", "x" * 41, "abc"],
    "auth.jwt.issuers[1].project": ["a.evil.example/", "A", "", "a#"],
    "auth.jwt.issuers[2].shared_secret": ["yes", 1],
    "auth.jwt.issuers[3].domain": ["a/b", "user@host", "127.0.0.1", "localhost", "a b", "", "a.example:99999"],
    "auth.jwt.issuers[4].issuer": ["http://issuer.example", "https://127.0.0.1", "https://u@h.example", "x"],
    "auth.jwt.issuers[4].algorithms": [[]],
    "auth.jwt.issuers[5].jwks_url": ["http://a.example/keys", "https://169.254.169.254/keys", "file:///etc/passwd"],
    "providers": [{f"p{number}": {"preset": "openai"} for number in range(21)}],
    "providers.openai.preset": ["OpenAI", "x"],
    "providers.mine.kind": ["gemini"],
    "providers.mine.base_url": [
        *("http://llm.example/v1", "https://10.0.0.1/v1", "https://[::ffff:169.254.169.254]/v1", "ftp://a.example"),
        *("https://user:pass@llm.example/v1", "https://llm.example/v1?key=1", "https://llm.example/v1#x", ""),
        "https://100.64.0.1/v1",
    ],
    "providers.mine.limit_name": ["max_output_tokens"],
    "providers.mine.client_left": ["wait"],
    "providers.home.operator": ["nobody", "", ["llama"]],
    "models[0].model": ["", "x" * 101],
    "models[0].providers": [[], [{"provider": "openai"}] * 11],
    "models[0].providers[1].provider": ["nobody", "OpenAI"],
    f"endpoints.{CHAT}.template.model": ["gpt-5", ""],
    f"endpoints.{CHAT}.client_sets[0]": ["messages", "instructions", "system", "store", "service_tier", "max_price"],
    "origins[0]": ["app.example", "https://app.example/", "*", "https://*.example", "https://a.example?x", ""],
    "abuse.window": ["total", "year", "m"],
    "abuse.patterns[0]": ["", "*", " * ", "x" * 201, "a*b*c*d*e*f*g*h*i*j*k"],
    "abuse.moderation.provider": ["claude", "home", "nobody"],
    "packs[0].id": ["", "A", "a b", "x" * 41],
    "packs[0].currency": ["USD", "dollar", "", "btc", "xof"],
    "payments": [{"paypal": {"mode": "live"}}],
    "payments.stripe": [{}, {"mode": "live", "url": "https://stripe.example"}],
    "payments.stripe.mode": ["", "Live", "sandbox"],
    "payments.polar.product": [
        "",
        "prod_1",
        "5D6B3A2E-0F61-4A52-9C5E-3F1D2C4B5A69",
        "5d6b3a2e0f614a529c5e3f1d2c4b5a69",
    ],
    "payments.btcpay.url": [
        *("http://pay.example", "https://10.0.0.1", "https://[::1]", "https://localhost", "ftp://pay.example", ""),
        *("https://u:p@pay.example", "https://pay.example?x=1", "https://pay.example#x", "https://169.254.169.254"),
    ],
    "payments.btcpay.store": ["", "a/b", "..", "a b", "x" * 101],
    "format": [2, 0, "1", True, 1.0],
}


def wrong(path: str) -> list[Any]:
    """Values that no field of this kind takes."""
    if path in OBJECTS:
        plain = NOT_OBJECT
    elif path in LISTS:
        plain = NOT_LIST
    elif path in WHOLE:
        plain = NOT_WHOLE
    elif path in SECONDS:
        plain = NOT_SECONDS
    elif path in ("images", "auth.jwt.issuers[2].shared_secret"):
        plain = [None, 1, "true", []]
    elif path == "abuse.block_s":
        plain = [0, -1, 1.5, True, "1"]
    elif path == "auth.no_auth.rules.limits.user.minute":
        plain = [-1, 1.5, True, "1"]
    elif path == "auth.jwt.rules.credits.signup":
        plain = [-1, 1.5, True, None, "x"]
    else:
        plain = [value for value in NOT_TEXT if path != "format" or value != 1 or value is True]
    return plain + OTHERS.get(path, [])


WITH_RULES = changed(FULL, ("auth", "key"), {"rules": {}})
CASES = [(path, value) for path in NAMED for value in wrong(path)]


@pytest.mark.parametrize(("path", "value"), CASES, ids=[f"{path}-{n}" for n, (path, _) in enumerate(CASES)])
def test_a_wrong_field_is_refused_by_its_path(path: str, value: Any) -> None:
    """Wrong type, out of bounds, not allowed: `param` is the field or stands inside it, and the message begins so."""
    error = refused(changed(WITH_RULES, NAMED[path], value))
    assert error.param is not None
    assert error.param == path or error.param.startswith((f"{path}.", f"{path}["))
    assert error.message.startswith(error.param)


UNKNOWN: list[tuple[str | int, ...]] = [
    *((), ("auth",), ("auth", "key"), ("auth", "jwt"), ("auth", "key", "rules"), ("auth", "jwt", "issuers", 0)),
    *((("auth", "jwt", "issuers", number)) for number in range(1, 6)),
    *(("providers", name) for name in ("openai", "mine", "home")),
    *(("models", 0), ("models", 0, "providers", 0), ("endpoints",), ("endpoints", CHAT), ("abuse",)),
    *(("payments", provider) for provider in ("stripe", "polar", "mollie", "btcpay")),
    *(("abuse", "moderation"), ("packs", 0), ("payments",), ("auth", "no_auth", "rules", "limits", "user")),
]


@pytest.mark.parametrize("name", ["role", "owner", "balance", "api_key", "__proto__", "x" * 500])
@pytest.mark.parametrize("path", UNKNOWN, ids=str)
def test_case_20_an_unknown_field_is_refused_wherever_it_stands(path: tuple[str | int, ...], name: str) -> None:
    """A key, a role, an owner: nothing is passed over in silence, and the error names the field."""
    error = refused(changed(WITH_RULES, (*path, name), 1))
    assert error.param is not None
    assert error.param.split(".")[-1][:60] == name[:60]


@pytest.mark.parametrize("name", ["name", "mode", "auth"])
def test_a_required_field_is_named(name: str) -> None:
    """Left out, it is asked for by its name."""
    error = refused(without(FULL, name))
    assert (error.param, error.message) == (name, f"{name} is required.")


@pytest.mark.parametrize("field", ["kind", "base_url"])
def test_a_provider_needs_a_kind_and_an_address(field: str) -> None:
    """Where there is no preset to know them."""
    assert refused(without(FULL, "providers", "mine", field)).param == f"providers.mine.{field}"


@pytest.mark.parametrize("name", ["", "OpenAI", "a/b", "a.b", "issuer/x", "x" * 41, "a b", "-a"])
def test_a_providers_name_is_a_plain_word(name: str) -> None:
    """So that no name is that of an issuer's secret, or of a path."""
    assert refused(SMALL | {"providers": {name: {"preset": "openai"}}}).param == f"providers.{name[:60]}"


def test_a_model_stands_once_in_the_list() -> None:
    """Of two entries with one pattern the second would never count."""
    assert refused(changed(FULL, ("models", 0, "model"), "claude-*")).param == "models[1].model"
    assert refused(changed(FULL, ("packs", 1), FULL["packs"][0])).param == "packs[1].id"


def test_a_preset_keeps_its_address() -> None:
    """Its key would be sent to whatever address stood beside it."""
    moved = {"preset": "openai", "base_url": "https://llm.example/v1"}
    assert refused(SMALL | {"providers": {"a": moved}}).param == "providers.a.base_url"
    shared = {"operator": "shared", "base_url": "https://llm.example/v1"}
    assert refused(SMALL | {"providers": {"a": shared}}).param == "providers.a.base_url"


def test_test_tokens_are_not_for_forward_mode() -> None:
    """They are never valid there, so a document that turns them on is wrong."""
    assert refused(SMALL | {"auth": {"key": {}, "test": {}}}).param == "auth.test"


def test_what_is_of_the_other_mode_is_refused() -> None:
    """`fields` opens forward mode, `images` managed mode; endpoints are a list in the one, an object in the other."""
    assert refused(changed(FULL, ("fields",), ["store"])).param == "fields"
    assert refused(SMALL | {"images": True}).param == "images"
    assert refused(SMALL | {"endpoints": {}}).param == "endpoints"
    assert refused(changed(FULL, ("endpoints",), [CHAT])).param == "endpoints"
    assert refused(SMALL | {"endpoints": [CHAT, CHAT]}).param == "endpoints"
    assert refused(SMALL | {"endpoints": ["/v1/files"]}).param == "endpoints[0]"


TEMPLATES: list[tuple[str, Any, str]] = [
    ("n", 1000, "n"),
    ("max_tokens", "100", "max_tokens"),
    ("max_tokens", -1, "max_tokens"),
    ("stream", "yes", "stream"),
    ("model", "claude-3", "model"),  # its provider has no chat completions
]


@pytest.mark.parametrize(("field", "value", "path"), TEMPLATES)
def test_a_template_that_no_request_could_use_is_refused(field: str, value: Any, path: str) -> None:
    """It is tried with a small request when the document is checked, not when the first user comes."""
    error = refused(changed(FULL, ("endpoints", CHAT, "template", field), value))
    assert error.param == f"endpoints.{CHAT}.template.{path}"


def test_a_template_must_suit_every_provider_of_its_model() -> None:
    """The llama-server takes no `store`: found now, not when the others fail."""
    paper = changed(FULL, ("endpoints", CHAT, "template", "store"), True)
    assert project(paper).endpoints[CHAT].template["store"] is True
    paper = changed(paper, ("models", 0, "providers", 2), {"provider": "home"})
    assert refused(paper).param == f"endpoints.{CHAT}.template.store"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(NAMED.values(), key=str)) | st.just(()), values)
def test_any_document_is_read_or_refused_by_name(path: tuple[str | int, ...], value: Any) -> None:
    """Whatever stands in a field: a project comes of it, or a BadRequest that begins with its `param`."""
    try:
        made = project(changed(WITH_RULES, path, value))
    except BadRequest as error:
        assert error.param is None or error.message.startswith(error.param)  # noqa: PT017  either is right
    else:
        assert isinstance(made, Project)

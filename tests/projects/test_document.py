"""A project's document: what each field becomes, and what holds where it is left out."""

import json
from typing import Any

import pytest

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.prices import FREE
from functions.admit.rules import Gain
from functions.authenticate.issuers import Issuer
from functions.errors import BadRequest
from functions.forward.endpoints import ENDPOINTS
from functions.forward.providers import Provider
from functions.ledger.windows import Limit
from functions.projects import document
from functions.projects.project import Abuse, Endpoint, Pack, Route, Target
from tests.projects.papers import FULL, SMALL, changed, project, refused, without

GOOGLE = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
SUPABASE = "https://abcdefgh.supabase.co/auth/v1"
ALL = ("RS256", "ES256", "EdDSA")


def test_every_field_of_a_document_becomes_what_it_says() -> None:
    """Name, mode, version, models, endpoints, origins, abuse and packs, as written."""
    made = project(FULL)
    assert (made.project_id, made.version, made.name, made.mode) == ("p-1", 3, "Travel helper", "managed")
    assert made.routes == (
        Route("gpt-4.1-nano", (Target("openai"), Target("router", "openai/gpt-4.1-nano"))),
        Route("claude-*", (Target("claude"),)),
        Route("small", (Target("home"),)),
    )
    chat = FULL["endpoints"]["/v1/chat/completions"]
    assert made.endpoints["/v1/chat/completions"] == Endpoint(chat["template"], ("temperature", "model"))
    assert set(made.endpoints) == {"/v1/chat/completions", "/v1/messages"}
    assert made.origins == {"https://app.example", "https://other.example", "http://localhost:8080", "null"}
    assert made.abuse == Abuse(3, "h", None, ("make * bomb",), Target("openai", "omni-moderation-latest"))
    assert made.packs == (Pack("starter", 50, "usd"),)
    assert list(made.payments) == ["stripe", "polar", "mollie", "btcpay"]
    assert (made.fields, made.images) == (frozenset(), False)


def test_what_a_document_leaves_out() -> None:
    """In forward mode every endpoint that is served; else nothing that was not asked for, for all origins."""
    made = project(SMALL)
    assert tuple(made.endpoints) == ENDPOINTS
    assert (made.providers, made.routes, made.abuse, made.packs, made.payments) == ({}, (), None, (), {})
    assert (made.fields, made.images, made.origins) == (frozenset(), False, frozenset())
    assert project(SMALL | {"mode": "managed"}).endpoints == {}
    assert tuple(project(SMALL | {"endpoints": ["/v1/messages"]}).endpoints) == ("/v1/messages",)
    some = project(SMALL | {"abuse": {"threshold": 9}}).abuse
    assert some == Abuse(9, "d", 86_400, (), None)


def test_issuers_are_those_of_their_presets() -> None:
    """Firebase, Supabase, Supabase with its shared secret, Auth0, and any issuer by its own words."""
    assert project(FULL).methods["jwt"].issuers == (
        Issuer("https://securetoken.google.com/my-app", ("my-app",), ("RS256",), GOOGLE),
        Issuer(SUPABASE, ("authenticated",), ALL, f"{SUPABASE}/.well-known/jwks.json"),
        Issuer(SUPABASE, ("authenticated",), ("HS256",), "", "issuer/abcdefgh"),
        Issuer("https://x.eu.auth0.com/", ("client-id",), ("RS256",), "https://x.eu.auth0.com/.well-known/jwks.json"),
        Issuer("https://issuer.example", ("a", "b"), ("ES256",)),
        Issuer("https://other.example/", ("c",), ALL, "https://other.example/keys"),
    )


def test_only_a_preset_shares_a_secret() -> None:
    """HS256 cannot be asked for by name: a public key would be taken for its secret."""
    path = ("auth", "jwt", "issuers", 4, "algorithms")
    assert refused(changed(FULL, path, ["HS256"])).param == "auth.jwt.issuers[4].algorithms[0]"


def test_providers_are_those_of_their_presets() -> None:
    """Each preset has its address, and how its output limit is called; what the document says wins."""
    made = project(FULL).providers
    assert made["openai"] == Provider(
        "openai", "openai", "https://api.openai.com/v1", limit_name="max_completion_tokens"
    )
    assert made["router"].base_url == "https://openrouter.ai/api/v1"
    assert (made["router"].first_byte_s, made["router"].client_left) == (20.0, "drain")
    assert (made["claude"].kind, made["claude"].base_url) == ("anthropic", "https://api.anthropic.com/v1")
    mine = Provider("mine", "openai", "https://llm.example/v1", "", "max_completion_tokens", 4096, 4, 60, 70, 0, "stop")
    assert made["mine"] == mine
    more = {name: {"preset": name} for name in ("groq", "huggingface")}
    others = project(SMALL | {"providers": more}).providers
    assert [other.base_url for other in others.values()] == [
        "https://api.groq.com/openai/v1",
        "https://router.huggingface.co/v1",
    ]


def test_an_operators_provider_brings_no_address_and_no_key() -> None:
    """It is known by its name alone; how long it may take is the operator's to say."""
    home = project(FULL).providers["home"]
    assert (home.operator, home.kind, home.base_url, home.output_tokens) == ("llama", "llama", "", 2048)
    shared = project(SMALL | {"providers": {"a": {"operator": "shared"}}}).providers["a"]
    assert (shared.name, shared.operator, shared.base_url) == ("a", "shared", "")


def test_each_method_has_rules_of_its_own() -> None:
    """Limits and credits differ per method; the method's total is counted under its name."""
    auth: dict[str, Any] = {
        "no_auth": {"rules": {"limits": {"user": {"minute": 5}, "method": {"day": 1000}}}},
        "key": {"rules": {"credits": {"signup": 9}, "prices": [{"model": "*", "input": 1, "output": 2}]}},
    }
    made = project(SMALL | {"auth": auth}).methods
    assert made["no_auth"].rules.account_limits == (Limit("m", 5, "requests a minute for one account"),)
    assert [(limit.group, limit.limit) for limit in made["no_auth"].rules.total_limits] == [("no_auth", 1000)]
    assert made["no_auth"].rules.prices.at("any", 0) is FREE
    assert (made["key"].rules.account_limits, made["key"].rules.signup) == ((), Gain(9_000_000))
    assert made["key"].rules.prices.at("any", 0).output == 2


def test_a_method_without_rules_costs_nothing_and_has_no_windows() -> None:
    """Free, no limits but sixteen requests at the same time; addresses are the gateway's to count."""
    made = project(SMALL).methods["key"].rules
    assert (made.account_limits, made.total_limits, made.address_limits) == ((), (), ())
    assert (made.signup, made.open_max, made.input_max, made.output_max, made.shards) == (Gain(0), 16, None, None, 1)
    assert made.prices.at("whatever", 0) is FREE


def test_test_tokens_have_the_rules_of_what_they_stand_for() -> None:
    """`test` without rules takes those of `jwt`, with totals of its own; with rules it has its own."""
    made = project(changed(FULL, ("auth", "jwt", "rules"), {"limits": {"method": {"day": 4}}})).methods
    assert [(limit.group, limit.limit) for limit in made["jwt"].rules.total_limits] == [("jwt", 4)]
    assert [(limit.group, limit.limit) for limit in made["test"].rules.total_limits] == [("test", 4)]
    assert project(FULL).methods["test"].rules.signup == Gain(7_000_000)
    own = changed(FULL, ("auth", "test"), {"rules": {"credits": {"signup": 1}}})
    assert project(own).methods["test"].rules.signup == Gain(1_000_000)
    alone = {"mode": "managed", "auth": {"test": {}}}
    assert project(SMALL | alone).methods["test"].rules.signup == Gain(0)


def test_the_methods_of_a_project_are_counted_in_as_many_items() -> None:
    """Where a limit of the whole project is set, other `shards` in one method are refused; else they may differ."""
    limits = {"limits": {"project": {"day": 10}, "shards": 2}}
    auth: dict[str, Any] = {"key": {"rules": limits}, "no_auth": {"rules": {}}}
    assert refused(SMALL | {"auth": auth}).param == "auth.no_auth.rules.limits.shards"
    auth["no_auth"]["rules"] = {"limits": {"shards": 2}}
    assert project(SMALL | {"auth": auth}).methods["no_auth"].rules.shards == 2
    auth = {"key": {"rules": {"limits": {"method": {"day": 10}, "shards": 2}}}, "no_auth": {}}
    assert project(SMALL | {"auth": auth}).methods["key"].rules.shards == 2


def test_urls_of_a_document_may_reach_the_networks_that_the_operator_allows() -> None:
    """Plain http too, inside OUTBOUND_ALLOWED_CIDRS; not beside them."""
    mine: dict[str, Any] = {"kind": "openai", "base_url": "http://10.9.0.1:8000/v1"}
    assert project(SMALL | {"providers": {"a": mine}}).providers["a"].base_url == "http://10.9.0.1:8000/v1"
    mine["base_url"] = "http://10.8.0.1:8000/v1"
    assert refused(SMALL | {"providers": {"a": mine}}).param == "providers.a.base_url"


def test_a_new_project_lets_few_requests_in_and_serves_nothing_yet() -> None:
    """Managed, anybody may come, with low limits for each and for all; test tokens are on."""
    made = project(document.new("My app"))
    assert (made.name, made.mode, made.endpoints, made.providers) == ("My app", "managed", {}, {})
    assert set(made.methods) == {"no_auth", "test"}
    few = made.methods["no_auth"].rules
    assert [(limit.period, limit.limit) for limit in few.account_limits] == [("m", 5), ("h", 30), ("d", 100)]
    assert [(limit.period, limit.limit, limit.group) for limit in few.total_limits] == [("d", 1000, "no_auth")]
    assert json.loads(json.dumps(document.new("x"))) == document.new("x")


def test_the_built_in_project_is_what_the_settings_say() -> None:
    """Key, the llama-server for every model, its endpoints, and RULES."""
    variables = {"RULES": '{"limits": {"user": {"day": 3}}}', "LLAMA_BASE_URL": "http://10.0.0.9:1/"}
    settings = settings_module.read(variables)
    made = document.of_settings(settings)
    assert (made.project_id, made.version, made.mode) == ("default", 0, "default")
    assert {name: method.rules for name, method in made.methods.items()} == {"key": rules.of(settings)}
    assert made.providers["llama"].base_url == "http://10.0.0.9:1/v1"
    assert made.routes == (Route("*", (Target("llama"),)),)
    assert set(made.endpoints) == {"/v1/chat/completions", "/v1/completions", "/v1/responses"}


def test_a_document_is_bounded() -> None:
    """100,000 bytes are taken, one more is not."""
    room = 100_000 - len(json.dumps(SMALL | {"mode": "managed", "endpoints": {}}, separators=(",", ":")).encode())
    assert room > 0
    template = {"model": "m", "messages": [{"role": "system", "content": ""}]}
    paper = SMALL | {
        "mode": "managed",
        "providers": {"a": {"preset": "openai"}},
        "models": [{"model": "m", "providers": [{"provider": "a"}]}],
        "endpoints": {"/v1/chat/completions": {"template": template}},
    }
    size = len(json.dumps(paper, separators=(",", ":")).encode())
    template["messages"][0]["content"] = "x" * (100_000 - size)  # type: ignore[index]
    assert project(paper).name == "n"
    template["messages"][0]["content"] += "x"  # type: ignore[index]
    assert "100001 bytes" in refused(paper).message


@pytest.mark.parametrize("value", ["\ud800", float("nan"), {1, 2}], ids=repr)
def test_what_is_no_json_is_no_document(value: Any) -> None:
    """Half a surrogate, NaN and what JSON has no word for are refused, and nothing else is raised."""
    with pytest.raises(BadRequest):
        project(SMALL | {"name": value})
    with pytest.raises(BadRequest):
        project(SMALL | {"providers": {"a": {"kind": "openai", "base_url": "https://a.example", "idle_s": value}}})


def test_a_document_without_jwt_needs_no_issuers_and_jwt_needs_some() -> None:
    """`jwt` without anybody whose tokens are believed is refused; for other methods issuers are not known."""
    assert refused(without(FULL, "auth", "jwt", "issuers")).param == "auth.jwt.issuers"
    assert refused(changed(FULL, ("auth", "jwt", "issuers"), [])).param == "auth.jwt.issuers"
    assert refused(changed(FULL, ("auth", "key"), {"issuers": []})).param == "auth.key.issuers"

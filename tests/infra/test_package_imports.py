"""What each function loads: the code zip and its own layers are all that it has, as on Lambda.

Each is imported in a process that has nothing else: no site-packages, no working directory, no variables but its own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from functions.payments.provider import PROVIDERS as BY_NAME
from infra.aws import zips
from infra.aws.layers import SERVICES
from infra.aws.template import functions
from infra.aws.template.functions import Function
from tests.infra import packaged
from tests.infra.clones import ROOT
from tests.infra.packaged import Package, Unpacked
from tests.lambda_runtime import payment_events

FUNCTIONS = (*functions.of(packaged.stage()), functions.WHOLE)
HANDLERS = [each.handler for each in FUNCTIONS]

POWERTOOLS = {"aws_lambda_powertools", "jmespath", "typing_extensions"}
AIOHTTP = {"aiohappyeyeballs", "aiohttp", "aiosignal", "attr", "frozenlist", "httptools", "idna", "multidict", "orjson"}
AIOHTTP |= {"propcache", "yarl"}
PYNAMODB = {"botocore", "certifi", "dateutil", "idna", "pynamodb", "six", "urllib3"}
MAY_LOAD = {
    "app.app": {"app", "chalice", "httpx"} | POWERTOOLS | PYNAMODB,
    "functions/stream.sh": {"click", "uvicorn"} | POWERTOOLS | AIOHTTP,
    "functions.whole.handler": POWERTOOLS | AIOHTTP,
    "functions.webhooks.app": {"chalice"} | POWERTOOLS | PYNAMODB,
    "functions.console.app": {"chalice"} | POWERTOOLS | PYNAMODB,
    "functions.admin.app": {"chalice"} | POWERTOOLS | PYNAMODB,
    "functions.authorizer.handler": set(),
    "functions.maintenance.handler": POWERTOOLS | PYNAMODB,
    "functions.errands.handler": POWERTOOLS | PYNAMODB,
}
"""What each may load at its start. More costs every start: it is added here knowingly."""
PROVIDERS = {"adaptix", "mollie", "polar", "standardwebhooks", "stripe"}
"""Packages that speak to payment providers, and what is theirs alone."""
EVENT = """
from functions.webhooks import app
answer = app(json.loads({event!r}), None)
assert answer["statusCode"] in {statuses}, answer
"""
CRYPTO = {"_cffi_backend", "cryptography", "jwt"}
HTTP = {"anyio", "certifi", "h11", "httpcore"}
TOKENS = "import jwt; jwt.PyJWK({'kty': 'oct', 'k': 'a' * 43, 'alg': 'HS256'})"
SEAL = "from functions.projects import vault; vault.seal('s' * 32, 'p', 'openai', 'https://x', 'sk-1')"
FETCH = "import httpcore; httpcore.ConnectionPool()"
LATER = {
    "app.app": (
        f"import boto3; boto3.client('sesv2'); {TOKENS}; {FETCH}",
        {"boto3", "s3transfer", "six"} | CRYPTO | HTTP,
    ),
    "functions.console.app": (f"import boto3; boto3.client('sesv2'); {SEAL}", {"boto3", "s3transfer", "six"} | CRYPTO),
    "functions/stream.sh": (
        "import uvloop, uvicorn.loops.uvloop, uvicorn.protocols.http.httptools_impl as server, uvicorn.lifespan.on;"
        f"{TOKENS}; {SEAL}",
        {"uvloop"} | CRYPTO,
    ),
    "functions.maintenance.handler": ("import botocore.session as b; b.get_session().create_client('sts')", {"six"}),
}
"""What a function does not load before it needs it: mail, tokens, the server that is started, other credentials."""
IMPORTED = """
import importlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
exec(sys.argv[3])
places = {name.partition(".")[0]: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
print(json.dumps({name: place for name, place in places.items() if place}))
"""
STREAM_SERVER = ("functions.stream_server", "functions.stream")
"""stream.sh runs the first, which loads the second when it has its port."""


def loaded(
    unpacked: Unpacked, function: Function, then: str = "", more: Mapping[str, str] = MappingProxyType({})
) -> set[str]:
    """The packages that a function loads at its start, and `then`, that do not come with Python."""
    modules = STREAM_SERVER if function.handler.endswith(".sh") else (function.handler.rpartition(".")[0],)
    path = [str(unpacked.task), *(str(unpacked.layers[name] / "python") for name in function.layers)]
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORTED, json.dumps(path), json.dumps(modules), then]
    done = subprocess.run(
        command, env=environment(function) | dict(more), cwd="/", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    places: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return {name for name, place in places.items() if place.startswith(tuple(path))}


def environment(function: Function) -> dict[str, str]:
    """What the template gives to the function, what Lambda adds, and secrets as if they had been fetched."""
    told = {"SECRETS": "", "SITE_URL": "https://site.example"}
    variables = functions.environment(packaged.stage(), function) | told
    secrets = {"HASH_SECRET": "h" * 32, "ADMIN_KEY": "a" * 32}
    lambdas = {"AWS_LAMBDA_FUNCTION_NAME": function.name, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "k" * 20)
    return variables | secrets | lambdas | keys


@pytest.mark.parametrize("function", FUNCTIONS, ids=HANDLERS)
def test_a_function_loads_only_what_it_carries(unpacked: Unpacked, function: Function) -> None:
    """It starts from the code and its layers alone, and loads nothing that its start should not pay for."""
    assert loaded(unpacked, function) - {"functions"} <= MAY_LOAD[function.handler]


@pytest.mark.parametrize("handler", LATER)
def test_what_is_loaded_later_is_carried_too(unpacked: Unpacked, handler: str) -> None:
    """A client for mail can be made with what is left of botocore's data, and uvicorn finds its loop and parser."""
    then, packages = LATER[handler]
    function = FUNCTIONS[HANDLERS.index(handler)]
    assert loaded(unpacked, function, then) - {"functions"} <= MAY_LOAD[handler] | packages


@pytest.mark.parametrize(
    ("provider", "packages", "statuses"),
    [
        ("stripe", {"stripe"}, (200,)),
        ("polar", {"adaptix", "polar", "standardwebhooks"}, (200,)),
        ("mollie", {"mollie"}, (503,)),  # which asks for an order first, and there are no tables here
        ("btcpay", set(), (200,)),
    ],
)
def test_an_event_loads_its_own_providers_library_only(
    unpacked: Unpacked, provider: str, packages: set[str], statuses: tuple[int, ...]
) -> None:
    """Whoever tells something, the webhooks function loads what speaks to them, and no other provider's library."""
    webhooks = FUNCTIONS[HANDLERS.index("functions.webhooks.app")]
    then = EVENT.format(event=json.dumps(payment_events.ignored()[provider]), statuses=statuses)
    more = payment_events.SETTINGS | {"DYNAMODB_ENDPOINT_URL": "http://127.0.0.1:9"}
    assert loaded(unpacked, webhooks, then, more) & PROVIDERS <= packages


def test_what_takes_payments_starts_without_any_providers_library() -> None:
    """The table above itself: neither a provider's library nor an HTTP client of theirs starts with a function."""
    heavy = PROVIDERS | {"httpcore", "httpx", "oauthlib", "requests", "requests_oauthlib"}
    for handler in ("functions.webhooks.app", "functions.errands.handler"):
        assert not heavy & MAY_LOAD[handler]
    assert not PROVIDERS & set().union(*MAY_LOAD.values())


@pytest.mark.parametrize("provider", BY_NAME)
def test_all_that_speaks_to_a_provider_is_carried(unpacked: Unpacked, provider: str) -> None:
    """Each provider's module loads from the layers alone, where there is less of its library than its authors wrote."""
    for handler in ("app.app", "functions.webhooks.app", "functions.errands.handler"):
        then = f"from functions.payments.provider import adapter; adapter({provider!r})"
        loaded(unpacked, FUNCTIONS[HANDLERS.index(handler)], then)


def test_every_function_is_known(package: Package) -> None:
    """No function of the template runs anything that is not tried here, and every handler is in the zip."""
    resources = package.document("template")["Resources"].values()
    kinds = ("AWS::Lambda::Function", "AWS::Serverless::Function")
    ours = {each["Properties"]["Handler"] for each in resources if each["Type"] in kinds}
    assert ours == set(HANDLERS) - {functions.WHOLE.handler}
    files = zips.contents(package.code)
    for handler in HANDLERS:
        file = handler if handler.endswith(".sh") else handler.rpartition(".")[0].replace(".", "/") + ".py"
        assert file in files
    assert set(MAY_LOAD) == set(HANDLERS)


def test_what_streams_is_light() -> None:
    """The table above itself: neither Chalice nor botocore nor another HTTP client starts with a stream."""
    heavy = {"boto3", "botocore", "chalice", "httpx", "pynamodb"}
    assert not heavy & (MAY_LOAD["functions/stream.sh"] | MAY_LOAD["functions.whole.handler"])


def test_a_service_that_is_called_has_its_data() -> None:
    """Of botocore's services the layer carries a few: those that the source asks for by name are among them."""
    sources = [ROOT / "app.py", *(ROOT / "functions").rglob("*.py")]
    asked = {name for path in sources for name in re.findall(r"\b(?:client|resource)\(\s*\"(\w+)\"", path.read_text())}
    assert asked
    assert asked <= set(SERVICES)


def test_a_service_that_is_not_carried_is_named(unpacked: Unpacked) -> None:
    """A client of any other service fails at once and says so: the trimming is seen, not guessed at."""
    maintenance = FUNCTIONS[HANDLERS.index("functions.maintenance.handler")]
    with pytest.raises(AssertionError, match="UnknownServiceError: Unknown service: 'ec2'"):
        loaded(unpacked, maintenance, "import botocore.session as b; b.get_session().create_client('ec2')")

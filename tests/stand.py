"""Starting and ending the processes that tests talk to, and the first steps of a client."""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default as default_policy
from functools import cache
from pathlib import Path
from typing import Any

from functions import settings as settings_module
from functions.ledger import credentials, grants, tables
from functions.ledger.account import Account
from functions.ledger.dynamodb import DynamoDB, endpoint_of, keys_from
from functions.ledger.http import Endpoint
from functions.ledger.store import Ledger, SystemClock
from functions.settings import Settings
from functions.signature import Signer
from tests.reference import checking

READY_WITHIN_S = 60
ENDED_WITHIN_S = 15
KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")
ROOT = Path(__file__).parent.parent
RAISED = {
    "INFERENCE_IP_RATE_LIMIT": "100000",
    "INFERENCE_USER_RATE_LIMIT": "100000",
    "REGISTRATION_RATE_LIMIT": "10000",
    "REGISTRATION_ADDRESS_LIMIT": "1000",
    "OPEN_REQUESTS_PER_USER": "500",
}
"""Limits out of the way of tests that are about something else."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], object], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Ask every 50 ms; raises TimeoutError that names what did not come."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.05)
    raise TimeoutError(f"{what} within {within_s} s")


def answers(url: str) -> bool:
    """Whether GET answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def process(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A child process, its output in a file; ended by SIGTERM, by SIGKILL if it does not end."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end(child)


def end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(ENDED_WITHIN_S)


@contextlib.contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """MiniStack, without state on disk. Gives its URL."""
    port = free_port()
    environment = os.environ | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    url = f"http://127.0.0.1:{port}"
    with process(["-m", "ministack"], environment, folder / "ministack.log"):
        wait_until(lambda: answers(f"{url}/_ministack/health"), "MiniStack")
        yield url


@contextlib.contextmanager
def llama(folder: Path) -> Iterator[str]:
    """A llama.cpp server as `make run` starts it. Gives its URL."""
    port = free_port()
    with process(["-m", "infra.local.llama", "--port", str(port)], dict(os.environ), folder / "llama.log"):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/health"), "llama.cpp")
        yield url


def environment(dynamodb_url: str, prefix: str, **more: str) -> dict[str, str]:
    """Settings of a deployment on MiniStack, in variables of the environment."""
    return {
        "DYNAMODB_ENDPOINT_URL": dynamodb_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "TABLE_PREFIX": prefix,
        "HASH_SECRET": "a secret for tests, long enough",
        **more,
    }


@dataclass
class RunningGateway:
    """A gateway process. `key()` registers an account over HTTP and reads its key from the mail."""

    url: str
    outbox: Path
    process: "subprocess.Popen[bytes]"
    settings: Settings
    log: Path
    is_described: bool = True
    """Whether its answers are those of /openapi.json: not where `url` is beside what is served."""

    def unjudged(self) -> "RunningGateway":
        """The same, where an answer is not this gateway's own, or cannot be as described."""
        return dataclasses.replace(self, is_described=False)

    def request(
        self, method: str, path: str, body: Any = None, key: str = "", headers: dict[str, str] | None = None
    ) -> "Answer":
        """One request with the standard library; it goes nowhere else. A dict is sent as JSON, all else as it is.

        Raises Undocumented where the answer is not as /openapi.json says.
        """
        sent = dict(headers or {})
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
        if isinstance(body, dict | list):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url + path, data=data, headers=sent, method=method)
        try:
            with urllib.request.build_opener(_Stays).open(request, timeout=60) as response:
                answer = Answer(response.status, dict(response.headers.items()), response.read())
        except urllib.error.HTTPError as error:
            with error:
                answer = Answer(error.code, dict(error.headers.items()), error.read())
        if self.is_described:
            checking.check(method, path, answer.status, answer.headers, answer.body)
        return answer

    def visit(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> "Answer":
        """What a browser is answered that is led here."""
        return self.request(method, path, headers={"Accept": "text/html,*/*;q=0.8"} | (headers or {}))

    def register(self, email: str) -> str:
        """Register an address; gives the key that was mailed."""
        before = set(self.outbox.glob("*.eml")) if self.outbox.exists() else set()
        answer = self.request("POST", "/register", {"email": email})
        if answer.status != 200:
            raise AssertionError(f"registration answered {answer.status}: {answer.body!r}")
        (mail,) = [
            path for path in set(self.outbox.glob("*.eml")) - before if email in path.read_text().partition("\n\n")[0]
        ]
        return key_in(mail)

    def key(self) -> str:
        """The key of a new account."""
        return self.register(f"{secrets.token_hex(6)}@farebox.test")

    def account(self, key: str) -> dict[str, Any]:
        """The answer to GET /account."""
        answer = self.request("GET", "/account", key=key)
        if answer.status != 200:
            raise AssertionError(f"/account answered {answer.status}: {answer.body!r}")
        account: dict[str, Any] = answer.json()
        return account

    def ledger(self) -> Ledger:
        """This gateway's ledger, synchronous: `tables.drive(tidy.read(gateway.ledger(), account_id))`."""
        tables.bind(self.settings)
        settings, store = self.settings, tables.Synchronous(self.settings)
        return Ledger(store, tables.SystemClock(), os.urandom, settings.table_prefix, secret=settings.hash_secret)


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Answer:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __post_init__(self) -> None:
        self.headers = {name.lower(): value for name, value in self.headers.items()}

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json()["error"]
        return error


def text_of(mail: Path) -> str:
    """The text of a mail, as its reader sees it."""
    text: str = message_from_bytes(mail.read_bytes(), policy=default_policy).get_content()
    return text


def key_in(mail: Path) -> str:
    """The key in a mail."""
    found = KEY.search(text_of(mail))
    if not found:
        raise AssertionError(f"no key in {mail}")
    return found[0]


StartGateway = Callable[..., RunningGateway]


@contextlib.contextmanager
def gateways(dynamodb_url: str, folder: Path) -> Iterator[StartGateway]:
    """Gives a function that starts gateways on tables of their own; they end with the context."""
    prefix = f"t{secrets.token_hex(5)}-"
    with contextlib.ExitStack() as running:

        def start(stage: str = "", **more: str) -> RunningGateway:
            port = free_port()
            url = f"http://127.0.0.1:{port}{stage and '/' + stage}"
            variables = RAISED | environment(dynamodb_url, prefix, MAIL_OUTBOX=str(folder / "outbox"))
            variables |= {"BASE_URL": url, **more}
            settings = settings_module.read(variables)
            direct = dataclasses.replace(settings, dynamodb_endpoint_url=dynamodb_url, ledger_timeout_s=30)
            tables.create_tables(direct)
            arguments = ["-m", "infra.local.server", "--port", str(port), "--stage", stage, "--outbox"]
            log = folder / f"gateway-{port}.log"
            child = running.enter_context(process(arguments, os.environ | variables, log))
            wait_until(lambda: child.poll() is not None or answers(f"{url}/health"), "the gateway")
            if child.poll() is not None:
                raise AssertionError(f"the gateway ended: {log.read_text()[-2000:]}")
            return RunningGateway(url, folder / "outbox", child, settings, log)

        yield start


@dataclass
class TestLedger:
    """A ledger, and accounts in it."""

    __test__ = False

    ledger: Ledger
    settings: Settings

    async def account(self, microcredits: int = 0, lasts_s: int = 7 * 86400) -> Account:
        """A new account with a trial of so many microcredits."""
        email = f"{secrets.token_hex(6)}@farebox.test"
        trial = grants.Trial(microcredits, lasts_s)
        key = await grants.register(self.ledger, grants.Address("default", email), trial)
        found = await credentials.find(self.ledger, credentials.credential_id(key))
        if found is None:
            raise AssertionError("a new key is not found")
        return found[1]


@cache
def _made(dynamodb_url: str) -> Settings:
    """One set of tables for all tests of the ledger; each has accounts of its own."""
    settings = settings_module.read(environment(dynamodb_url, f"l{secrets.token_hex(5)}-"))
    tables.create_tables(settings)
    return settings


@contextlib.asynccontextmanager
async def ledger(dynamodb_url: str) -> AsyncIterator[TestLedger]:
    """The ledger as the streaming function has it."""
    settings = _made(dynamodb_url)
    endpoint, host = endpoint_of(settings.dynamodb_endpoint_url, settings.aws_region)
    signer = Signer(host, settings.aws_region, keys_from("local", "local", ""))
    connections = Endpoint(endpoint, settings.ledger_timeout_s)
    store = DynamoDB(connections, signer)
    yield TestLedger(Ledger(store, SystemClock(), os.urandom, settings.table_prefix), settings)
    connections.close()

"""What is measured and what it needs: a mock upstream, MiniStack or a stand-in, the gateway, a bare relay."""

import asyncio
import email
import email.policy
import json
import os
import re
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.processes import BenchError, Processes, Running, free_port, ready
from functions import settings
from functions.ledger import tables

EMAIL = "bench@farebox.test"
KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")
MAIL_TIMEOUT_S = 5
MAIL_POLL_S = 0.05


@dataclass(frozen=True)
class Server:
    """A server under test, or what it needs."""

    running: Running
    url: str


@dataclass(frozen=True)
class Cores:
    """The server under test has a core for itself; the client, the upstream and DynamoDB share the other."""

    measured: int
    others: int


def cores() -> Cores:
    """Two of the cores this process may use. Raises BenchError if there is only one."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchError("two cores are needed: one for the server under test, one for everything else")
    return Cores(available[0], available[1])


class Stand:
    """Starts the servers; each `start_…` returns when the server answers."""

    def __init__(self, processes: Processes, session: aiohttp.ClientSession, cores: Cores) -> None:
        self.processes, self.session, self.cores = processes, session, cores
        self.mail_outbox = processes.directory / "mail"
        self.mail_outbox.mkdir()
        self.secrets = {"HASH_SECRET": secrets.token_hex(16), "ADMIN_KEY": secrets.token_hex(16)}

    async def start_upstream(self) -> Server:
        port, core = free_port(), self.cores.others
        running = self.processes.start("upstream", "benchmarks.mock_upstream", str(port), env={}, core=core)
        return await self._ready(running, port, "/health")

    async def start_ministack(self) -> Server:
        port = free_port()
        env = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # It would look for containers of other MiniStacks at start, and end them.
            "DOCKER_HOST": f"unix://{self.processes.directory / 'no-docker'}",
        }
        running = self.processes.start("ministack", "ministack", env=env, core=self.cores.others)
        return await self._ready(running, port, "/_ministack/health")

    async def start_instant_dynamodb(self) -> Server:
        """What answers as DynamoDB does, at once; its tables are there already."""
        port, core = free_port(), self.cores.others
        arguments = [str(port), settings.Settings.table_prefix]
        running = self.processes.start("instant", "benchmarks.instant_dynamodb", *arguments, env={}, core=core)
        return await self._ready(running, port, "/")

    async def start_relay(self, upstream: str) -> Server:
        port = free_port()
        env = {"UPSTREAM": upstream}
        running = self.processes.start("relay", "benchmarks.bare_relay", str(port), env=env, core=self.cores.measured)
        return await self._ready(running, port, "/health")

    def launch_gateway(self, upstream: str, dynamodb: str, rules: dict[str, Any] | None = None) -> Server:
        """The gateway as `make run` starts it, with the Chalice app beside the streaming function; not waited for."""
        return self._launch("gateway", "infra.local.server", [], self.gateway_env(upstream, dynamodb, rules))

    def launch_stream_function(self, upstream: str, dynamodb: str) -> Server:
        """The streaming function alone, which is what a cold start on Lambda is; not waited for."""
        arguments = ["functions.stream:app", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return self._launch("stream", "uvicorn", arguments, self.gateway_env(upstream, dynamodb))

    async def start_gateway(self, upstream: str, dynamodb: str, rules: dict[str, Any] | None = None) -> Server:
        gateway = self.launch_gateway(upstream, dynamodb, rules)
        await ready(self.session, gateway.running, f"{gateway.url}/health")
        return gateway

    def gateway_env(self, upstream: str, dynamodb: str, rules: dict[str, Any] | None = None) -> dict[str, str]:
        """All limits stay on, so that they are counted and paid for; they are only too high to be met."""
        return {
            "DYNAMODB_ENDPOINT_URL": dynamodb,
            "LLAMA_BASE_URL": upstream,
            "LLAMA_MAX_OUTPUT_TOKENS": "64",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_REGION": "us-east-1",
            "MAIL_OUTBOX": str(self.mail_outbox),
            "INFERENCE_IP_RATE_LIMIT": "1000000",
            "INFERENCE_USER_RATE_LIMIT": "1000000",
            "OPEN_REQUESTS_PER_USER": "200",
            "TRIAL_TOKENS": str(10**9),
            "RULES": json.dumps(rules) if rules else "",
            **self.secrets,
        }

    async def create_tables(self, dynamodb: str) -> None:
        await asyncio.to_thread(tables.create_tables, settings.read(self.gateway_env("http://127.0.0.1", dynamodb)))

    async def register(self, gateway: Server) -> str:
        """Make an account; its API key, from the mail that the gateway wrote."""
        async with self.session.post(f"{gateway.url}/register", json={"email": EMAIL}) as response:
            if response.status != 200:
                raise BenchError(f"POST /register answered {response.status}: {await response.text()}")
        for _ in range(int(MAIL_TIMEOUT_S / MAIL_POLL_S)):
            for path in self.mail_outbox.glob("*.eml"):
                if key := KEY.search(_text(path)):
                    path.unlink()  # the next mail is another gateway's
                    return key.group()
            await asyncio.sleep(MAIL_POLL_S)
        raise BenchError(f"no mail with a key came. The gateway's log ends:\n{gateway.running.log_tail()}")

    def _launch(self, name: str, module: str, arguments: list[str], env: dict[str, str]) -> Server:
        port = free_port()
        arguments = [*arguments, "--port", str(port)]
        running = self.processes.start(name, module, *arguments, env=env, core=self.cores.measured)
        return Server(running, f"http://127.0.0.1:{port}")

    async def _ready(self, running: Running, port: int, path: str) -> Server:
        url = f"http://127.0.0.1:{port}"
        await ready(self.session, running, url + path)
        return Server(running, url)


def _text(path: Path) -> str:
    """The mail's text, decoded: an encoded line may be broken inside the key."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        return ""
    body = message.get_body(("plain", "html"))
    return body.get_content() if body else ""

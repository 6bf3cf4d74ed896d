"""What all pages' blocks run against: one gateway with everything set up, stand-ins of what is far away."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.aws import secret_documents
from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.infra import deployed
from tests.owners.owner import Owner, new_owner
from tests.payments.conftest import settings_of, stand_ins
from tests.stand import ROOT, RunningGateway

LEFT_OUT = (".*", "__pycache__", "node_modules")
STAGES = ("staging", "prod")
OUTPUT_TOKENS = "40"
"""Where a page names no limit: the model of these tests does not end by itself, and no page is to take minutes."""
PROJECTS_SECRET = "a secret of projects for pages, quite long enough"
CHAT = {"template": {"model": "default", "max_tokens": 16, "messages": [{"role": "system", "content": "Be short."}]}}
MODELS = [{"model": "*", "providers": [{"provider": "llama"}]}]
DOCUMENTS: dict[str, Any] = {
    "managed": {
        "name": "Managed",
        "mode": "managed",
        "auth": {"no_auth": {}, "key": {}, "test": {}},
        "providers": {"llama": {"operator": "llama"}},
        "models": [{"model": "default", "providers": [{"provider": "llama"}]}],
        "endpoints": {"/v1/chat/completions": CHAT},
    },
    "forward": {
        "name": "Forward",
        "mode": "forward",
        "auth": {"no_auth": {}, "key": {}},
        "providers": {"llama": {"operator": "llama"}},
        "models": MODELS,
    },
}
KINDS = {"managed": "publishable", "forward": "secret"}
COMMANDS = ("aws", "make", "wg")
PYTHON = """\
case "${1:-}" in -m) shift; PYTHONPATH="$ROOT" exec "$REAL_PYTHON" -m tests.docs.commands.python "$@";; esac
exec "$REAL_PYTHON" "$@"
"""
SYSTEMCTL = """\
for word; do
  case "$word" in enable|start|restart|reload|status|--now|daemon-reload|nftables|wg-quick@wg0) continue;; esac
  [ -e "$ROOT/infra/aws/llama_server/${word%.service}.service" ] || { echo "there is no unit $word" >&2; exit 1; }
done
"""
PROGRAMS = {
    "python": PYTHON,
    "python3": PYTHON,
    "sudo": 'exec "$@"',
    "systemctl": SYSTEMCTL,
    **{name: f'PYTHONPATH="$ROOT" exec "$REAL_PYTHON" -m tests.docs.commands.{name} "$@"' for name in COMMANDS},
}
"""Stand-ins: shell scripts by name."""
WHO = ("AUTHOR", "COMMITTER")
COMMIT = {f"GIT_{who}_NAME": "t" for who in WHO} | {f"GIT_{who}_EMAIL": "t@example.com" for who in WHO}


@dataclass
class Place:
    """What every page shares."""

    gateway: RunningGateway
    dynamodb_url: str
    folder: Path
    admin_key: str = ADMIN_KEY

    @property
    def programs(self) -> Path:
        """The folder of the stand-ins."""
        return self.folder / "programs"

    @property
    def repository(self) -> Path:
        """Something to clone: a branch `main`, a tag `v1.3.9`."""
        return self.folder / "repository.git"

    @property
    def tree(self) -> Path:
        """A copy of the repository's files: what a page writes into it, nobody loses."""
        return self.folder / "tree"

    @cached_property
    def environ(self) -> dict[str, str]:
        """What every shell has: stand-ins first, and MiniStack for AWS."""
        mine = {name: value for name, value in settings().items() if name != "LLAMA_BASE_URL"}
        return {
            **mine,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "ROOT": str(ROOT),
            "REAL_PYTHON": sys.executable,
            "REAL_MAKE": shutil.which("make") or "make",
            "CURL_HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "AWS_ENDPOINT_URL": self.dynamodb_url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **deployed.ROOT_KEY,
            "TABLES": self.gateway.settings.table_prefix,
            "ADMIN_KEY": self.admin_key,
            "HASH_SECRET": "a secret for tests, long enough",
            "REPOSITORY": str(self.repository),
        }

    @cached_property
    def owner(self) -> Owner:
        """Of the two projects."""
        return new_owner(self.gateway)

    @cached_property
    def projects(self) -> dict[str, str]:
        """The keys of two projects, and the id of the one in managed mode."""
        keys: dict[str, str] = {}
        for mode in ("forward", "managed"):
            made = self.owner.told("POST", "/projects", {"document": DOCUMENTS[mode]})
            path = f"/admin/projects/{made['id']}/grants"
            assert self.gateway.request("PUT", path, {"providers": ["llama"]}, key=self.admin_key).status == 200
            key = self.owner.told("POST", f"/projects/{made['id']}/keys", {"kind": KINDS[mode], "label": "page"})["key"]
            keys |= {mode: key, "project": made["id"]}
        return keys


def settings() -> dict[str, str]:
    """Of the gateway, beside its providers."""
    return {"ADMIN_KEY": ADMIN_KEY, "PROJECTS_SECRET": PROJECTS_SECRET, "OUTBOUND_ALLOWED_CIDRS": "127.0.0.0/8"}


@contextlib.contextmanager
def place(dynamodb_url: str, llama_url: str, folder: Path) -> Iterator[Place]:
    """The gateway, payment providers beside it, the secrets of both stages, and the programs."""
    with ExitStack() as running:
        start = running.enter_context(stand.gateways(dynamodb_url, folder))
        providers = settings_of(running.enter_context(_opened()))
        gateway = start(LLAMA_BASE_URL=llama_url, LLAMA_MAX_OUTPUT_TOKENS=OUTPUT_TOKENS, **settings(), **providers)
        made = Place(gateway, dynamodb_url, folder)
        made.environ.update(providers)
        shutil.copytree(ROOT, made.tree, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        _programs(made)
        _repository(made)
        _secrets(made)
        yield made


@contextlib.contextmanager
def _opened() -> Iterator[Any]:
    with ExitStack() as running:
        yield stand_ins(running)


def _programs(made: Place) -> None:
    made.programs.mkdir()
    for name, script in PROGRAMS.items():
        path = made.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    (made.folder / ".curlrc").write_text("fail-with-body\nmax-time = 200\n")


def _repository(made: Place) -> None:
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull} | COMMIT
    work = made.folder / "work"
    commands = (
        ["git", "init", "--quiet", "--initial-branch=main", str(work)],
        ["git", "-C", str(work), "commit", "--quiet", "--allow-empty", "--message", "all"],
        ["git", "-C", str(work), "tag", "v1.3.9"],
        ["git", "clone", "--quiet", "--bare", str(work), str(made.repository)],
    )
    for command in commands:
        subprocess.run(command, env=environ, check=True)


def _secrets(made: Place) -> None:
    """As a deployment leaves them."""
    client = deployed.client(made.dynamodb_url, "secretsmanager")
    for stage in STAGES:
        for document, names in secret_documents.DOCUMENTS.items():
            values = {name: "g" * 64 for name in names if name in secret_documents.GENERATED}
            values |= {"ADMIN_KEY": made.admin_key} if "ADMIN_KEY" in values else {}
            client.create_secret(Name=secret_documents.secret_name(stage, document), SecretString=json.dumps(values))

"""Where the blocks of a page run: a folder like a clone, a gateway, accounts, and a shell that remembers."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from functions.publishing import ADDRESS
from tests.docs.blocks import Block
from tests.docs.place import Place
from tests.owners.owner import Owner, new_owner

TIMEOUT_S = 240
REGISTERED = "user@example.com"
PROJECT = "vpb22g3pv367"
"""How pages write a project of one's own; a session beside it is its owner's."""

SHELL = """\
trap 'export -p > "$STATE/variables"; pwd > "$STATE/folder"' EXIT
set -a
[ ! -e "$STATE/variables" ] || . "$STATE/variables"
[ ! -e "$STATE/folder" ] || cd "$(cat "$STATE/folder")"
"""
"""A reader's terminal: what one block sets, and where it goes, stays for the next."""


@dataclass
class Done:
    """How a block ended."""

    code: int
    out: str
    err: str


@dataclass
class Terminal:
    """Of one page. Each page has an account, an owner and a folder of its own."""

    place: Place
    folder: Path
    key: str = field(init=False)
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.place.gateway.key()
        self.number = self.place.gateway.account(self.key)["user_id"]
        self.clone = self.folder / "farebox"
        subprocess.run(
            ["git", "clone", "--quiet", str(self.place.repository), str(self.clone)], env=self.environ, check=True
        )
        for path in self.place.tree.iterdir():
            (self.clone / path.name).symlink_to(path)
        (self.clone / ".git/info/exclude").write_text("*\n")
        (self.clone / ".venv/bin").mkdir(parents=True)
        shutil.copy(self.place.programs / "python", self.clone / ".venv/bin/python")
        for name in ("state", "etc/wireguard"):
            (self.folder / name).mkdir(parents=True)

    @cached_property
    def owner(self) -> Owner:
        return new_owner(self.place.gateway)

    @cached_property
    def environ(self) -> dict[str, str]:
        """What a shell has that was just opened."""
        plain = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        address = self.place.gateway.url
        return plain | {
            **self.place.environ,
            "HOME": str(self.folder),
            "STATE": str(self.folder / "state"),
            **dict.fromkeys(("FAREBOX_URL", "BASE_URL", "URL"), address),
            "FAREBOX_KEY": self.key,
        }

    def written(self, code: str) -> str:
        """A block with this machine's address, keys and paths in it."""
        code = code.replace("http://127.0.0.1:8503", self.place.gateway.url).replace("123456789012", str(self.number))
        code = code.replace(ADDRESS, self.place.gateway.url)
        code = code.replace("127.0.0.1:8503", self.place.gateway.url.removeprefix("http://"))
        code = code.replace("sk-…", self.key).replace("admin-…", self.place.admin_key)
        code = re.sub(r"(?<![\w.])/etc/", f"{self.folder}/etc/", code)
        code = code.replace("https://dynamodb.us-east-1.amazonaws.com", self.place.dynamodb_url)
        code = code.replace("TABLE_PREFIX=farebox-prod-", f"TABLE_PREFIX={self.place.gateway.settings.table_prefix}")
        if "os-…" in code:
            whose = self.place.owner if PROJECT in code else self.owner
            code = code.replace("os-…", whose.session)
        for shown, kind in (("pk-…", "managed"), ("ps-…", "forward"), (PROJECT, "project")):
            if shown in code:
                code = code.replace(shown, self.place.projects[kind])
        return code

    def run(self, block: Block) -> Done:
        """Run a block to its end."""
        if REGISTERED in block.code:
            self.place.gateway.register(REGISTERED)
        code = self.written(block.code)
        if block.language == "sh":
            return self._ran(["bash", "-eu", "-o", "pipefail", "-c", SHELL + code])  # a failing curl before jq fails
        path = self.folder / f"block_{secrets.token_hex(3)}.{'py' if block.language == 'python' else 'mjs'}"
        path.write_text(code)
        return self._ran([sys.executable if block.language == "python" else "node", str(path)])

    def _ran(self, command: list[str]) -> Done:
        done: Any = subprocess.run(
            command,
            cwd=self.clone,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

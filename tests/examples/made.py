"""A project as an owner of an example makes one, and its answers as a provider of the test gives them."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.ledger import projects, tables
from tests.forward.scripted_upstream import Call
from tests.forward.stage import ledger_of
from tests.stand import ROOT, RunningGateway

EXAMPLES = ROOT / "examples"
CREDITS = 1000
PRICED = {
    "credits": {"signup": CREDITS, "signup_days": 7},
    "prices": [{"model": "*", "input": 1_000_000, "output": 1_000_000}],
}
"""Rules: a token costs a credit, and everybody begins with a thousand."""
FREE: dict[str, Any] = {}
SAID = "Paris lies on the Seine."
PATHS = {"/v1/chat/completions": {"messages": [{"role": "system", "content": "You are a travel guide."}]}}


@dataclass
class Made:
    """A project and its key."""

    gateway: RunningGateway
    project_id: str
    key: str
    base_url: str

    def settings(self, **more: str) -> dict[str, str]:
        """What an example's page is told."""
        return {"base_url": self.base_url, "key": self.key, **more}

    def environ(self, **more: str) -> dict[str, str]:
        """What an example's script is told."""
        return {"FAREBOX_BASE_URL": self.base_url, "FAREBOX_KEY": self.key, **more}

    def balance(self, token: str = "") -> dict[str, Any]:
        """The balance of a user of this project."""
        answer = self.gateway.request("GET", "/account", key=self.key, headers={"x-user-token": token} if token else {})
        assert answer.status == 200, answer.body
        balance: dict[str, Any] = answer.json()["balance"]
        return balance


def made(gateway: RunningGateway, mode: str, provider: dict[str, Any], **document: Any) -> Made:
    """A new project with one provider, and its key. `document` has `auth`, and whatever else is not as usual."""
    usual: dict[str, Any] = {
        "name": "Example",
        "mode": mode,
        "providers": {"one": provider},
        "models": [{"model": "*", "providers": [{"provider": "one"}]}],
    }
    if mode == "managed":
        usual["endpoints"] = {path: {"template": {"model": "m", **fields}} for path, fields in PATHS.items()}
    ledger = ledger_of(gateway)
    owner = f"{secrets.token_hex(6)}@farebox.test"
    stored = tables.drive(projects.create(ledger, owner, usual | document))
    if "operator" in provider:
        tables.drive(projects.grant(ledger, stored.project_id, [provider["operator"]]))
    kind = "publishable" if mode == "managed" else "secret"
    key, _ = tables.drive(projects.add_key(ledger, stored.project_id, kind, "example"))
    return Made(gateway, stored.project_id, key, f"{gateway.url}/v1")


def page_with(folder: Path, example: str, settings: dict[str, str]) -> Path:
    """An example's page with other settings and nothing else: what its README says to do."""
    text = (EXAMPLES / example / "index.html").read_text()
    head, start, rest = text.partition('<script type="application/json" id="settings">\n')
    old, end, tail = rest.partition("\n</script>")
    assert set(settings) <= set(json.loads(old))
    page = folder / "index.html"
    page.write_text(head + start + json.dumps(json.loads(old) | settings) + end + tail)
    return page


def in_pieces(*pieces: str, before_last: Callable[[], object] = lambda: None, reason: str = "stop") -> Any:
    """A script of a provider: a streamed chat of these pieces, 5 tokens in and one out for each piece."""

    def script(call: Call) -> None:
        call.stream()
        for index, piece in enumerate(pieces):
            if index == len(pieces) - 1:
                before_last()
            call.event(_chunk({"content": piece}, None))
        call.event(_chunk({}, reason))
        used = {"prompt_tokens": 5, "completion_tokens": len(pieces), "total_tokens": 5 + len(pieces)}
        call.event({**_chunk({}, None), "choices": [], "usage": used})
        call.write(b"data: [DONE]\n\n")

    return script


def _chunk(delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

"""The account that `make run` shows: made by the gateway's front door, as any user's is."""

import json
from pathlib import Path

from infra.local import folder
from infra.local.configuration import Configuration
from infra.local.loopback import ask
from infra.local.outbox import Outbox
from infra.local.processes import Children, Failed

ADDRESS = "demo@farebox.test"
ANSWER_TIMEOUT_S = 10.0


def demo_key(configuration: Configuration, admin_key: str, children: Children) -> str:
    """The demo account's key, from the last run if it still opens the account. Writes `demo.json`. Raises Failed."""
    path = configuration.folder / "demo.json"
    key = _kept(path)
    if not key or _account_status(configuration.port, key) != 200:
        key = _register(configuration, children)
    folder.write_private(path, {"base_url": configuration.base_url, "api_key": key, "admin_key": admin_key})
    return key


def _kept(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["api_key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _account_status(port: int, key: str) -> int:
    return ask(port, "GET", "/account", headers={"authorization": f"Bearer {key}"}, timeout_s=ANSWER_TIMEOUT_S)[0]


def _register(configuration: Configuration, children: Children) -> str:
    outbox = Outbox(configuration.outbox)
    asked = {"email": ADDRESS}
    status, body = ask(configuration.port, "POST", "/register", json_body=asked, timeout_s=ANSWER_TIMEOUT_S)
    if status != 200:
        said = " ".join(body.decode(errors="replace").split())[:200] or "nothing"
        raise Failed(f"POST /register for the demo account answered {status or 'nothing'}: {said}")
    keys: list[str] = []

    def came() -> bool:
        keys.extend(mail.key for mail in outbox.new() if mail.key and ADDRESS in mail.address)
        return bool(keys)

    children.wait(came, ANSWER_TIMEOUT_S, f"no mail with the demo account's key came to {configuration.outbox}")
    return keys[-1]

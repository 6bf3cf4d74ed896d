"""What `make run` shows when it is up."""

import json
from pathlib import Path

from infra.local.configuration import Configuration
from infra.local.outbox import Mail
from infra.local.progress import Progress

QUESTION = {"stream": True, "max_tokens": 32, "messages": [{"role": "user", "content": "Say hello."}]}


def ready(asked: Configuration, key: str, progress: Progress) -> None:
    """The key, what to try, where to look; last and exactly: `ready http://127.0.0.1:8503`."""
    base, folder = asked.base_url, _short(asked.folder)
    for line in (
        "",
        f"key       {key}",
        "try       " + _curl(f"-N {base}/v1/chat/completions", key, QUESTION),
        "balance   " + _curl(f"{base}/account", key),
        f"pages     {base}/   (yours: {base}/dashboard?key={key})",
        f"register  {base}/register   (mails: {base}/outbox, {_short(asked.outbox)}/*.eml, and in this terminal)",
        f"files     {folder}/demo.json has this key and the admin key, {folder}/logs what each process says",
        "stop      Ctrl-C; accounts and balances stay",
        "",
        f"ready {base}",
    ):
        progress.line(line)


def arrived(mail: Mail, progress: Progress) -> None:
    """One line for a mail that went out: its key or link, or what it is about."""
    progress.line(f"mail      {mail.address}   {mail.key or mail.link or mail.subject}".rstrip())


def _curl(where: str, key: str, body: object = None) -> str:
    command = f"curl {where} -H 'Authorization: Bearer {key}'"
    return command if body is None else f"{command} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

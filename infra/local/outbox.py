"""Mails that the gateway has written as `.eml` files: who got which key or link, or what else they are about."""

import email
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")
LINK = re.compile(r"https?://[!-~]+/console/enter#[A-Za-z0-9_-]+")
"""By which an owner of projects signs in."""
MAIL_BYTES_MAX = 100_000
LISTED_MAX = 100
SETTLED_S = 1.0


@dataclass(frozen=True)
class Mail:
    """`key` and `link` are empty when the mail carries none."""

    address: str
    key: str
    link: str = ""
    subject: str = ""
    text: str = field(default="", compare=False)


class Outbox:
    """Tells each mail once; those that are there at first are old news."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = set(folder.glob("*.eml"))

    def new(self) -> list[Mail]:
        """What came since the last call, oldest first."""
        unseen = sorted(set(self._folder.glob("*.eml")) - self._seen, key=_written_s)
        mails = []
        for path in unseen:
            mail = _read(path)
            # Without a key or link it may be half written yet: look once more before it is told.
            if mail.key or mail.link or time.time() - _written_s(path) > SETTLED_S:
                self._seen.add(path)
                mails.append(mail)
        return mails


def listed(folder: Path) -> list[dict[str, str]]:
    """The newest mails of a folder, newest first, as the page of the outbox shows them."""
    shown = []
    for path in sorted(folder.glob("*.eml"), key=_written_s, reverse=True)[:LISTED_MAX]:
        mail, at = _read(path), datetime.fromtimestamp(_written_s(path), UTC)
        about = {"key": mail.key, "link": mail.link, "at": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        shown.append({"to": mail.address, "subject": mail.subject, "text": mail.text} | about)
    return shown


def _written_s(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path) -> Mail:
    with path.open("rb") as file:
        message = email.message_from_bytes(file.read(MAIL_BYTES_MAX), policy=default)
    texts = [_text(part) for part in message.walk() if part.get_content_maintype() == "text"]
    text = "\n".join(texts)
    key, link = KEY.search(text), LINK.search(text)
    address, subject = (_printable(message.get(name)) for name in ("To", "Subject"))
    return Mail(address, key.group() if key else "", link.group() if link else "", subject, text)


def _printable(header: object) -> str:
    """The address is a stranger's: nothing that moves the cursor goes to the terminal."""
    return "".join(c for c in str(header or "") if c.isprintable())


def _text(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except LookupError:  # a charset that Python does not know
        return ""

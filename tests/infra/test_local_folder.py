"""What `make run` keeps in its folder, tells its children, and reads in mails."""

import json
import stat
from email.message import EmailMessage
from pathlib import Path

import pytest

from functions import settings
from infra.local import configuration, folder, screen
from infra.local.outbox import Mail, Outbox
from infra.local.processes import Failed
from infra.local.progress import Progress

OLDER = {"HASH_SECRET": "h" * 43, "ADMIN_KEY": "admin-" + "a" * 43}
"""What a version before projects has written."""


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """The second run has the first one's secrets, which only their owner can read, and settings take them."""
    made = folder.own_secrets(tmp_path)
    assert set(made) == {"HASH_SECRET", "ADMIN_KEY", "PROJECTS_SECRET"}
    assert len(set(made.values())) == 3
    assert folder.own_secrets(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert settings.read(made).projects_secret == made["PROJECTS_SECRET"]


def test_a_folder_of_an_older_version_gets_what_it_lacks(tmp_path: Path) -> None:
    """A secret that came with a later version is added, and stays; those that were there are the same."""
    folder.write_private(tmp_path / "secrets.json", OLDER)
    made = folder.own_secrets(tmp_path)
    assert made.items() > OLDER.items()
    assert folder.own_secrets(tmp_path) == made


@pytest.mark.parametrize("text", ["{", "[]", "null", json.dumps({"ADMIN_KEY": "a" * 43, "PROJECTS_SECRET": "p" * 43})])
def test_damage_is_told_and_nothing_is_made_anew(tmp_path: Path, text: str) -> None:
    """A secret that was always there and is gone is no reason to make another: accounts count under it."""
    path = tmp_path / "secrets.json"
    path.write_text(text)
    with pytest.raises(Failed, match=r"secrets\.json is damaged"):
        folder.own_secrets(tmp_path)
    assert path.read_text() == text


def told(**environ: str) -> dict[str, str]:
    return configuration.gateway_environ(configuration.read(environ), OLDER, 4566)


@pytest.mark.parametrize(
    ("environ", "allowed"),
    [
        ({}, ("127.0.0.0/8", "::1/128")),
        ({"OUTBOUND_ALLOWED_CIDRS": ""}, ()),
        ({"OUTBOUND_ALLOWED_CIDRS": "10.0.0.0/8"}, ("10.0.0.0/8",)),
    ],
)
def test_an_owners_url_may_be_on_this_machine_unless_told_otherwise(
    environ: dict[str, str], allowed: tuple[str, ...]
) -> None:
    """A model of one's own on this machine can be tried; who sets the networks, also to none, is obeyed."""
    found = settings.read(told(**environ)).outbound_allowed_cidrs
    assert tuple(map(str, found)) == allowed


def test_what_a_mail_carries(tmp_path: Path) -> None:
    """A key, or the link by which an owner signs in, however long; what else it is about. Each mail is told once."""
    outbox = Outbox(tmp_path)
    key, link = "sk-" + "k" * 43, "http://127.0.0.1:8503/console/enter#" + "t" * 43
    for name, text in (("1", f"Your key:\n\n{key}\n"), ("2", f"Sign in:\n\n{link}\n\nIt works once.")):
        message = EmailMessage()
        message["To"], message["Subject"] = "ada@farebox.test", name
        message.set_content(text)
        (tmp_path / f"{name}.eml").write_bytes(bytes(message))
    assert outbox.new() == [Mail("ada@farebox.test", key, "", "1"), Mail("ada@farebox.test", "", link, "2")]
    assert outbox.new() == []


@pytest.mark.parametrize(
    ("mail", "line"),
    [
        (Mail("a@farebox.test", "sk-1", "", "Your key"), "mail      a@farebox.test   sk-1"),
        (Mail("a@farebox.test", "", "http://b#c", "Sign in"), "mail      a@farebox.test   http://b#c"),
        (Mail("a@farebox.test", "", "", "Receipt"), "mail      a@farebox.test   Receipt"),
    ],
)
def test_the_terminal_says_of_each_mail_what_it_is(mail: Mail, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its key or its link, and of any other its subject."""
    screen.arrived(mail, Progress())
    assert line in capsys.readouterr().out.splitlines()

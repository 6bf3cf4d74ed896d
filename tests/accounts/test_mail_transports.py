"""How mail leaves: a folder on one machine, SMTP where configured, else SES."""

import json
import secrets
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from functions.settings import Settings
from tests import stand
from tests.accounts.smtp_sink import Mailbox, smtp_sink
from tests.stand import KEY, StartGateway

SENDER = "Farebox <no-reply@sender.test>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_sink() as made:
        yield made


def somebody() -> str:
    return f"{secrets.token_hex(6)}@mail.farebox.dev"


def to_smtp(port: int, **more: str) -> dict[str, str]:
    return {"MAIL_OUTBOX": "", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_FROM": SENDER, **more}


def ses_messages(dynamodb_url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{dynamodb_url}/_ministack/ses/messages") as response:
        by_account: dict[str, list[dict[str, Any]]] = json.load(response)["messages"]
    return [message for messages in by_account.values() for message in messages]


def test_the_folder_keeps_mails_to_oneself(start_gateway: StartGateway) -> None:
    """A mail in the folder is whole, plain text, and readable by its owner only."""
    gateway = start_gateway(SMTP_FROM=SENDER)
    email = somebody()
    key = gateway.register(email)
    (path,) = gateway.outbox.iterdir()
    assert (path.stat().st_mode & 0o077, gateway.outbox.stat().st_mode & 0o077) == (0, 0)
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert (message["To"], message["From"], message.get_content_type()) == (email, SENDER, "text/plain")
    text = message.get_content()
    assert text.count(key) == 2
    assert gateway.url in text


@pytest.mark.parametrize(
    ("reissue", "words"),
    [("immediate", "it has stopped working"), ("on_first_use", "it stops working when you first use this one")],
)
def test_the_mail_says_what_becomes_of_the_old_key(start_gateway: StartGateway, reissue: str, words: str) -> None:
    """The words of the mail follow KEY_REISSUE."""
    gateway = start_gateway(KEY_REISSUE=reissue)
    gateway.key()
    (path,) = gateway.outbox.iterdir()
    assert words in message_from_bytes(path.read_bytes(), policy=default).get_content()


def test_smtp_brings_the_key(start_gateway: StartGateway, mailbox: Mailbox) -> None:
    """With SMTP_HOST the mail goes to that server, and its key works."""
    gateway = start_gateway(**to_smtp(mailbox.port))
    email = somebody()
    assert gateway.request("POST", "/register", {"email": email}).status == 200
    assert mailbox.recipients == [email]
    (message,) = mailbox.messages
    assert (message["To"], message["From"]) == (email, SENDER)
    found = KEY.search(message.get_content())
    assert found
    assert gateway.account(found[0])["email"] == email


@pytest.mark.parametrize("trouble", ["nobody listens", "the server refuses"])
def test_mail_that_cannot_be_handed_over_is_503(start_gateway: StartGateway, mailbox: Mailbox, trouble: str) -> None:
    """Where the mail cannot leave, the answer is 503 with Retry-After; the next try works."""
    mailbox.refuses = True
    port = mailbox.port if trouble == "the server refuses" else stand.free_port()
    gateway = start_gateway(**to_smtp(port))
    email = somebody()
    answer = gateway.request("POST", "/register", {"email": email})
    assert (answer.status, answer.error["code"]) == (503, "mail_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert email.encode() not in answer.body
    mailbox.refuses = False
    again = start_gateway(**to_smtp(mailbox.port))
    assert again.request("POST", "/register", {"email": email}).status == 200
    assert len(mailbox.messages) == 1


def test_nothing_is_mailed_to_reserved_domains(start_gateway: StartGateway, mailbox: Mailbox) -> None:
    """Domains that nobody can own register, and no mail server is asked to find them."""
    gateway = start_gateway(**to_smtp(mailbox.port))
    for domain in ("a.test", "b.invalid", "c.example"):
        assert gateway.request("POST", "/register", {"email": f"a@{domain}"}).status == 200
    assert mailbox.recipients == []


def test_ses_brings_the_key(start_gateway: StartGateway, dynamodb_url: str) -> None:
    """Without folder and SMTP the mail goes through SES, raw, and its key works."""
    verify(start_gateway, dynamodb_url)
    gateway = start_gateway(MAIL_OUTBOX="", SES_ENDPOINT_URL=dynamodb_url, SMTP_FROM=SENDER)
    email = somebody()
    answer = gateway.request("POST", "/register", {"email": email})
    assert answer.status == 200, gateway.log.read_text()[-1000:]
    (sent,) = [message for message in ses_messages(dynamodb_url) if message["To"] == [email]]
    assert sent["Source"] == SENDER
    found = KEY.search(sent["BodyText"])
    assert found
    assert gateway.account(found[0])["email"] == email


def verify(start_gateway: StartGateway, dynamodb_url: str) -> None:
    """SES sends for verified senders only."""
    import boto3

    client = boto3.client(
        "sesv2",
        region_name=Settings().aws_region,
        endpoint_url=dynamodb_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.create_email_identity(EmailIdentity="sender.test")


def test_ses_out_of_reach_is_503(start_gateway: StartGateway) -> None:
    """SES that nobody answers for is 503, not a fault."""
    nowhere = f"http://127.0.0.1:{stand.free_port()}"
    gateway = start_gateway(MAIL_OUTBOX="", SES_ENDPOINT_URL=nowhere, SMTP_FROM=SENDER)
    answer = gateway.request("POST", "/register", {"email": somebody()})
    assert (answer.status, answer.error["code"]) == (503, "mail_unavailable")

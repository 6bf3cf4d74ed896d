"""Handing over mail: to a folder on one machine, to SMTP where it is configured, else to SES."""

import secrets
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from functions.accounts.email import is_reserved
from functions.errors import MailUnavailable
from functions.settings import Settings

NOT_TAKEN, AGAIN_S = "The mail could not be handed over; try again.", 30
SMTP_TIMEOUT_S = 10
SES_TIMEOUT_S, SES_TRIES = 5, 2
SMTPS_PORT = 465
RELAY_BUSY = 421
"""What a relay answers that takes no mail for anybody; it closes then."""
SES_REFUSALS = ("MessageRejected", "BadRequestException")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class MailRefused(MailUnavailable):
    """This one mail is not taken, as a rule for its address; others are."""


def compose(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """A message of plain text."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="farebox.invalid")
    message.set_content(text)
    return message


def send(settings: Settings, message: EmailMessage) -> None:
    """Hand a message over, once. Raises MailUnavailable; MailRefused where that is for this one message alone."""
    try:
        if settings.mail_outbox:
            _to_folder(Path(settings.mail_outbox), message)
        elif is_reserved(str(message["To"])):
            return
        elif settings.smtp_host:
            _to_smtp(settings, message)
        else:
            _to_ses(settings, message)
    except OSError as error:
        raise MailUnavailable(NOT_TAKEN, AGAIN_S) from error


def _to_folder(folder: Path, message: EmailMessage) -> None:
    """Written under another name first, so that whoever watches the folder sees whole messages only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{secrets.token_hex(8)}"
    part.touch(mode=0o600)
    part.write_bytes(bytes(message))
    part.rename(folder / f"{formatdate().replace(' ', '_').replace(':', '')[5:22]}-{secrets.token_hex(4)}.eml")


def _to_smtp(settings: Settings, message: EmailMessage) -> None:
    """Over TLS wherever the server offers it, its certificate checked; smtplib's errors are OSErrors."""
    tls = ssl.create_default_context()
    place = (settings.smtp_host, settings.smtp_port)
    with (
        smtplib.SMTP_SSL(*place, timeout=SMTP_TIMEOUT_S, context=tls)
        if settings.smtp_port == SMTPS_PORT
        else smtplib.SMTP(*place, timeout=SMTP_TIMEOUT_S)
    ) as server:
        server.ehlo()
        secured = settings.smtp_port == SMTPS_PORT
        if not secured and server.has_extn("starttls"):
            server.starttls(context=tls)
            secured = True
        if settings.smtp_user:
            if not secured and settings.smtp_host not in LOOPBACK:
                raise OSError("no TLS: the password is not sent")
            server.login(settings.smtp_user, settings.smtp_password)
        try:
            server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
            if _is_of_all(error):
                raise
            raise MailRefused(NOT_TAKEN, AGAIN_S) from error


def _is_of_all(error: smtplib.SMTPException) -> bool:
    """Whether a relay takes no mail at all just now, and not only not this one."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == RELAY_BUSY for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code < 500


def _to_ses(settings: Settings, message: EmailMessage) -> None:
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""
    import boto3  # noqa: PLC0415  slow to import, and only registration sends mail
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    retries: Any = {"total_max_attempts": SES_TRIES, "mode": "standard"}
    within = Config(connect_timeout=SES_TIMEOUT_S, read_timeout=SES_TIMEOUT_S, retries=retries)
    url = settings.ses_endpoint_url or None
    client = boto3.client("sesv2", region_name=settings.aws_region, endpoint_url=url, config=within)
    try:
        client.send_email(
            FromEmailAddress=str(message["From"]),
            Destination={"ToAddresses": [str(message["To"])]},
            Content={"Raw": {"Data": bytes(message)}},
        )
    except (BotoCoreError, ClientError) as error:
        code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else ""
        raise (MailRefused if code in SES_REFUSALS else MailUnavailable)(NOT_TAKEN, AGAIN_S) from error

"""Owners sign in by a mailed link that works once. Whoever asks is told the same, whichever address was given.

The link's token stands in the fragment of its address, which no browser sends: no log, no referrer has it. Its page
has a button that posts the token; fetching the page, as scanners of mail do, changes nothing.
"""

from email.message import EmailMessage

from functions.accounts import email as addresses
from functions.accounts import mail
from functions.authenticate.address import digest
from functions.authenticate.keys import bearer
from functions.errors import BadRequest, Unauthenticated
from functions.ledger import sessions
from functions.ledger.counters import count_one
from functions.ledger.store import Ledger
from functions.ledger.tombstones import mailbox as mailbox_of
from functions.ledger.windows import Limit
from functions.settings import Settings

LINK_LASTS_S = 30 * 60
SESSION_LASTS_S = 7 * 86400
TAKES_S = 0.5
HOURS_A_DAY = 4
"""In so many hours a day a mailbox may get all the links that an hour takes."""
PREFIX = "os-"
TOKEN_LENGTH_MAX = 200

SUBJECT = "Sign in to Farebox"
LINK = """\
Hello,

this link signs you in to the console of {base_url}. It works once, within 30 minutes.

    {base_url}/console/enter#{token}

The page has a button; nothing happens before it is pressed. If you did not ask for this, you can ignore this mail.
"""
NO_LINK = """\
Hello,

somebody, perhaps you, asked to sign in to the console of {base_url} with this address. It may not sign in there; its
operator decides who may. If you did not ask for this, you can ignore this mail.
"""


async def count_client(ledger: Ledger, settings: Settings, address_scope: str) -> None:
    """Count a sign-in from a client's address, before anything of it is read. Raises RateLimited."""
    by_client = Limit("h", settings.registration_rate_limit, "sign-ins an hour from one address")
    await count_one(ledger, f"sign-in-{address_scope}", (by_client,), {})


async def send_link(ledger: Ledger, settings: Settings, email: object, base_url: str) -> None:
    """Mail a link to an address, or a mail without one where it may not sign in: both take the same way.

    Raises BadRequest, RateLimited, LedgerUnavailable, MailUnavailable: each for what was asked, none for who it is.
    """
    started_s = ledger.clock.now()
    address = addresses.normal(email, settings.refused_email_domains)
    mailbox = digest("sign-in-email", mailbox_of(address), settings.hash_secret)
    await count_one(ledger, mailbox, _by_mailbox(settings), {})
    if may_sign_in(settings, address):
        token = await sessions.new_link(ledger, address, LINK_LASTS_S)
        text = LINK.format(base_url=base_url, token=token)
    else:
        text = NO_LINK.format(base_url=base_url)
    mail.send(settings, _message(settings, address, text))
    await ledger.clock.sleep(max(0.0, TAKES_S - (ledger.clock.now() - started_s)))


async def enter(ledger: Ledger, settings: Settings, token: object) -> tuple[str, int]:
    """The session that a link's token is worth, and when it ends, in seconds since 1970. It is worth one, once.

    Raises BadRequest: one answer for a token that never was, was used, or is over. LedgerUnavailable.
    """
    is_token = isinstance(token, str) and 0 < len(token) <= TOKEN_LENGTH_MAX and token.isascii()
    email = await sessions.use_link(ledger, str(token)) if is_token else None
    if email is None or not may_sign_in(settings, email):
        raise BadRequest("This link is not valid any more; ask for another.", param="token")
    ends_s = int(ledger.clock.now()) + SESSION_LASTS_S
    return await sessions.new_session(ledger, email, SESSION_LASTS_S), ends_s


async def owner(ledger: Ledger, settings: Settings, authorization: list[str]) -> str:
    """The address of the owner whose session is in the Authorization header. Raises Unauthenticated for all else."""
    token = _session(authorization)
    email = await sessions.session(ledger, token)
    if email is None or not may_sign_in(settings, email):
        raise Unauthenticated
    return email


async def leave(ledger: Ledger, authorization: list[str]) -> None:
    """End the session in the Authorization header. Raises Unauthenticated, LedgerUnavailable."""
    await sessions.end_session(ledger, _session(authorization))


def may_sign_in(settings: Settings, email: str) -> bool:
    """Whether OWNER_EMAILS names an address or its domain; where it names none, anybody may."""
    named = settings.owner_emails
    return not named or email in named or "@" + email.rpartition("@")[2] in named


def _by_mailbox(settings: Settings) -> tuple[Limit, ...]:
    """By the hour, so that somebody else who asks for an owner's links keeps them out for an hour and no longer."""
    most = settings.registration_address_limit
    return (
        Limit("h", most, "sign-ins an hour for one e-mail address"),
        Limit("d", most * HOURS_A_DAY, "sign-ins a day for one e-mail address"),
    )


def _session(authorization: list[str]) -> str:
    token = bearer(authorization)
    if not token.startswith(PREFIX):
        raise Unauthenticated
    return token


def _message(settings: Settings, address: str, text: str) -> EmailMessage:
    return mail.compose(settings.smtp_from, address, SUBJECT, text)

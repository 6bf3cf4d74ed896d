"""Registration: an address gets an account, or a new key for the account it has, by mail.

The answer is the same for both, and comes no sooner than REGISTRATION_TAKES_S, so that nobody learns from
it which addresses have accounts.
"""

from email.message import EmailMessage

from functions.accounts import email as addresses
from functions.accounts import mail
from functions.admit.rules import Gain
from functions.authenticate.address import digest
from functions.ledger import grants
from functions.ledger.counters import count_one
from functions.ledger.credentials import credential_id
from functions.ledger.store import Ledger
from functions.ledger.tombstones import mailbox as mailbox_of
from functions.ledger.windows import Limit
from functions.settings import Settings

PROJECT = "default"
REGISTRATION_TAKES_S = 0.5

SUBJECT = "Your Farebox API key"
TEXT = """\
Hello,

this is your API key. It is shown only here; nobody can look it up again.

    {key}

{replaces}Try it:

    curl {base_url}/v1/chat/completions \\
      -H "Authorization: Bearer {key}" \\
      -H "Content-Type: application/json" \\
      -d '{{"messages": [{{"role": "user", "content": "Hello!"}}]}}'

Your balance, use and packs of credits: {base_url}/dashboard

If you did not ask for a key, you can ignore this mail{unasked}.
"""
IMMEDIATE = "If a key was mailed to you before, it has stopped working. "
ON_FIRST_USE = "If a key was mailed to you before, it stops working when you first use this one. "
KEPT = "Keys that you made yourself work on, and your balance is kept.\n\n"


async def count_client(ledger: Ledger, settings: Settings, address_scope: str) -> None:
    """Count a registration from a client's address, before anything of it is read. Raises RateLimited."""
    by_client = Limit("h", settings.registration_rate_limit, "registrations an hour from one address")
    await count_one(ledger, f"register-{address_scope}", (by_client,), {})


async def register(ledger: Ledger, settings: Settings, signup: Gain, email: object, base_url: str) -> str:
    """Register an address and mail its key; returns the address as it was understood.

    A new account begins with `signup`; the mail says how to use the key at `base_url`.

    The key an address had is replaced only once the mail with the new one is handed over.
    Raises BadRequest, RateLimited, LedgerUnavailable, MailUnavailable.
    """
    started_s = ledger.clock.now()
    address = addresses.normal(email, settings.refused_email_domains)
    by_mailbox = Limit("d", settings.registration_address_limit, "registrations a day for one e-mail address")
    mailbox = mailbox_of(address)
    await count_one(ledger, digest("register-email", mailbox, settings.hash_secret), (by_mailbox,), {})
    trial = grants.Trial(signup.amount, signup.lasts_s)
    who = grants.Address(PROJECT, address, mailbox if settings.trial_per_mailbox else "")
    key = await grants.register(ledger, who, trial)
    mail.send(settings, _message(settings, address, key, base_url))
    if settings.key_reissue == "immediate":
        await grants.activate(ledger, who, credential_id(key))
    await ledger.clock.sleep(max(0.0, REGISTRATION_TAKES_S - (ledger.clock.now() - started_s)))
    return address


def _message(settings: Settings, address: str, key: str, base_url: str) -> EmailMessage:
    immediate = settings.key_reissue == "immediate"
    text = TEXT.format(
        key=key,
        base_url=base_url,
        replaces=(IMMEDIATE if immediate else ON_FIRST_USE) + KEPT,
        unasked="; ask for another if yours has stopped working" if immediate else ": your key works on",
    )
    return mail.compose(settings.smtp_from, address, SUBJECT, text)

"""Users that no key of ours tells, and what must be true of each, however they came."""

import secrets

from functions.ledger import grants
from functions.ledger.account import Account
from functions.ledger.store import Item
from tests.ledger.arrange import Books, check

GAIN = grants.Trial(5000, 7 * 86400)


def stranger(kind: str = "jwt", shown: str = "auth0|somebody") -> grants.Subject:
    """Somebody whom no project has seen, of a project of their own."""
    return grants.Subject(f"p{secrets.token_hex(5)}", kind, secrets.token_hex(32), shown)


async def members_of(books: Books, project: str) -> list[str]:
    """The numbers in a project's list."""
    found = await books.scan("members", "scope", f"project/{project}")
    return [item["member"]["S"] for item in found]


async def one_account(books: Books, subject: grants.Subject, gain: grants.Trial = GAIN) -> Account:
    """What must be true of a subject who was seen: one account with its gift, listed once, and found again."""
    found = await grants.find_subject(books.ledger, subject)
    assert found
    account_id, account = found
    marks: list[Item] = await books.scan("identities", "account_id", account_id)
    assert [mark["identity_id"]["S"] for mark in marks] == [f"{subject.project}/{subject.kind}/{subject.digest}"]
    (entry,) = await books.scan("journal", "account_id", account_id)
    assert (entry["amount"]["N"], entry["credited_after"]["N"]) == (str(gain.amount), str(gain.amount))
    assert await members_of(books, subject.project) == [account_id.rpartition("/")[2]]
    assert (account.account_id, account.credited, account.identity) == (account_id, gain.amount, subject.kind)
    check(account)
    return account

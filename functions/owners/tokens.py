"""Test tokens: an app is tried with sign-in on, before anybody can sign in. Each has an account of its own."""

from typing import Any

from functions.authenticate.tokens import make_test_token
from functions.errors import BadRequest, Forbidden, NotFound
from functions.ledger import abuse, grants, ids, projects
from functions.ledger.projects import TestToken
from functions.owners import asked
from functions.owners.mine import Mine
from functions.owners.shown import time_text, user_id
from functions.projects.project import FORWARD, TEST

DAYS_MAX, DAYS = 365, 30
DAY_S = 86400


async def add(mine: Mine, label: object, days: object) -> dict[str, Any]:
    """A new test token; it is shown now and never again. Raises BadRequest, NotConfigured."""
    name = asked.label(label)
    lasts_s = asked.whole(DAYS if days is None else days, "days", 1, DAYS_MAX) * DAY_S
    project, secret = mine.project(), mine.secret()
    if project.mode == FORWARD or TEST not in project.methods:
        raise BadRequest("This project takes no test tokens: they need managed mode and auth.test.", param="auth.test")
    issued_s = int(mine.ledger.clock.now())
    if sum(token.expires > issued_s for token in mine.stored.test_tokens.values()) >= projects.TEST_TOKENS_MAX:
        most = f"A project has at most {projects.TEST_TOKENS_MAX} test tokens."
        raise Forbidden(most, code="too_many_test_tokens")  # before an account is made for nobody
    signup = project.methods[TEST].rules.signup
    token_id = ids.time_ordered(mine.ledger)
    subject = grants.Subject(mine.project_id, TEST, token_id, name)
    account_id = await grants.first_sight(mine.ledger, subject, grants.Trial(signup.amount, signup.lasts_s))
    expires = issued_s + lasts_s
    test_token = TestToken(name, issued_s, expires, account_id)
    await projects.add_test_token(mine.ledger, mine.project_id, token_id, test_token)
    return {
        "id": token_id,
        "label": name,
        "user_id": user_id(account_id),
        "expires": time_text(expires),
        "token": make_test_token(secret, mine.project_id, token_id, issued_s, lasts_s),
    }


async def drop(mine: Mine, token_id: str) -> dict[str, Any]:
    """The end of a test token; its account stays for the books. Raises NotFound.

    The account is blocked for good first: so the token is dead in the very next request, while processes may remember
    the project as it was for some seconds.
    """
    if token_id not in mine.stored.test_tokens:
        raise NotFound("There is no such test token.")
    await abuse.block(mine.ledger, mine.stored.test_tokens[token_id].account_id, None)
    await projects.drop_test_token(mine.ledger, mine.project_id, token_id)
    return {"id": token_id, "deleted": True}

"""An account stays one write unit: under 1 KB for a project's user with all limits, running requests and offences."""

from benchmarks.account_size import LIMITS, TURN_S, item_bytes
from functions.ledger import abuse, grants
from functions.ledger.abuse import Policy
from functions.ledger.account import Account
from functions.ledger.admit import admit
from functions.ledger.settle import settle
from functions.ledger.windows import Limit
from tests.ledger.arrange import Books, ask, check, paper, purchase
from tests.ledger.subjects import stranger

KB = 1024
OPEN = 5
COST = 7_654_321
POLICY = Policy(100, "d", 86400)
PERIODS = dict(zip(LIMITS, "mhdwMt", strict=True))


async def test_an_offender_with_all_limits_and_open_requests_is_under_1_kb(books: Books) -> None:
    """Known by a long subject, with every window on both sides of a turn, offences on two days and a block before."""
    books.clock.time_s = TURN_S - 20
    subject = stranger(shown="auth0|" + "x" * 100)
    account_id = await grants.first_sight(books.ledger, subject, grants.Trial(10**12, 7 * 86400))
    account = await books.read(account_id)
    await books.pay(account_id, purchase(10**13).amount)
    await abuse.block(books.ledger, account_id, int(TURN_S) - 20)
    limits = tuple(Limit(PERIODS[name], most, name) for name, most in LIMITS.items())

    async def run(account: Account, *, end: bool) -> Account:
        wanted = ask(COST, account, books.clock.now(), *limits)
        admission = await admit(books.ledger, account, wanted, fresh=False)
        if not end:
            return admission.account
        receipt = paper(account, admission.hold, COST, input=12_345, output=678)
        return await settle(books.ledger, admission.account, admission.hold, receipt, POLICY)

    for now_s in (TURN_S - 20, TURN_S + 20):
        books.clock.time_s = now_s
        for _ in range(12):
            account = await run(account, end=True)
    account = await abuse.offend(books.ledger, account, POLICY)
    for _ in range(OPEN):
        account = await run(account, end=False)
    account = await books.read(account_id)
    check(account)
    assert account.open_holds == OPEN
    assert len(account.counters) == 2 * len(LIMITS) - 1 + 2
    assert {"blocked", "offence", "blocks", "identity", "shown"} <= account.item.keys()
    assert item_bytes(account.item) < KB

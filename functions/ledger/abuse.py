"""Abuse: blocked requests are counted against their user, who is refused once there were too many (rule 13).

The count is an attribute of the account such as `abuse/d:20779`, "in that day"; the block is `blocked`, a moment that
every admission is conditional on. So the offence that reaches the threshold and the block are one write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import ids
from functions.ledger.account import Account, AccountGone
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Ledger, Refused
from functions.ledger.windows import PERIODS

FOREVER = 2**40
"""A block that does not end, in seconds since 1970."""
LAST_S = 253_402_300_800
"""The end of the year 9999: what is blocked beyond it is told no end."""
GROUP = "abuse/"
TRIES_MAX = 100
"""More than requests of one account run at once: each refusal is another's success."""
ACTS_MAX = 12
PAUSE_LONGEST = 4
"""The attempt after which pauses grow no more: 0.3 s."""


@dataclass(frozen=True, slots=True)
class Policy:
    """With `threshold` offences in one `period` a user is blocked for `block_s` seconds; None: for good.

    `period` is one of functions/ledger/windows.py's: m, h, d, w or M. Its windows are fixed, they do not slide.
    """

    threshold: int
    period: str
    block_s: int | None

    @property
    def text(self) -> str:
        """As a receipt keeps it, such as `3/d/86400`."""
        return f"{self.threshold}/{self.period}/{'' if self.block_s is None else self.block_s}"

    @classmethod
    def of(cls, text: str) -> "Policy":
        """What `text` says of a policy."""
        threshold, period, block_s = text.split("/")
        return cls(int(threshold), period, int(block_s) if block_s else None)


def told(until: int) -> str:
    """What a user is told who is blocked until then."""
    if until >= LAST_S:
        return "This user is blocked."
    return f"This user is blocked until {datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}."


def count(write: Expression, seen: Account, policy: Policy, at_s: int) -> None:
    """Add an offence of a moment to a write of its account, `seen` as it was last; with the last one comes the block.

    Offences below the threshold do not refuse each other; only whoever planned for the wrong side of it is refused.
    """
    window, last = f"{GROUP}{policy.period}:{PERIODS[policy.period](at_s).index}", policy.threshold - 1
    name = write.name("#abuse", window)
    write.added.append(f"{name} {write.number(':offence', 1)}")
    if seen.number(window) < last:
        write.conditions.append(f"(attribute_not_exists({name}) OR {name} < {write.number(':last', last)})")
        return
    if last > 0:
        write.conditions.append(f"{name} >= {write.number(':last', last)}")
    until = FOREVER if policy.block_s is None else at_s + policy.block_s
    end = write.number(":until", until)
    if seen.blocked < until:
        write.sets.append(f"blocked = {end}")
        write.conditions.append(f"(attribute_not_exists(blocked) OR blocked < {end})")
    else:  # never shorter than it is
        write.conditions.append(f"blocked >= {end}")


async def offend(ledger: Ledger, account: Account, policy: Policy) -> Account:
    """Count an offence of a request that holds nothing; `settle` counts those of others. Returns the account after.

    The account keeps the id of its newest offence, and takes only newer ones: so one whose answer was lost is found,
    and one that arrives late or twice is refused. Where others came before it could be found nobody knows, and it is
    not counted again: a user is rather blocked one late than one early.
    `account` is as last seen. Raises AccountGone, LedgerUnavailable.
    """
    at_s, identifier, unsure = int(ledger.clock.now()), "", False
    for attempt in range(TRIES_MAX):
        newest = account.text("offence")
        if newest == identifier != "" or (unsure and newest > identifier):
            return account
        identifier = identifier if unsure else ids.time_ordered(ledger, newest)
        write = Expression()
        count(write, account, policy, at_s)
        write.sets.append("offence = :id")
        write.values[":id"] = {"S": identifier}
        write.conditions += ["attribute_exists(account_id)", "(attribute_not_exists(offence) OR offence < :id)"]
        request = write.request(ledger.table("accounts"), accounts.key(account.account_id))
        try:
            return Account((await ledger.write("UpdateItem", request))["Attributes"])
        except Ambiguous:
            unsure = True
            await ledger.pause(min(attempt, PAUSE_LONGEST))
        except Refused as refused:
            if refused.item is None:
                raise AccountGone from None
            account = Account(refused.item)
    raise LedgerUnavailable("The ledger is busy; nothing was charged.")


def offences(account: Account, now_s: float) -> int:
    """How many offences are counted against an account now: those of windows that are not over."""
    counted = 0
    for name in _windows(account):
        period, _, index = name.removeprefix(GROUP).partition(":")
        if period in PERIODS and str(PERIODS[period](int(now_s)).index) == index:
            counted += account.number(name)
    return counted


async def block(ledger: Ledger, account_id: str, until: int | None) -> Account:
    """Refuse an account's requests until a moment, in seconds since 1970; None: for good. Returns the account after.

    Requests that run go on, but their holds do not grow. Raises AccountGone, LedgerUnavailable.
    """
    wanted = FOREVER if until is None else until

    def change(write: Expression, _account: Account) -> None:
        write.sets.append(f"blocked = {write.number(':until', wanted)}")

    return await _by_hand(ledger, account_id, lambda account: account.blocked == wanted, change)


async def unblock(ledger: Ledger, account_id: str) -> Account:
    """End an account's block, and forget what was counted against it. Raises AccountGone, LedgerUnavailable."""

    def change(write: Expression, account: Account) -> None:
        write.removed.append("blocked")
        for index, window in enumerate(_windows(account)):
            write.removed.append(write.name(f"#w{index}", window))

    return await _by_hand(ledger, account_id, lambda account: not account.blocked and not _windows(account), change)


async def _by_hand(
    ledger: Ledger,
    account_id: str,
    is_done: Callable[[Account], bool],
    change: Callable[[Expression, Account], None],
) -> Account:
    """One numbered write: where it arrives late, after another's, it is refused and undoes nothing."""
    for attempt in range(ACTS_MAX):
        account = await _read(ledger, account_id)
        if is_done(account):
            return account
        write = Expression()
        change(write, account)
        acts = account.number("blocks")
        write.sets.append(f"blocks = {write.number(':next', acts + 1)}")
        seen = f"blocks = {write.number(':acts', acts)}" if acts else "attribute_not_exists(blocks)"
        write.conditions += ["attribute_exists(account_id)", seen]
        try:
            answer = await ledger.write("UpdateItem", write.request(ledger.table("accounts"), accounts.key(account_id)))
        except (Refused, Ambiguous):
            await ledger.pause(min(attempt, PAUSE_LONGEST))
        else:
            return Account(answer["Attributes"])
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


def _windows(account: Account) -> list[str]:
    return [name for name in account.item if name.startswith(GROUP)]


async def _read(ledger: Ledger, account_id: str) -> Account:
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    if item is None:
        raise AccountGone
    return Account(item)

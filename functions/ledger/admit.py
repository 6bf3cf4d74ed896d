"""Admission: one conditional write that checks and takes everything a request needs, or nothing."""

from dataclasses import dataclass, replace
from typing import NoReturn

from functions import money
from functions.errors import (
    CreditsExhausted,
    CreditsHeld,
    FareboxError,
    Forbidden,
    LedgerUnavailable,
    TooManyOpen,
)
from functions.ledger import abuse, ids, tidy
from functions.ledger import account as accounts
from functions.ledger.account import Account, Hold
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import Count, Limit, count, stale

PLANS_MAX = 10
AMBIGUOUS_MAX = 3


class CredentialsChanged(Exception):
    """A key of the account was made or revoked since the caller was authenticated: authenticate again."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request wants of its account. Amounts in microcredits, `expires` in seconds since 1970."""

    least: int
    """Estimated input and one token of output: below this the request is refused."""
    floor: int
    """Below this a hold would starve the request though there are credits."""
    upper: int
    """The most it can cost."""
    limits: tuple[Limit, ...]
    open_max: int
    credentials_version: int
    expires: int
    output_max: int = 0
    """What `upper` was computed with, in tokens."""

    def by(self, credentials_version: int) -> "Ask":
        """The same of an account whose credentials have another version."""
        return replace(self, credentials_version=credentials_version)


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted request: its hold, the account right after, and the windows it was counted in."""

    hold: Hold
    account: Account
    counts: list[Count]


async def admit(ledger: Ledger, account: Account, ask: Ask, *, fresh: bool) -> Admission:
    """Reserve credits for one request and count it in every window, in one write.

    `fresh` says that `account` was read consistently in this request; otherwise it may only say yes (rule 5).
    Raises what `plan` raises, and LedgerUnavailable; then no credit is held, but for a hold that
    expires by itself where every answer was lost (rule 1).
    """
    sent: list[tuple[Hold, list[Count]]] = []
    unsure: list[Hold] = []
    for _ in range(PLANS_MAX):
        now_s = ledger.clock.now()
        try:
            hold_id = ids.time_ordered(ledger, account.newest_settled, 1 << len(sent))
            hold, counts = plan(account, ask, now_s, hold_id, len(sent))
        except (CredentialsChanged, FareboxError) as error:
            if fresh:
                if isinstance(error, FareboxError):
                    error.headers.setdefault("x-farebox-credits-remaining", money.shown(account.available(now_s)))
                raise
            account, fresh = await tidy.read(ledger, account.account_id), True
            continue
        sent.append((hold, counts))
        try:
            answer = await ledger.write("UpdateItem", _write(ledger, ask, Admission(hold, account, counts), unsure))
        except Ambiguous:
            unsure.append(hold)
            if len(unsure) == AMBIGUOUS_MAX:
                break
        except Refused as refused:
            if refused.item is None:
                raise CredentialsChanged from None
            account, fresh = Account(refused.item), True
            for early, its_counts in sent:
                if early.hold_id in account.holds:  # it was applied after all, or arrived twice: adopt it
                    return Admission(early, account, its_counts)
            account = await tidy.tidy(ledger, account)
        else:
            return Admission(hold, Account(answer["Attributes"]), counts)
    what = "The ledger did not answer in time" if unsure else "This account is used by too many requests at once"
    raise LedgerUnavailable(f"{what}; nothing was charged.")


def plan(account: Account, ask: Ask, now_s: float, hold_id: str, refused: int = 0) -> tuple[Hold, list[Count]]:
    """The hold to ask for, and how it is counted.

    Half of what is available; with every time that it was `refused`, half of that: where many requests take at once,
    the first to ask for half of what all of them saw leaves the others too little.
    Raises CredentialsChanged, Forbidden, CreditsExhausted, RateLimited, TooManyOpen or CreditsHeld.
    """
    if account.credentials_version != ask.credentials_version:
        raise CredentialsChanged
    if account.state != "open":
        raise Forbidden("This account is blocked.")
    if account.blocked > now_s:
        raise Forbidden(abuse.told(account.blocked), code="user_blocked")
    if account.debt:
        raise CreditsExhausted(f"This account owes {money.shown(account.debt)} credits; the next purchase pays them.")
    counts = count(ask.limits, account.counters, now_s)
    if account.open_holds >= ask.open_max:
        raise TooManyOpen(f"{account.open_holds} requests of this account are running, the most allowed.", 1)
    available = account.available(now_s)
    if available < ask.least:
        _too_little(account, ask, available)
    floor = ask.floor if refused < PLANS_MAX // 2 else ask.least
    wanted = min(ask.upper, available, max(floor, available >> 1 + refused))
    paid, lots = take(account, wanted, now_s)
    return Hold(hold_id, paid, lots, ask.expires), counts


def _too_little(account: Account, ask: Ask, available: int) -> NoReturn:
    held = account.held()
    if available + held >= ask.least:
        raise CreditsHeld(
            f"{money.shown(held)} credits are held by requests still running; "
            f"this one needs {money.shown(ask.least)}, {money.shown(available)} are free.",
            1,
        )
    raise CreditsExhausted(
        f"This request needs at least {money.shown(ask.least)} credits; "
        f"{money.shown(available)} are left, {money.shown(ask.least - available)} are missing."
    )


def take(account: Account, wanted: int, now_s: float) -> tuple[int, dict[str, int]]:
    """Where `wanted` microcredits come from: the lots that expire first, then paid. Gives paid's part and the lots'."""
    parts: dict[str, int] = {}
    rest = wanted
    for name, lot in account.lots_in_order(now_s):
        if rest == 0:
            break
        parts[name] = min(rest, lot.left)
        rest -= parts[name]
    return rest, parts


def _write(ledger: Ledger, ask: Ask, wanted: Admission, unsure: list[Hold]) -> Item:
    hold, account, now_s = wanted.hold, wanted.account, ledger.clock.now()
    write = Expression()
    write.name("#h", hold.hold_id)
    write.values[":hold"] = hold.to_item()
    write.values[":id"] = {"S": hold.hold_id}
    write.values[":open"] = {"S": "open"}
    write.name("#state", "state")
    write.take(hold.paid, hold.lots, now_s)
    write.number(":max", ask.open_max)
    write.number(":v", ask.credentials_version)
    write.sets.append("holds.#h = :hold")
    write.conditions += [
        "attribute_not_exists(holds.#h)",
        "(attribute_not_exists(settled) OR settled < :id)",  # never again after its settle
        "attribute_not_exists(debt)",
        "size(holds) < :max",
        "credentials_version = :v",
        "#state = :open",
    ]
    write.unblocked(now_s)
    for index, early in enumerate(unsure):  # rule 1: never both
        write.conditions.append(f"attribute_not_exists(holds.{write.name(f'#u{index}', early.hold_id)})")
    write.count(wanted.counts, stale(account.counters, now_s))
    return write.request(ledger.table("accounts"), accounts.key(account.account_id))

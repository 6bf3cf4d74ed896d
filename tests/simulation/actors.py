"""Who acts in a simulation: clients, a payment provider, somebody who reads accounts, an operator, an auditor."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from functions.errors import LedgerUnavailable
from functions.ledger import abuse, credentials, grants, journal, notices, tidy
from functions.ledger import account as accounts
from functions.ledger import audit as audits
from tests.simulation.plain import NOT_TOLD
from tests.simulation.request import Request
from tests.simulation.store import Crash, Process

if TYPE_CHECKING:
    from tests.simulation.world import Account, Action, World

LEASED_AGAIN_S = 150
DELIVERIES_MAX = 6
"""How often a payment provider sends one event until it is taken."""


def draw(world: "World") -> "Action":
    """Something that happens next."""
    weights = [weight for _, weight in ACTIONS]
    act = world.rng.choices([action for action, _ in ACTIONS], weights)[0]
    return act(world, world.rng.choice(world.accounts))


async def ask(world: "World", account: "Account") -> None:
    """A client asks."""
    await _send(world, account, _body(world), None)


async def insist(world: "World", account: "Account") -> None:
    """A client asks, and asks again with the same Idempotency-Key: at once, soon, or when the hold has expired."""
    body, repeats = _body(world), list[Request]()
    running: list[asyncio.Task[None]] = []
    for _ in range(world.rng.randint(2, 3)):
        if world.rng.random() < 0.1:
            body = _body(world)
        running.append(asyncio.ensure_future(world.happen(_send(world, account, body, repeats))))
        if world.calm:
            await running[-1]
        await asyncio.sleep(world.rng.choice((0.0, world.rng.expovariate(2), world.rng.expovariate(0.1), 1100.0)))
    for task in running:
        await task


def _body(world: "World") -> bytes:
    rng = world.rng
    message = {"role": "user", "content": "x" * rng.randint(1, 120)}
    body = {"messages": [message], "max_tokens": rng.choice((1, 8, 60, 300, 600)), "stream": rng.random() < 0.6}
    return json.dumps(body).encode()


async def _send(world: "World", account: "Account", body: bytes, repeats: list[Request] | None) -> None:
    """Now and then with an old or an unknown key; the client may leave, or read slowly."""
    rng, key = world.rng, account.keys[-1]
    if rng.random() < 0.12:
        key = rng.choice((*account.keys, "sk-unknown"))
    request = Request(
        name=f"r{len(world.requests) + 1}",
        model=world.model,
        account_id=account.account_id,
        key=key,
        body=body,
        address=rng.choice(world.addresses),
        drains=world.settings.llama_client_left == "drain",
    )
    if repeats is not None:
        repeats.append(request)
        request.repeats = repeats
    leaves_after_s = None
    if not world.calm and rng.random() < 0.2:
        leaves_after_s = rng.choice((0.0, rng.expovariate(20), rng.expovariate(1), rng.expovariate(0.1)))
    slowly_s = rng.expovariate(1) if not world.calm and rng.random() < 0.1 else 0.0
    await world.ask(request, world.process(), leaves_after_s, slowly_s)


async def read(world: "World", account: "Account") -> None:
    """Somebody looks at an account, which tidies it."""
    with contextlib.suppress(LedgerUnavailable):
        await tidy.read(world.ledger(world.process()), account.account_id)


async def buy(world: "World", account: "Account") -> None:
    """Credits come, or a gift that expires; told more than once, and sometimes twice at the same time."""
    await _deliver(world, account, world.rng.choice(("purchase", "purchase", "sign_up")), world.amount())


async def refund(world: "World", account: "Account") -> None:
    """Credits go, though they may be spent already."""
    await _deliver(world, account, world.rng.choice(("refund", "refund", "adjustment")), -world.amount() // 3 - 1)


async def _deliver(world: "World", account: "Account", reason: str, amount: int) -> None:
    entry = _entry(world, reason, amount)
    first = _until_taken(world, account, entry)
    if world.calm or world.rng.random() < 0.7:
        await first
    else:
        await asyncio.gather(first, _until_taken(world, account, entry))


async def _until_taken(world: "World", account: "Account", entry: journal.Entry) -> None:
    for _ in range(DELIVERIES_MAX):
        with contextlib.suppress(LedgerUnavailable, Crash, journal.NotEntered, journal.EntryError):
            await journal.enter(world.ledger(world.process()), account.account_id, entry)
            name = entry.reason, entry.reference
            world.model.expect(world.model.entered[name] == 1, f"{name} was taken, and not entered")
            return
        await asyncio.sleep(world.rng.expovariate(0.1))


async def enter(world: "World", process: Process, account: "Account", reason: str, amount: int) -> None:
    """Credits that come at once, from outside."""
    await journal.enter(world.ledger(process), account.account_id, _entry(world, reason, amount))


def _entry(world: "World", reason: str, amount: int) -> journal.Entry:
    world.references += 1
    reference = f"event-{world.references}"
    world.model.asked[reason, reference] = amount
    lot = None
    if reason == "sign_up":
        lot = f"gift{world.references}", int(world.stage.time()) + world.rng.randint(60, 4000)
    return journal.Entry(amount, reason, reference, lot)


async def reissue(world: "World", account: "Account") -> None:
    """A new key is mailed, which replaces the old one at once or when it is first used; or an owner makes another."""
    if not account.email:
        with contextlib.suppress(LedgerUnavailable):
            ledger = world.ledger(world.process())
            account.keys.append(await credentials.add_key(ledger, account.account_id))
            if world.rng.random() < 0.5:
                await credentials.revoke(ledger, account.account_id, credentials.credential_id(account.keys[0]))
        return
    ledger, address = world.ledger(world.process()), grants.Address("default", account.email)
    with contextlib.suppress(LedgerUnavailable):
        key = await grants.register(ledger, address, grants.NO_TRIAL)
        account.keys.append(key)
        if world.rng.random() < 0.6:
            await grants.activate(ledger, address, credentials.credential_id(key))


async def block(world: "World", account: "Account") -> None:
    """An operator blocks an account for a while."""
    for state in ("blocked", "open"):
        request = {"TableName": "accounts", "Key": accounts.key(account.account_id)}
        request |= {"UpdateExpression": "SET #s = :s", "ExpressionAttributeNames": {"#s": "state"}}
        await world.outside.call("UpdateItem", request | {"ExpressionAttributeValues": {":s": {"S": state}}})
        await asyncio.sleep(world.rng.expovariate(0.2))


async def ban(world: "World", account: "Account") -> None:
    """An owner blocks a user for a while or until they are let in again, by processes that may fail."""
    with contextlib.suppress(LedgerUnavailable):
        until = int(world.stage.time() + world.rng.choice((20, 300, 4000)))
        world.model.blocking[account.account_id].add(until)
        await abuse.block(world.ledger(world.process()), account.account_id, until)
    await asyncio.sleep(world.rng.expovariate(0.1))
    if world.rng.random() < 0.5:
        with contextlib.suppress(LedgerUnavailable):
            await abuse.unblock(world.ledger(world.process()), account.account_id)


async def offend(world: "World", account: "Account") -> None:
    """Something is refused for what it says, and counts against its user beside any request."""
    if world.policy:
        for _ in range(world.rng.randint(1, 3)):
            process = world.process()
            view = world.rng.choice((world.first[account.account_id], await _seen(world, account)))
            world.model.offending[account.account_id].append(int(process.now()))
            with contextlib.suppress(LedgerUnavailable, Crash):
                await abuse.offend(world.ledger(process), view, world.policy)


async def _seen(world: "World", account: "Account") -> accounts.Account:
    return await tidy.read(world.ledger(world.outside), account.account_id)


async def visit(world: "World", account: "Account") -> None:
    """Somebody whom no key tells comes in several places at once; they are one user, and get a key of ours."""
    subject = grants.Subject("default", "jwt", str(world.rng.randint(1, 2)), "shown")
    gain = grants.Trial(world.amount(), world.rng.choice((0, 4000)))

    async def come() -> str:
        with contextlib.suppress(LedgerUnavailable, Crash):
            return await grants.first_sight(world.ledger(world.process()), subject, gain)
        return ""

    found = set(await asyncio.gather(*(come() for _ in range(world.rng.randint(1, 3))))) - {""}
    world.seen[subject.digest] |= found
    world.model.expect(len(world.seen[subject.digest]) <= 1, f"{subject} has {world.seen[subject.digest]}")
    if found and min(found) not in world.first:
        world.stage.stats["first sights"] += 1
        with contextlib.suppress(LedgerUnavailable):
            key = await credentials.add_key(world.ledger(world.process()), min(found))
            await world.join(min(found), "", key)


async def want_top_up(world: "World", account: "Account") -> None:
    """A user wants credits bought below a threshold, or not any more; or a top-up is over."""
    request = {"TableName": "accounts", "Key": accounts.key(account.account_id)}
    update: dict[str, object] = {"UpdateExpression": "REMOVE topping"}
    if world.rng.random() < 0.7:
        threshold = {":t": {"N": str(world.amount())}}
        update = {"UpdateExpression": "SET top_up = :t", "ExpressionAttributeValues": threshold}
    await world.outside.call("UpdateItem", request | update)


async def run_errands(world: "World", account: "Account") -> None:
    """What is due is told, in one place or in two at once; telling may fail, and takes its time. Who is told buys."""
    places = 1 if world.calm else world.rng.randint(1, 2)
    await asyncio.gather(*(tell(world, world.process()) for _ in range(places)))
    for told in world.accounts:
        if world.model.accounts[told.account_id].told < NOT_TOLD and world.rng.random() < 0.7:
            await buy(world, told)


async def tell(world: "World", process: Process) -> None:
    """One run of errands by a process that may fail."""
    ledger = world.ledger(process)
    with contextlib.suppress(LedgerUnavailable, Crash):
        for notice in await notices.due(ledger, 10):
            leased = await notices.lease(ledger, notice)
            if leased is None:
                continue
            world.model.tells(leased.id, process.name)
            if not process.reliable:
                await process.sleep(world.rng.choice((0.0, world.rng.expovariate(1), world.rng.expovariate(0.03))))
            if not process.reliable and world.rng.random() < 0.2:
                await notices.later(ledger, leased, LEASED_AGAIN_S, failed=True, done=("mail",))
            else:
                await notices.done(ledger, leased)


async def fail(world: "World", account: "Account") -> None:
    """The tables cannot be reached for some seconds."""
    world.stage.outage_until_s = world.stage.time() + world.rng.uniform(0.5, 12)


async def turn_clock(world: "World", account: "Account") -> None:
    """A process's clock jumps."""
    process = world.process()
    process.skew_s = world.skew(12)
    world.model.clock(process.skew_s)
    for request in world.stage.active:
        request.witness()


async def check(world: "World", account: "Account") -> None:
    """An auditor looks while everything goes on."""
    await audit(world, world.process(), account)


async def audit(world: "World", process: Process, account: "Account", *, full: bool = False) -> None:
    """An audit finds nothing wrong, at any time."""
    with contextlib.suppress(LedgerUnavailable):
        finding = await audits.audit_account(world.ledger(process), account.account_id, full=full)
        world.model.expect(finding.drift == 0, f"the audit of {account.account_id} found {finding.mismatches}")
        world.stage.stats["audits"] += 1


Act = Callable[["World", "Account"], "Action"]
ACTIONS: tuple[tuple[Act, float], ...] = (
    (ask, 72),
    (insist, 5),
    (fail, 1.5),
    (read, 6),
    (buy, 5),
    (refund, 2),
    (reissue, 3),
    (block, 1),
    (ban, 1.5),
    (offend, 4.5),
    (visit, 2),
    (turn_clock, 2),
    (check, 3),
    (want_top_up, 2),
    (run_errands, 6),
)

"""One simulated deployment: a few processes, accounts and clients, and a seed that says all that happens to them."""

import asyncio
import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from random import Random
from typing import Any, cast

from functions.authenticate.address import scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.forward.upstream import Upstream
from functions.ledger import account as accounts
from functions.ledger import credentials, grants, tidy, usage
from functions.ledger.abuse import Policy
from functions.ledger.store import Ledger
from functions.projects.asking import Door
from functions.projects.live import Projects
from functions.settings import Settings
from functions.story import Gateway
from functions.stream import App
from functions.tally import Tally
from tests.simulation import actors, loop
from tests.simulation.client import send
from tests.simulation.model import Model
from tests.simulation.plain import Limits
from tests.simulation.provider import Provider, blocking
from tests.simulation.request import Request
from tests.simulation.store import EPOCH_S, Crash, Process, Stage, Weather
from tests.simulation.table import FakeDynamoDB, schemas

SECRET = "a secret for simulations, long enough"
ADDRESSES = ("203.0.113.1", "203.0.113.2")
AFTER_ALL_S = 3 * 86400
"""By then every late call has arrived, and every hold, lot and day is over."""
ERRANDS_EVERY_S = 60
Action = Coroutine[Any, Any, None]


@dataclass(frozen=True)
class Outcome:
    """How one seed went."""

    seed: int
    stats: Counter[str]
    violations: tuple[str, ...]
    trace: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The same for the same run."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


@dataclass
class Account:
    """An account, and the keys its user knows, the newest last."""

    account_id: str
    email: str
    keys: list[str]


class World:
    """Everything of one seed. In fine weather nothing fails; in calm requests also come one at a time."""

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, (rng := Random(seed))
        weather = rng.random()
        self.calm, fine = weather < 0.12, weather < 0.25
        self.settings, limits = rules(rng)
        self.table = FakeDynamoDB(schemas(""))
        self.stage = Stage(self.table, rng, begins_s=EPOCH_S + rng.randrange(86400))
        self.model = Model(self.stage, limits)
        self.table.observer = self.observe
        level = 0.0 if self.calm or fine else rng.choice((0.5, 1.0, 1.0, 2.5))
        self.weather = Weather(level, 0.0 if self.calm else rng.choice((0.003, 0.02, 0.1)))
        self.processes: list[Process] = []
        self.accounts: list[Account] = []
        self.requests: list[Request] = []
        self.outside = Process(self.stage, "outside", reliable=True)
        self.references = 0
        self.addresses = ADDRESSES[: rng.randint(1, 2)]
        self.policy = Policy(*limits.abuse) if limits.abuse else None
        self.first: dict[str, accounts.Account] = {}
        """Accounts as they were at first, by their ids: an old view of each."""
        self.seen: dict[str, set[str]] = defaultdict(set)
        """By what a user without a key is known: the accounts that were found for them."""

    def observe(self, table: str, key: tuple[str, ...], before: Any, after: Any) -> None:
        self.stage.remember(table, key, before)
        self.model.changed(table, key, before, after)

    def ledger(self, process: Process) -> Ledger:
        return Ledger(process, process, process.random, "")

    def start(self) -> Process:
        """A new process, with nothing remembered and a clock of its own."""
        process = Process(self.stage, f"p{len(self.processes) + 1}", self.skew(4))
        self.model.clock(process.skew_s)
        process.app = gateway(self.settings, self.ledger(process), process, self.policy)
        self.processes.append(process)
        return process

    def skew(self, most_s: float) -> float:
        """How far a clock is off; in calm all are right."""
        skew_s = self.rng.choice((0.0, self.rng.uniform(-most_s, most_s)))
        return 0.0 if self.calm else skew_s

    def process(self) -> Process:
        """One that runs, by chance; where one has ended another is started."""
        place = self.rng.randrange(len(self.processes))
        while self.processes[place].dead:
            del self.processes[place]
            self.start()
        return self.processes[place]

    async def open(self) -> None:
        """Accounts with credits of every kind, and the processes that serve them."""
        ledger = self.ledger(self.outside)
        for number in range(self.rng.randint(1, 3)):
            email = f"user{number}@farebox.test"
            gift = self.rng.choice((grants.NO_TRIAL, grants.Trial(self.amount(), self.rng.randint(60, 4000))))
            key = await grants.register(ledger, grants.Address("default", email), gift)
            found = await credentials.find(ledger, credentials.credential_id(key))
            assert found
            await self.join(found[1].account_id, email, key)
            if self.rng.random() < 0.8:
                await actors.enter(self, self.outside, self.accounts[-1], "purchase", self.amount())
            if self.rng.random() < 0.3:
                await actors.enter(self, self.outside, self.accounts[-1], "sign_up", self.amount() // 2)
        for _ in range(self.rng.randint(2, 3)):
            self.start()
        self.stage.weather = self.weather

    async def join(self, account_id: str, email: str, key: str) -> None:
        """An account takes part from now on."""
        self.first[account_id] = await tidy.read(self.ledger(self.outside), account_id)
        self.accounts.append(Account(account_id, email, [key]))

    def amount(self) -> int:
        """Microcredits: enough for few requests, or for many."""
        return self.rng.choice((self.rng.randint(20, 600), self.rng.randint(600, 4000), self.rng.randint(4000, 20000)))

    async def live(self) -> None:
        """Everything that happens, one after the other in calm, else at the same time."""
        running: list[asyncio.Task[None]] = []
        for _ in range(self.rng.randint(10, 34)):
            if self.model.violations:
                break
            pauses = 0.0, self.rng.expovariate(3), self.rng.expovariate(0.1), self.rng.uniform(0, 500)
            await asyncio.sleep(self.rng.choices(pauses, (3, 5, 3, 1))[0])
            task = asyncio.ensure_future(self.happen(actors.draw(self)))
            running.append(task)
            if self.calm:
                await asyncio.wait([task])
        for task in running:
            await task

    async def happen(self, action: Action) -> None:
        """Somebody does something; a process that ends ends it as well."""
        try:
            await action
        except Crash:
            return

    async def ask(self, request: Request, process: Process, leaves_after_s: float | None, slowly_s: float) -> None:
        """A request and its answer, watched by the model."""
        self.requests.append(request)
        request.scope = scope("ip", request.address, SECRET)
        request.process = process
        expected = request.predicted() if self.calm else None
        self.stage.active.append(request)
        await send(request, process, leaves_after_s, slowly_s)
        self.stage.active.remove(request)
        self.stage.stats[f"answers {request.told()}"] += 1
        if expected is not None:
            told = request.refusal()
            self.model.expect(told == expected, f"{request}: must be told {expected!r}, was told {told!r}")

    async def end(self) -> None:
        """Time passes, everything late arrives, every account is read twice; then all must be in order."""
        self.stage.weather = Weather()
        await asyncio.sleep(AFTER_ALL_S)
        last = Process(self.stage, "last", reliable=True)
        for account in self.accounts:
            first = (await tidy.read(self.ledger(last), account.account_id)).item
            again = (await tidy.read(self.ledger(last), account.account_id)).item
            self.model.expect(first == again, f"healing {account.account_id} twice changed something")
            await actors.audit(self, last, account, full=True)
        for account_id in self.model.accounts:  # those of whom only a first sight was answered as well
            await tidy.read(self.ledger(last), account_id)
        while self.table.items("notices"):
            await actors.tell(self, last)
            await asyncio.sleep(ERRANDS_EVERY_S)
        self.model.ended(self.table.items("days").values())
        if not self.weather.level:
            self.counted()
        for request in self.requests:
            request.judge_charge()

    def counted(self) -> None:
        """Where nothing fails, the statistics are the receipts, summed; however the processes wrote them."""
        items = self.table.items("windows").items()
        days = [usage.from_item(item) for key, item in items if key[0].startswith("usage/")]
        told = [sum(getattr(day, name) for day in days) for name in ("requests", "cost", "input", "output")]
        papers = [receipt for receipt in self.model.receipts.values() if receipt.outcome != "expired"]
        spent = [len(papers), *(sum(getattr(paper, name) for paper in papers) for name in ("cost", "input", "output"))]
        self.model.expect(told == spent, f"statistics are {told}, receipts are {spent}")
        refused = sum(sum(day.refused.values()) for day in days)
        most = sum(request.status != 200 for request in self.requests)
        self.model.expect(refused <= most, f"{refused} refusals are told of {most}")

    async def run(self) -> None:
        await self.open()
        await self.live()
        if not self.model.violations:
            await self.end()

    def outcome(self) -> Outcome:
        """As it is now."""
        self.stage.stats["requests"] = len(self.requests)
        return Outcome(self.seed, Counter(self.stage.stats), tuple(self.model.violations), tuple(self.stage.trace))


def rules(rng: Random) -> tuple[Settings, Limits]:
    """What a deployment charges and allows; the same as its settings and in plain numbers."""
    user = {"minute": rng.choice((3, 5, 10)), "hour": rng.choice((8, 20)), "day": rng.choice((15, 40))}
    if rng.random() < 0.3:
        user["total"] = rng.choice((6, 15, 30))
    project = {"minute": rng.choice((4, 8)), "day": 30} if rng.random() < 0.4 else {}
    tokens_in, tokens_out, cached, request = rng.choice(((1, 1, 1, 0), (2, 5, 1, 0), (1, 3, 0, 7), (0, 2, 0, 1)))
    price = {"model": "*", "input": tokens_in, "output": tokens_out, "cached": cached}
    open_max = rng.choice((2, 4, 16))
    limits = {"user": user, "project": project, "open_requests": open_max}
    price["per_request"] = f"0.{request:06}"
    address = rng.choice((4, 12, 100))
    settings = Settings(
        hash_secret=SECRET,
        hold_expiry_s=rng.choice((100, 300, 900)),
        llama_max_output_tokens=300,
        llama_template_tokens=8,
        llama_client_left=rng.choice(("stop", "stop", "drain")),
        inference_ip_rate_limit=address,
        rules=json.dumps({"limits": limits, "prices": [price]}),
    )
    short = {name[0]: most for name, most in user.items()}
    totals = {name[0]: most for name, most in project.items()}
    abuse = rng.choice((None, (1, "h", 200), (2, "h", 30), (3, "d", 2000), (2, "m", 100)))
    plain = Limits(short, {"m": address}, totals, open_max, tokens_in, tokens_out, cached, request, abuse)
    return settings, plain


def gateway(settings: Settings, ledger: Ledger, process: Process, policy: Policy | None) -> App:
    """A process's app, as functions.stream.App.open makes it, but for what it talks to, and with offences counted.

    What is written beside meets no fault: tests/settle/test_tally.py has those.
    """
    app = App(settings)
    callers = Callers()
    projects = Projects(settings, ledger, callers)
    vars(projects.default)["abuse"] = policy
    upstream = Upstream(None, "http://llama", "", connect_s=5, idle_s=120, abort=settings.llama_client_left)  # type: ignore[arg-type]
    app.gateway = Gateway(
        settings=settings,
        ledger=ledger,
        upstream=upstream,
        callers=callers,
        addresses=Addresses(app.rules.address_limits),
        door=Door(projects, callers, cast(Any, None)),  # nobody comes with a token
        connect=cast(Any, None),
        tally=Tally(replace(ledger, store=Process(process.stage, f"{process.name}, beside", reliable=True))),
    )
    upstream.session = Provider(process, settings.hold_expiry_s - min(60, settings.hold_expiry_s / 2))  # type: ignore[assignment]
    return app


def play(seed: int) -> Outcome:
    """Run one seed. The gateway's log is not shown: it tells of every fault."""
    log = logging.getLogger("farebox")
    level, world = log.level, World(seed)
    log.setLevel(logging.CRITICAL)

    async def all_of_it() -> Outcome:
        await world.run()
        return world.outcome()

    try:
        with blocking():
            return loop.run(all_of_it())
    except loop.NothingLeft:
        world.model.broken("somebody waits for ever")
        return world.outcome()
    finally:
        log.setLevel(level)

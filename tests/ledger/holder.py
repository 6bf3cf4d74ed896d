"""Somebody with an address and keys, on tables in memory, beside a plain program of which of them must work."""

import random
from dataclasses import dataclass, field, replace

import pytest

from functions.authenticate.callers import Callers
from functions.errors import BadRequest, FareboxError, Forbidden, NotFound, Unauthenticated
from functions.ledger import credentials, grants, own_keys, tidy
from functions.ledger.account import Account
from functions.ledger.store import Ledger
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S, HOUR_S
from tests.ledger.faults import FakeClock, FaultyStore, When, never
from tests.simulation.table import FakeDynamoDB, schemas

PREFIX = "k-"
ADDRESS = grants.Address("default", "ada@farebox.test")
TRIAL = grants.Trial(5_000, 30 * DAY_S)
GRACES = (0, 1, HOUR_S, DAY_S)
REISSUES = ("immediate", "on_first_use")


@dataclass(frozen=True)
class Known:
    """What must be true of a key: how it came, what it is called, until when it works."""

    mailed: bool
    label: str
    created: int
    ends: int = 0


@dataclass
class Holder:
    """Somebody with an address and keys, on tables in memory; and the keys that must work."""

    rng: random.Random = field(default_factory=lambda: random.Random(11))

    def __post_init__(self) -> None:
        self.table, self.clock = FakeDynamoDB(schemas(PREFIX)), FakeClock()
        self.made: list[str] = []
        self.ledger = Ledger(self.table, self.clock, self._random, PREFIX, secret="a secret for tests, long enough")
        self.live = drive(grants.register(self.ledger, ADDRESS, TRIAL))
        self.account_id = self.found(self.live)[1].account_id
        self.known = {self.live: Known(True, "", self.now)}
        self.waiting: list[str] = []
        self.callers = Callers()

    def _random(self, size: int) -> bytes:
        drawn = self.rng.randbytes(size)
        if size == credentials.KEY_BYTES:
            self.made.append(credentials.new_key(replace(self.ledger, random=lambda _: drawn)))
        return drawn

    @property
    def now(self) -> int:
        return int(self.clock.now())

    @property
    def account(self) -> Account:
        return drive(tidy.read(self.ledger, self.account_id))

    def process(self, when: When = never) -> tuple[Ledger, FaultyStore]:
        store = FaultyStore(self.table, when)
        return replace(self.ledger, store=store), store

    def found(self, key: str) -> tuple[credentials.Credential, Account]:
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        return found

    def is_stored(self, key: str) -> bool:
        return drive(credentials.find(self.ledger, credentials.credential_id(key))) is not None

    def works(self, key: str) -> bool:
        return key in self.known and not 0 < self.known[key].ends <= self.clock.now()

    def all(self) -> list[str]:
        """Every key that was ever made, and one that never was."""
        return [*self.made, "sk-none"]

    # What must come of each change, as a plain program has it.

    def used(self, key: str) -> None:
        """A key that waited is used first: what was mailed before it dies, of the live one what is leaving, too."""
        if key not in self.waiting:
            return
        self.known = {one: known for one, known in self.known.items() if not known.mailed}
        place = self.waiting.index(key)
        self.waiting = self.waiting[place + 1 :]
        self.live, self.known[key] = key, Known(True, "", self.created(key))

    def registered(self, key: str, reissue: str) -> None:
        self.waiting = [*self.waiting, key][-grants.PENDING_MAX :]
        if reissue == "immediate":
            self.used(key)

    def rotated(self, old: str, new: str, grace_s: int) -> None:
        known = self.known.pop(old)
        if grace_s:
            self.known[old] = replace(known, ends=self.now + grace_s)
        if old == self.live:
            self.live = new
        self.known[new] = Known(known.mailed, known.label, self.now)

    def created(self, key: str) -> int:
        (item,) = [
            item
            for item in self.table.items(PREFIX + "credentials").values()
            if item["credential_id"]["S"] == credentials.credential_id(key)
        ]
        return int(item["created"]["N"])

    def why_not(self, key: str, by: str) -> type[FareboxError] | None:
        """Why a key may not be changed by another."""
        if key in self.waiting:
            return Forbidden
        if not self.works(key):
            return NotFound
        return Forbidden if key == self.live != by else None

    def judge(self) -> None:
        """The list, the look-up, and what is remembered say what must be true of every key."""
        listed = drive(own_keys.listed(self.ledger, self.account))
        working = {key: known for key, known in self.known.items() if self.works(key)}
        assert {key.key_id: (key.label, key.created, key.ends) for key, state in listed if state == "live"} == {
            credentials.credential_id(key): (known.label, known.created, known.ends) for key, known in working.items()
        }
        waiting = [key.key_id for key, state in listed if state == "pending"]
        assert waiting == [credentials.credential_id(key) for key in self.waiting]
        assert len(working) <= credentials.KEYS_MAX
        told = {key for key in self.made if self.is_stored(key) and self.found(key)[0].email}
        assert told <= {self.live, *self.waiting}, "a key that was replaced says whose it was"
        for key in {*self.made} - {*self.waiting}:
            caller, now_s = self.callers.remembered(key, self.clock.now()), self.clock.now()
            believed = caller is not None and caller.credentials_version == self.account.credentials_version
            assert self.works(key) or not believed, "a process lets a dead key in"
            try:
                caller = drive(self.callers.look_up(self.ledger, key))
            except Unauthenticated:
                assert not self.works(key)
            else:
                assert self.works(key)
                assert caller.ends == self.known[key].ends
                assert caller.account_id == self.account_id
                assert not caller.ends or self.callers.remembered(key, caller.ends) is None
                assert self.callers.remembered(key, now_s) == caller


Step = tuple[str, int, int, int]
"""What is done, and numbers that choose of what there is: the key, who asks, and how."""


def act(holder: Holder, ledger: Ledger, step: Step) -> None:
    """Carry out one step as one process would, and in the model where it was answered."""
    what, which, who, how = step
    key = holder.all()[which % len(holder.all())]
    key_id = credentials.credential_id(key)
    by = [one for one in holder.known if holder.works(one)] or [""]
    asking = by[who % len(by)]
    if what == "register":
        reissue = REISSUES[how % 2]
        new = drive(grants.register(ledger, ADDRESS, TRIAL))
        holder.registered(new, "")
        if reissue == "immediate":
            drive(grants.activate(ledger, ADDRESS, credentials.credential_id(new)))
            holder.used(new)
    elif what == "use" and holder.waiting:
        waiting = holder.waiting[which % len(holder.waiting)]
        drive(grants.activate(ledger, ADDRESS, credentials.credential_id(waiting)))
        holder.used(waiting)
    elif what == "add":
        label = f"key {how}" if how % 3 else ""
        if sum(map(holder.works, holder.known)) >= credentials.KEYS_MAX:
            with pytest.raises(Forbidden):
                drive(own_keys.add(ledger, holder.account_id, label))
            return
        made = drive(own_keys.add(ledger, holder.account_id, label))
        holder.known[made.key] = Known(False, label, made.created)
    elif what == "rotate":
        rotate(holder, ledger, key, asking, GRACES[how % len(GRACES)])
    elif what == "revoke":
        if expected := holder.why_not(key, asking):
            with pytest.raises(expected):
                drive(own_keys.revoke(ledger, holder.account_id, key_id, credentials.credential_id(asking)))
            return
        drive(own_keys.revoke(ledger, holder.account_id, key_id, credentials.credential_id(asking)))
        del holder.known[key]
    elif what == "wait":
        holder.clock.time_s += (0.5, 1, HOUR_S, DAY_S)[how % 4]


def rotate(holder: Holder, ledger: Ledger, key: str, asking: str, grace_s: int) -> None:
    expected = holder.why_not(key, asking)
    if not expected and holder.known[key].ends:
        expected = BadRequest
    if not expected and grace_s and sum(map(holder.works, holder.known)) >= credentials.KEYS_MAX:
        expected = Forbidden
    asked = holder.account_id, credentials.credential_id(key), grace_s, credentials.credential_id(asking)
    if expected:
        with pytest.raises(expected):
            drive(own_keys.rotate(ledger, *asked))
        return
    label = holder.known[key].label
    made = drive(own_keys.rotate(ledger, *asked))
    assert made.label == label
    holder.rotated(key, made.key, grace_s)
    if grace_s:
        holder.known[key] = replace(holder.known[key], ends=made.ends)
    holder.known[made.key] = replace(holder.known[made.key], created=made.created)


def changed(holder: Holder, step: Step, made: list[str]) -> None:
    """The step was applied though its process ended; the model follows."""
    what, which, _, how = step
    key = holder.all()[which]
    if what == "add":
        holder.known[made[0]] = Known(False, f"key {how}" if how % 3 else "", holder.now)
    elif what == "rotate":
        holder.rotated(key, made[0], GRACES[how % len(GRACES)])
    elif what == "revoke":
        del holder.known[key]
    elif what == "use":
        holder.used(holder.waiting[which % len(holder.waiting)])
    elif what == "register":
        holder.used(made[0])

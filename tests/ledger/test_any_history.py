"""Any history of an account ends where an independent model of plain numbers says (case 1, and Holds-3 and -5)."""

import os
import secrets
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from functions import settings as settings_module
from functions.errors import CreditsExhausted, CreditsHeld, KeyUsed, RateLimited
from functions.ledger import account as accounts
from functions.ledger import credentials, grants, idempotency, journal, tables, tidy
from functions.ledger.account import Account, Hold
from functions.ledger.admit import Admission, Ask, CredentialsChanged, admit
from functions.ledger.audit import audit_account
from functions.ledger.extend import More, extend
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.store import Ledger, Store
from functions.ledger.tables import drive
from functions.ledger.windows import Limit
from tests import stand
from tests.ledger.arrange import check, issue, paper
from tests.ledger.faults import FakeClock
from tests.ledger.model import DAY_S, HOUR_S, Claimed, Held, Model
from tests.simulation.table import FakeDynamoDB, schemas

TRIAL = 5000
TRIAL_S = 3 * DAY_S
HOLD_S = 900
HOURLY = Limit("h", 6, "requests an hour")
PREFIX = "history-"
Reply = Admission | MultipleResults[Admission]
amounts = st.integers(1, 2000)


class History(RuleBasedStateMachine):
    """One account; what happens to it happens to the model as well, which predicts every reply."""

    admissions: Bundle[Admission] = Bundle("admissions")

    @staticmethod
    def store() -> tuple[Store, str]:
        """A store, and the prefix of its tables."""
        return FakeDynamoDB(schemas(PREFIX)), PREFIX

    def __init__(self) -> None:
        super().__init__()
        store, prefix = self.store()
        self.clock = FakeClock()
        self.ledger = Ledger(store, self.clock, os.urandom, prefix)
        self.email = f"{secrets.token_hex(6)}@farebox.test"
        self.register("immediate")
        self.model = Model(HOURLY.limit, {"trial": [TRIAL, self.now + TRIAL_S]})
        self.old = self.account
        self.voided = set[str]()
        self.known = dict[str, Hold]()

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def register(self, reissue: str) -> None:
        address = grants.Address("default", self.email)
        key = drive(issue(self.ledger, address, grants.Trial(TRIAL, TRIAL_S), reissue))
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        self.account = found[1]

    @rule(reissue=st.sampled_from(["immediate", "on_first_use"]))
    def a_new_key_is_mailed(self, reissue: str) -> None:
        before = self.account.credentials_version
        self.register(reissue)
        assert self.account.credentials_version == before + (reissue == "immediate")

    @rule(seconds=st.sampled_from([1, 60, HOLD_S - 1, HOLD_S, HOUR_S, DAY_S, TRIAL_S]))
    def time_passes(self, seconds: int) -> None:
        self.clock.time_s += seconds

    def enter(self, entry: journal.Entry) -> None:
        """An entry tidies before it and after it."""
        self.model.tidy(self.now)
        drive(journal.enter(self.ledger, self.account.account_id, entry))

    @rule(amount=amounts)
    def credits_are_bought(self, amount: int) -> None:
        self.enter(journal.Entry(amount, "purchase", secrets.token_hex(6)))
        self.model.paid += amount
        self.model.entries += 1
        self.model.tidy(self.now)

    @rule(amount=amounts, name=st.sampled_from(["gift", "sorry"]), lasts_s=st.sampled_from([60, HOUR_S, 9 * DAY_S]))
    def credits_are_given(self, amount: int, name: str, lasts_s: int) -> None:
        entry = journal.Entry(amount, "adjustment", secrets.token_hex(6), lot=(name, self.now + lasts_s))
        self.model.tidy(self.now)
        if name in self.model.lots or any(name in hold.lots for hold in self.model.holds.values()):
            with pytest.raises(journal.LotTaken):
                self.enter(entry)
            return
        self.enter(entry)
        self.model.lots[name] = [amount, self.now + lasts_s]
        self.model.entries += 1

    @rule(amount=amounts, reason=st.sampled_from(["refund", "adjustment"]))
    def credits_go_out(self, amount: int, reason: str) -> None:
        self.enter(journal.Entry(-amount, reason, secrets.token_hex(6)))
        self.model.go_out(amount, owed=reason == "refund")

    @rule(target=admissions, amount=amounts, floor=amounts, more=amounts, from_old_view=st.booleans())
    def a_request_comes(self, amount: int, floor: int, more: int, from_old_view: bool) -> Reply:
        view = self.old if from_old_view else self.item()
        if from_old_view:
            floor, more = amount, 0  # which half of an old view is held depends on the view
            self.the_account_is_read()  # and whether the account is read, and so tidied, as well
        version = self.account.credentials_version
        upper = max(amount, floor) + more
        wanted = Ask(amount, max(amount, floor), upper, (HOURLY,), 1000, version, self.now + HOLD_S)
        expected = self.expected(wanted)
        if isinstance(expected, type):
            with pytest.raises(expected):
                drive(admit(self.ledger, view, wanted, fresh=False))
            return multiple()
        admission = drive(admit(self.ledger, view, wanted, fresh=False))
        hold = admission.hold
        assert hold.amount == expected
        assert from_old_view or hold.lots == self.model.parts(self.now, expected)
        self.model.admit(self.now, hold.hold_id, hold.lots, hold.paid, wanted.expires)
        self.old = admission.account
        return admission

    def expected(self, wanted: Ask) -> int | type[Exception]:
        """The amount of the hold, or why there is none; what is due is tidied before anyone is refused."""
        first = self.planned(wanted)
        if isinstance(first, int):
            return first
        self.model.tidy(self.now)
        return self.planned(wanted)

    def planned(self, wanted: Ask) -> int | type[Exception]:
        if self.model.debt:
            return CreditsExhausted
        if self.model.hours.get(self.now // HOUR_S, 0) >= HOURLY.limit:
            return RateLimited
        free = self.model.available(self.now)
        if free < wanted.least:
            return CreditsHeld if free + self.model.held() >= wanted.least else CreditsExhausted
        return min(wanted.upper, free, max(wanted.floor, free // 2))

    @rule(amount=amounts)
    def a_request_comes_with_a_key_that_has_changed(self, amount: int) -> None:
        version = self.account.credentials_version - 1
        wanted = Ask(amount, amount, amount, (), 1000, version, self.now + HOLD_S)
        with pytest.raises(CredentialsChanged):
            drive(admit(self.ledger, self.old, wanted, fresh=False))
        self.model.tidy(self.now)

    @rule(admission=admissions, least=amounts, more=st.integers(-500, 4000))
    def a_stream_needs_more(self, admission: Admission, least: int, more: int) -> None:
        """From the hold as it is now: only the request itself extends it."""
        known = self.known.get(admission.hold.hold_id, admission.hold)
        upper = known.amount + more
        wanted = self.extension(known.amount, upper, least)
        if wanted <= 0:
            self.model.tidy(self.now)
            wanted = self.extension(known.amount, upper, least)
        held = self.model.holds.get(known.hold_id)
        view = self.item()
        if wanted > 0 and held is None:
            with pytest.raises(HoldResolved):
                drive(extend(self.ledger, view, known, More(upper, least)))
            return
        larger, _ = drive(extend(self.ledger, view, known, More(upper, least)))
        assert larger.amount == known.amount + max(0, wanted)
        self.known[known.hold_id] = larger
        if held and wanted > 0:
            parts = self.model.parts(self.now, wanted)
            self.model.take(parts, wanted - sum(parts.values()))
            lots = {name: held.lots.get(name, 0) + parts.get(name, 0) for name in (*held.lots, *parts)}
            paid = held.paid + wanted - sum(parts.values())
            self.model.holds[known.hold_id] = Held(lots, paid, held.expires, held.hour)

    def extension(self, held: int, upper: int, least: int) -> int:
        free = self.model.available(self.now)
        return 0 if self.model.debt else min(upper - held, free, max(least, free // 2))

    @rule(admission=consumes(admissions) | admissions, share=st.integers(0, 100), out=st.integers(0, 9))
    def a_request_is_settled(self, admission: Admission, share: int, out: int) -> None:
        hold = self.known.get(admission.hold.hold_id, admission.hold)
        if hold.hold_id in self.voided:
            return  # nothing came of it, so nobody has a receipt to put
        cost = hold.amount * share // 100
        claim = next((key for key, used in self.model.claims.items() if used.hold_id == hold.hold_id), "")
        receipt = replace(paper(admission.account, hold, cost, input=3, output=out), claim=self.claim_id(claim))
        if hold.hold_id not in self.model.holds:
            with pytest.raises(HoldResolved):
                drive(settle(self.ledger, admission.account, hold, replace(receipt, cached=1)))
            return
        drive(settle(self.ledger, admission.account, hold, receipt))
        self.model.resolve(self.now, hold.hold_id, cost)
        self.model.count(self.now, 3, out, cost)
        if claim:
            self.model.claims[claim].charged = True

    @rule(admission=admissions)
    def a_request_is_voided(self, admission: Admission) -> None:
        hold_id = admission.hold.hold_id
        if hold_id not in self.model.holds:
            with pytest.raises(HoldResolved):
                drive(void(self.ledger, admission.account, admission.hold, admission.counts))
            return
        drive(void(self.ledger, admission.account, admission.hold, admission.counts))
        self.voided.add(hold_id)
        if self.model.holds[hold_id].hour == self.now // HOUR_S:
            self.model.hours[self.now // HOUR_S] -= 1
        self.model.resolve(self.now, hold_id, 0)

    @rule(admission=admissions, key=st.sampled_from("ab"), body=st.sampled_from([b"x", b"y"]))
    def a_request_claims_its_key(self, admission: Admission, key: str, body: bytes) -> None:
        """For the hold of an admission, open or not, that has no key yet."""
        hold_id = admission.hold.hold_id
        if any(used.hold_id == hold_id for used in self.model.claims.values()):
            return
        expected = self.model.claim(self.now, key, body, HOLD_S)
        claim = idempotency.wanted(self.ledger, self.account.account_id, key, body, HOLD_S)
        if expected != "claimed":
            with pytest.raises(KeyUsed) as refused:
                drive(idempotency.claim(self.ledger, claim))
            assert refused.value.code == expected
            return
        drive(idempotency.claim(self.ledger, claim))
        if hold_id in self.model.holds:
            self.model.claims[key] = Claimed(body, self.now, hold_id)
        else:
            drive(idempotency.release(self.ledger, claim))
            self.model.claims.pop(key, None)

    def claim_id(self, key: str) -> str:
        return idempotency.wanted(self.ledger, self.account.account_id, key, b"", 0).claim_id if key else ""

    @rule()
    def the_account_is_read(self) -> None:
        after = drive(tidy.read(self.ledger, self.account.account_id))
        self.model.tidy(self.now)
        assert after.available(self.now) == self.model.available(self.now)

    @rule()
    def the_account_is_audited(self) -> None:
        found = drive(audit_account(self.ledger, self.account.account_id))
        self.model.tidy(self.now)
        assert found.drift == 0

    def item(self) -> Account:
        key = {"TableName": self.ledger.table("accounts"), "Key": accounts.key(self.account.account_id)}
        return Account(drive(self.ledger.store.call("GetItem", key | {"ConsistentRead": True}))["Item"])

    @invariant()
    def the_account_is_as_the_model_says(self) -> None:
        account, model = self.item(), self.model
        check(account)
        lots = sum(lot.left for lot in account.lots.values())
        assert (account.paid, account.spent, account.held()) == (model.paid, model.spent, model.held())
        assert (lots, account.expired, set(account.holds)) == (model.left_in_lots(), model.expired, set(model.holds))
        assert (account.debt, account.journal_version) == (model.debt, model.entries)
        assert self.days() == model.days

    def days(self) -> dict[int, list[int]]:
        """Totals by day: what was closed, and what is open."""
        request = {"TableName": self.ledger.table("days"), "KeyConditionExpression": "account_id = :a"}
        request["ExpressionAttributeValues"] = {":a": {"S": self.account.account_id}}  # type: ignore[assignment]
        rows = drive(self.ledger.store.call("Query", request))["Items"]
        totals: dict[int, list[int]] = {}
        for row in rows:
            day = totals.setdefault(int(row["day"]["N"]), [0, 0, 0, 0])
            for index, name in enumerate(accounts.DAY_TOTALS):
                day[index] += int(row[name]["N"]) if name in row else 0
        for number, open_totals in self.item().days.items():
            day = totals.setdefault(number, [0, 0, 0, 0])
            for index, name in enumerate(accounts.DAY_TOTALS):
                day[index] += open_totals.get(name, 0)
        return totals


PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
CHECKS = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)


def test_case_01_any_history_ends_where_plain_numbers_say() -> None:
    """Credits in are credits out, balances, holds and what expired, after every step of any history."""
    run_state_machine_as_test(
        History, settings=settings(CHECKS, max_examples=100, stateful_step_count=40, phases=[*PHASES, Phase.shrink])
    )


def test_case_01_any_history_on_ministack_too(dynamodb_url: str) -> None:
    """The same on a DynamoDB that is not ours: fewer histories, through PynamoDB's connection."""
    deployment = settings_module.read(stand.environment(dynamodb_url, f"h{secrets.token_hex(5)}-"))
    tables.create_tables(deployment)
    store = tables.Synchronous(deployment)
    here = type("Here", (History,), {"store": staticmethod(lambda: (store, deployment.table_prefix))})
    # Shrinking takes minutes here; 30 steps can be read as they are.
    run_state_machine_as_test(here, settings=settings(CHECKS, max_examples=8, stateful_step_count=30))

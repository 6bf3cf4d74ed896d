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
from functions.errors import CreditsExhausted, CreditsHeld, RateLimited
from functions.ledger import account as accounts
from functions.ledger import credentials, grants, pages, tables, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, Ask, CredentialsChanged, admit
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.store import Ledger
from functions.ledger.tables import drive
from functions.ledger.windows import Limit
from functions.settings import Settings
from tests import stand
from tests.ledger.arrange import check, issue, paper
from tests.ledger.faults import FakeClock
from tests.ledger.model import DAY_S, HOUR_S, Model

TRIAL = 5000
TRIAL_S = 3 * DAY_S
HOLD_S = 900
HOURLY = Limit("h", 6, "requests an hour")
Reply = Admission | MultipleResults[Admission]
amounts = st.integers(1, 2000)


class History(RuleBasedStateMachine):
    """One account; what happens to it happens to the model as well, which predicts every reply."""

    admissions: Bundle[Admission] = Bundle("admissions")

    deployment: Settings

    def __init__(self) -> None:
        super().__init__()
        deployment = self.deployment
        self.clock = FakeClock()
        self.ledger = Ledger(tables.Synchronous(deployment), self.clock, os.urandom, deployment.table_prefix)
        self.email = f"{secrets.token_hex(6)}@farebox.test"
        self.register("immediate")
        self.model = Model(TRIAL, self.now + TRIAL_S, HOURLY.limit)
        self.old = self.account

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

    @rule(amount=amounts)
    def credits_are_bought(self, amount: int) -> None:
        request = {"TableName": self.ledger.table("accounts"), "Key": accounts.key(self.account.account_id)}
        request |= {"UpdateExpression": "ADD paid :a, credited :a"}
        drive(self.ledger.store.call("UpdateItem", request | {"ExpressionAttributeValues": {":a": {"N": str(amount)}}}))
        self.model.paid += amount

    @rule(seconds=st.sampled_from([1, 60, HOLD_S - 1, HOLD_S, HOUR_S, DAY_S, TRIAL_S]))
    def time_passes(self, seconds: int) -> None:
        self.clock.time_s += seconds

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
        hold, from_trial = admission.hold, sum(admission.hold.lots.values())
        assert hold.amount == expected
        assert from_old_view or from_trial == self.model.from_trial(self.now, expected)
        self.model.admit(self.now, hold.hold_id, from_trial, hold.paid, wanted.expires)
        self.old = admission.account
        return admission

    def expected(self, wanted: Ask) -> int | type[Exception]:
        """The amount of the hold, or why there is none; what is due is tidied before anyone is refused."""
        if self.model.hours.get(self.now // HOUR_S, 0) >= HOURLY.limit:
            self.model.tidy(self.now)
            return RateLimited
        if self.model.available(self.now) < wanted.least:
            self.model.tidy(self.now)
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

    @rule(admission=consumes(admissions) | admissions, share=st.integers(0, 100), out=st.integers(0, 9))
    def a_request_is_settled(self, admission: Admission, share: int, out: int) -> None:
        hold = admission.hold
        cost = hold.amount * share // 100
        receipt = paper(admission.account, hold, cost, input=3, output=out)
        if hold.hold_id not in self.model.holds:
            with pytest.raises(HoldResolved):
                drive(settle(self.ledger, admission.account, hold, replace(receipt, cached=1)))
            return
        drive(settle(self.ledger, admission.account, hold, receipt))
        self.model.resolve(self.now, hold.hold_id, cost)
        self.model.count(self.now, 3, out, cost)

    @rule(admission=admissions)
    def a_request_is_voided(self, admission: Admission) -> None:
        hold_id = admission.hold.hold_id
        if hold_id not in self.model.holds:
            with pytest.raises(HoldResolved):
                drive(void(self.ledger, admission.account, admission.hold, admission.counts))
            return
        drive(void(self.ledger, admission.account, admission.hold, admission.counts))
        if self.model.holds[hold_id].hour == self.now // HOUR_S:
            self.model.hours[self.now // HOUR_S] -= 1
        self.model.resolve(self.now, hold_id, 0)

    @rule()
    def the_account_is_read(self) -> None:
        after = drive(tidy.read(self.ledger, self.account.account_id))
        self.model.tidy(self.now)
        assert after.available(self.now) == self.model.available(self.now)
        today = self.now // DAY_S
        days = pages.recent_days(after, today - 400, today)
        assert {d.day: [d.requests, d.input, d.output, d.cost] for d in days} == self.model.days

    def item(self) -> Account:
        key = {"TableName": self.ledger.table("accounts"), "Key": accounts.key(self.account.account_id)}
        return Account(drive(self.ledger.store.call("GetItem", key | {"ConsistentRead": True}))["Item"])

    @invariant()
    def the_account_is_as_the_model_says(self) -> None:
        account, model = self.item(), self.model
        check(account)
        lots = sum(lot.left for lot in account.lots.values())
        assert (account.paid, account.spent, account.held()) == (model.paid, model.spent, model.held())
        assert (lots, account.expired, set(account.holds)) == (model.trial, model.expired, set(model.holds))


def test_case_01_any_history_ends_where_plain_numbers_say(dynamodb_url: str) -> None:
    """Credits in are credits out, balances, holds and what expired, after every step of any history."""
    deployment = settings_module.read(stand.environment(dynamodb_url, f"h{secrets.token_hex(5)}-"))
    tables.create_tables(deployment)
    run_state_machine_as_test(
        type("Here", (History,), {"deployment": deployment}),
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking takes minutes here; 30 steps can be read as they are.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )

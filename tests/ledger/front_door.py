"""A gateway in front of a scripted provider, and what its accounts come to in the end."""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from functions.ledger import grants, tidy
from functions.ledger.account import Account
from functions.ledger.store import Ledger
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.ledger.arrange import check
from tests.stand import Answer, RunningGateway

CHAT = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20}
CHAT_CREDITS = 7
"""What the scripted provider's answer costs: 5 tokens in, 2 out."""
HEALED_WITHIN_S = 30


@dataclass
class Customer:
    """One account behind the front door."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    key: str
    ledger: Ledger

    def chat(self, **more: Any) -> Answer:
        return self.gateway.request("POST", "/v1/chat/completions", CHAT | more, self.key)

    def ledger_account(self) -> Account:
        """The account as the ledger has it, tidied."""
        shown = self.gateway.account(self.key)
        return drive(tidy.read(self.ledger, f"{shown['project']}/{shown['user_id']}"))

    def settled(self, expected: float | None = None) -> dict[str, Any]:
        """What /account shows once nothing is held: whole, and charged what its receipts say."""
        shown = self.until_nothing_is_held()
        balance = shown["balance"]
        account = self.ledger_account()
        check(account)
        assert account.held() == 0
        assert balance["spent"] == sum(receipt["credits"] for receipt in shown["receipts"])
        assert balance["available"] + balance["spent"] == account.credited / MICROCREDITS_PER_CREDIT
        if expected is not None:
            assert balance["spent"] == expected
        return shown

    def until_nothing_is_held(self) -> dict[str, Any]:
        deadline = time.monotonic() + HEALED_WITHIN_S
        while time.monotonic() < deadline:
            shown = self.gateway.account(self.key)
            if shown["balance"]["held"] == 0:
                return shown
            time.sleep(0.1)
        raise AssertionError(f"still held after {HEALED_WITHIN_S} s: {shown['balance']}")


def new_customer(gateway: RunningGateway, upstream: ScriptedUpstream, trial_tokens: int = 100_000) -> Customer:
    """A registered address; the mail is spared."""
    address = grants.Address("default", f"{secrets.token_hex(6)}@farebox.test")
    trial = grants.Trial(trial_tokens * MICROCREDITS_PER_CREDIT, 7 * DAY_S)
    ledger = _ledger(gateway.settings.table_prefix, gateway)
    return Customer(gateway, upstream, drive(grants.register(ledger, address, trial)), ledger)


_ledgers: dict[str, Ledger] = {}


def _ledger(prefix: str, gateway: RunningGateway) -> Ledger:
    """One a deployment: making a client takes longer than a chat."""
    if prefix not in _ledgers:
        _ledgers[prefix] = gateway.ledger()
    return _ledgers[prefix]


def outcomes(shown: dict[str, Any]) -> list[str]:
    """How the requests that /account shows went, in alphabetical order."""
    return sorted(receipt["outcome"] for receipt in shown["receipts"])


def is_whole(answer: Answer, *, stream: bool) -> bool:
    """Whether a client got a complete answer in OpenAI's shape."""
    if stream:
        return answer.body.endswith(b"data: [DONE]\n\n") and b'"error"' not in answer.body
    message: str = json.loads(answer.body)["choices"][0]["message"]["content"]
    return bool(message)

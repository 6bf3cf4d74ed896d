"""One account in front of a scripted provider, and what tests ask of it."""

import dataclasses
import json
import secrets
from dataclasses import dataclass
from typing import Any

from functions.ledger import account as accounts
from functions.ledger import credentials, grants, tables
from functions.ledger.store import Item, Ledger
from functions.money import MICROCREDITS_PER_CREDIT
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.stand import Answer, RunningGateway, wait_until

WEEK_S = 7 * 86400
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Say hello."}]
CREDITS = 100_000


_ledgers: dict[str, Ledger] = {}


def ledger_of(gateway: RunningGateway) -> Ledger:
    """A gateway's ledger; made once, because a client of AWS takes its time."""
    if gateway.url not in _ledgers:
        _ledgers[gateway.url] = gateway.ledger()
    return _ledgers[gateway.url]


def new_key(gateway: RunningGateway, credits: int = CREDITS) -> str:
    """The key of a new account with so many credits; straight into the ledger, for speed."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    trial = grants.Trial(credits * MICROCREDITS_PER_CREDIT, WEEK_S) if credits else grants.NO_TRIAL
    return tables.drive(grants.register(ledger_of(gateway), grants.Address("default", email), trial))


def account_item(gateway: RunningGateway, key: str) -> Item:
    """All that the ledger has about an account: credits, holds, windows, sums."""
    ledger = ledger_of(gateway)
    found = tables.drive(credentials.find(ledger, credentials.credential_id(key)))
    assert found
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(found[1].account_id), "ConsistentRead": True}
    item: Item = tables.drive(ledger.read("GetItem", request))["Item"]
    return item


@dataclass
class Stage:
    """A gateway, the provider behind it, and an account's key."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    key: str
    credits: int = CREDITS

    def post(self, body: Any, path: str = CHAT, **headers: str) -> Answer:
        return self.gateway.request("POST", path, body, key=self.key, headers=headers)

    def unjudged(self) -> "Stage":
        """The same, where the provider's own answer, which goes through as it is, is none."""
        return dataclasses.replace(self, gateway=self.gateway.unjudged())

    def chat(self, **fields: Any) -> Answer:
        return self.post({"messages": HELLO, **fields})

    def account(self) -> dict[str, Any]:
        return self.gateway.account(self.key)

    def balance(self) -> dict[str, Any]:
        balance: dict[str, Any] = self.account()["balance"]
        return balance

    def receipt(self) -> dict[str, Any]:
        """The only receipt, once its hold is resolved; the balance must say the same."""
        wait_until(lambda: self.balance()["held"] == 0, "no hold is open")
        account = self.account()
        (receipt,) = account["receipts"]
        balance = account["balance"]
        assert balance["spent"] == receipt["credits"] == self.credits - balance["available"]
        return dict(receipt)

    def untouched(self) -> bool:
        """Nothing was ever held or charged, and no receipt was written."""
        account = self.account()
        return (account["balance"]["available"], account["receipts"], account["balance"]["held"]) == (
            self.credits,
            [],
            0,
        )


def with_credits(stage: Stage, credits: int) -> Stage:
    """The same gateway and provider, with another account."""
    return Stage(stage.gateway, stage.upstream, new_key(stage.gateway, credits), credits)


def said(answer: Answer) -> list[Any]:
    """The events of a streamed answer, decoded; [DONE] as text."""
    assert answer.status == 200, answer.body
    lines = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]

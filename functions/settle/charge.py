"""From what a request used to what it is charged: never above its hold, and what is above is written down."""

import logging

from functions.errors import LedgerUnavailable
from functions.forward.llama import Prepared
from functions.ledger import crossing
from functions.ledger.abuse import Policy
from functions.ledger.account import Account
from functions.ledger.admit import Admission
from functions.ledger.ids import made_at
from functions.ledger.receipts import Receipt
from functions.ledger.settle import HoldResolved, settle
from functions.ledger.store import Ledger
from functions.money import Price, Usage
from functions.observer import NOBODY, Observer

log = logging.getLogger("farebox.settle")


def receipt(admission: Admission, prepared: Prepared, price: Price, usage: Usage, anomalies: set[str]) -> Receipt:
    """The receipt of a completed request; when and how it ended is for the caller to say."""
    cost, held = price.cost(usage), admission.hold.amount
    odd = anomalies | {"above_hold"} if cost > held else anomalies
    return Receipt(
        account_id=admission.account.account_id,
        receipt_id=admission.hold.hold_id,
        created=made_at(admission.hold.hold_id),
        ended=0,
        outcome="completed",
        cost=min(cost, held),
        hold=held,
        endpoint=prepared.endpoint,
        price=price.version,
        estimate=prepared.input_bound,
        input=usage.input,
        output=usage.output,
        cached=usage.cached,
        reasoning=usage.reasoning,
        shortfall=max(0, cost - held),
        anomalies=tuple(sorted(odd)),
    )


async def charge(
    ledger: Ledger,
    admission: Admission,
    receipt: Receipt,
    observer: Observer = NOBODY,
    offence: Policy | None = None,
) -> Account | None:
    """Settle a request by its receipt; returns the account after, or None where that is not known.

    An `offence` is counted with it, which may block the account. Where credits ran low by it, its user will be told.

    Never raises: the answer is made, and the client is to have it. What cannot be settled now is settled by
    whoever reads the account next, by the receipt if it was put, else at no cost when the hold expires.
    """
    try:
        after = await settle(ledger, admission.account, admission.hold, receipt, offence)
    except HoldResolved as resolved:
        outcome = resolved.receipt.outcome if resolved.receipt else "unknown"
        log.warning("settled late: receipt %s is %s already", receipt.receipt_id, outcome)
        observer.settled_late(receipt)
    except LedgerUnavailable:
        log.error("not settled: receipt %s waits for the next reader", receipt.receipt_id)
        observer.not_settled(receipt)
    else:
        observer.settled(receipt)
        await crossing.tell(ledger, after)
        return after
    return None

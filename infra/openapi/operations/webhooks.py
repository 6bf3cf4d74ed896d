"""What payment providers tell: the addresses that they send events to."""

from collections.abc import Mapping

from functions.payments.provider import BTCPAY, MOLLIE, POLAR, PROVIDERS, STRIPE
from infra.openapi import problems
from infra.openapi.parts import FORM, JSON, Answer, Body, Operation, Parameter
from infra.openapi.schemas import Schema, boolean, obj, ref, text

TAG = "Events of payment providers"
SAYS = """\
2xx is answered only when what the event brings is in the ledger; after any other answer the provider sends it again.
The same event again changes nothing. An event only points at a payment: the provider is asked what became of it."""
HEADERS: Mapping[str, tuple[str, ...]] = {
    STRIPE: ("Stripe-Signature",),
    POLAR: ("webhook-id", "webhook-timestamp", "webhook-signature"),
    BTCPAY: ("BTCPay-Sig",),
    MOLLIE: (),
}
"""By provider, the headers that say it is theirs. Mollie signs nothing: only payments of ours are looked up."""
EVENTS: Mapping[str, Schema] = {
    STRIPE: obj(
        {"id": text(), "type": text()}, {"data": obj({"object": obj({}, is_open=True)}, is_open=True)}, is_open=True
    ),
    POLAR: obj({"type": text(), "data": obj({}, is_open=True)}, is_open=True),
    BTCPAY: obj({"deliveryId": text(), "type": text()}, {"storeId": text(), "invoiceId": text()}, is_open=True),
    MOLLIE: obj({"id": text(description="The payment's id, such as `tr_5B8cwPMGnU`.")}, is_open=True),
}
SCHEMAS: dict[str, Schema] = {
    "EventReceived": obj(
        {
            "received": boolean(const=True),
            "handled": boolean(description="Whether it was about an order of this gateway."),
        }
    )
}


def _operation(provider: str, path: str, whose: str) -> Operation:
    of_project = "{project_id}" in path
    name = provider.capitalize() if provider != BTCPAY else "BTCPay"
    return Operation(
        "POST",
        path,
        f"take_event_of_{provider}" + ("_for_a_project" if of_project else ""),
        TAG,
        f"Take an event of {name}, for {whose}",
        "payment provider",
        {200: Answer("It is in the ledger, or there was nothing to enter.", ref("EventReceived"))},
        (
            problems.WRONG,
            problems.TOO_LARGE,
            *((problems.NOT_FOUND,) if of_project else ()),
            *((problems.RATE_LIMITED,) if provider == MOLLIE else ()),
            problems.LEDGER_UNAVAILABLE,
            problems.PAYMENT_PROVIDER_FAILED,
            problems.UNAVAILABLE if of_project else problems.NOT_CONFIGURED,
        ),
        description=SAYS,
        body=Body(EVENTS[provider], content_types=(FORM,) if provider == MOLLIE else (JSON,)),
        parameters=tuple(
            Parameter(each, text(), "What the provider signs the event with.", required=True, where="header")
            for each in HEADERS[provider]
        ),
        path_values={"project_id": text(description="The project's id.")} if of_project else {},
    )


OPERATIONS: tuple[Operation, ...] = tuple(
    _operation(provider, path, whose)
    for provider in PROVIDERS
    for path, whose in (
        (f"/{provider}/webhook", "the operator"),
        (f"/projects/{{project_id}}/{provider}/webhook", "a project"),
    )
)
